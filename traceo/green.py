"""gevent and eventlet: no import may be under way while they patch, nor go on beside greenlets afterwards.

They give every thread another identity. An import that began under the old one cannot release its lock, and
whoever needs the module next waits for ever. So patching waits for the pipeline thread, as a fork does. The
locks of later imports are theirs: a greenlet that waits for one of another thread, while nothing else goes on
in its hub, fails ("This operation would block forever"). So whoever patches imports for the pipeline thread.
"""

import contextlib
import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

from traceo.instrumentation.hooks import when_imported
from traceo.native import is_patched

__all__ = ["guard"]

_PATCHERS = {
    "gevent.monkey": ("patch_all", "patch_thread"),
    "eventlet.patcher": ("monkey_patch",),
    "eventlet": ("monkey_patch",),
}


def guard(at_rest: Callable[[], AbstractContextManager[None]], load: Callable[[], None]) -> None:
    """Have what patches run inside ``at_rest()``, now or when it is imported, and ``load()`` after it.

    ``load`` runs at once where something has patched already, and once in all.
    """
    depth: list[str] = []  # one of them calls the other
    loading = [load]

    def load_once() -> None:
        # What cannot be imported is met again by the pipeline thread, which counts it.
        with contextlib.suppress(Exception):
            while loading and is_patched():
                loading.pop()()

    def hold(original: Any, name: str) -> Callable[..., Any]:
        @functools.wraps(original)
        def patch(*args: Any, **kwargs: Any) -> Any:
            if depth:
                return original(*args, **kwargs)
            depth.append(name)
            try:
                with at_rest():
                    result = original(*args, **kwargs)
                    load_once()
                    return result
            finally:
                depth.pop()

        return patch

    def imported(module: ModuleType) -> None:
        for name in _PATCHERS[module.__name__]:
            original = getattr(module, name, None)
            if original is not None:
                setattr(module, name, hold(original, name))

    for module in _PATCHERS:
        when_imported(module, imported)
    load_once()
