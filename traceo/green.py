"""gevent and eventlet: nothing may be in the middle of an import while they patch.

They give every thread another identity. An import that began under the old one cannot release its lock, and
whoever needs the module next waits for ever. So patching waits for the pipeline thread, as a fork does.
"""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

from traceo.instrumentation.hooks import when_imported

__all__ = ["guard"]

_PATCHERS = {
    "gevent.monkey": ("patch_all", "patch_thread"),
    "eventlet.patcher": ("monkey_patch",),
    "eventlet": ("monkey_patch",),
}


def guard(at_rest: Callable[[], AbstractContextManager[None]]) -> None:
    """Have what patches run inside ``at_rest()``, now or when it is imported."""
    depth: list[str] = []  # one of them calls the other

    def hold(original: Any, name: str) -> Callable[..., Any]:
        @functools.wraps(original)
        def patch(*args: Any, **kwargs: Any) -> Any:
            if depth:
                return original(*args, **kwargs)
            depth.append(name)
            try:
                with at_rest():
                    return original(*args, **kwargs)
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
