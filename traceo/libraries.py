"""Hooking one library by name, and unhooking: ``traceo.instrument("redis")``, ``traceo.uninstrument()``."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from opentelemetry import trace

from traceo import startup
from traceo.instrumentation.catalog import LIBRARIES
from traceo.instrumentation.install import Installed
from traceo.instrumentation.options import Options, rows_named
from traceo.spans import decorated

__all__ = ["Instrumented", "hook", "is_library", "uninstrument"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

_lock = threading.Lock()
_without_client: Installed | None = None
"""For calls before `init`, and beside a tracer provider that is not ours."""


class Instrumented:
    """What ``traceo.instrument("redis")`` has done: the ``names`` of the rows, and the way to undo it.

    If the call turns out to be a decorator (``@traceo.instrument("redis")`` above a function), the function
    gets a span of that name and what was hooked for it is unhooked again.
    """

    __slots__ = ("_installed", "_name", "_newly", "names")

    def __init__(self, name: str, names: Sequence[str], newly: Sequence[str], installed: Installed) -> None:
        self.names = tuple(names)
        self._name = name
        self._newly = tuple(newly)
        self._installed = installed

    def uninstall(self) -> None:
        """Unhook what this call has hooked; what was hooked before stays. Idempotent."""
        newly, self._newly = self._newly, ()
        if newly:
            self._installed.uninstall(*newly)

    def __call__(self, function: Callable[_P, _R], /) -> Callable[_P, _R]:
        """A span of this name around each call of ``function``."""
        self.uninstall()
        return decorated(function, self._name, {})

    def __repr__(self) -> str:
        """The rows."""
        return f"<traceo.Instrumented {', '.join(self.names)}>"


def is_library(name: str) -> bool:
    """Whether a row of the catalogue, or several, go by this name."""
    return any(name in {row.name, *row.aliases} for row in LIBRARIES)


def hook(name: str) -> Instrumented:
    """Hook the library now, or as soon as the application imports it, whatever the settings left out."""
    rows = [row for row in LIBRARIES if name in {row.name, *row.aliases}]
    with _lock:
        installed = _installed()
        known = {state.name for state in installed.libraries}
        installed.add(rows)
    newly = [row.name for row in rows if row.name not in known]
    return Instrumented(name, [row.name for row in rows], newly, installed)


def uninstrument(*names: str) -> None:
    """Put the original objects of these libraries back, of all of them when none is named.

    They stay unhooked, imported or not, until `instrument` names them again. Spans that are open end as they
    would have.

    Raises:
        ConfigError: no library of the catalogue has such a name.

    >>> uninstrument("httpx")
    """
    rows: set[str] = set()
    for name in names:
        rows |= rows_named(name, "uninstrument()")
    client: Any = startup.current()
    if client is not None:
        client.uninstrument(*rows)
    with _lock:
        if _without_client is not None:
            _without_client.uninstall(*rows)


def _installed() -> Installed:
    global _without_client
    hooks = getattr(startup.current(), "hooks", None)
    if isinstance(hooks, Installed):
        return hooks
    if _without_client is None:
        # Its tracers become real ones when a provider is set.
        _without_client = Installed(trace.get_tracer_provider(), Options())
    return _without_client
