"""Switching hooks on for what the app imports, now or later, and off again."""

import importlib
import sys
import threading
from collections.abc import Callable, Iterable
from types import ModuleType

import msgspec
from opentelemetry.trace import TracerProvider

from traceo._version import __version__
from traceo.instrumentation.catalog import Library, is_newer
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import NotHooked, Site, when_imported
from traceo.instrumentation.options import Options, Selection

__all__ = ["Installed", "LibraryState", "install"]

_lock = threading.RLock()
_hooked: set[str] = set()
"""Rows hooked in this process: a second installation leaves them to the first, so that no span is doubled."""


class LibraryState(msgspec.Struct, frozen=True, kw_only=True):
    """One selected row as it stands.

    ``state`` is ``"waiting"`` (not imported), ``"hooked"``, ``"failed"``, ``"missing"`` (the package that
    would do it is not installed), or ``"taken"`` by an earlier installation.
    """

    name: str
    state: str
    version: str = ""
    reason: str = ""
    """Why it is neither hooked nor waiting, where more is known than the state."""
    is_tested: bool = True
    """False: newer than the newest version we tested; hooked all the same."""


class Installed:
    """What one :func:`install` has hooked, and the way to undo it."""

    def __init__(self, tracer_provider: TracerProvider, options: Options) -> None:
        self._tracer_provider = tracer_provider
        self._options = options
        self._states: dict[str, LibraryState] = {}
        self._sites: list[Site] = []
        self._cancels: dict[str, Callable[[], None]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The rows hooked so far."""
        return tuple(name for name, state in self._states.items() if state.state == "hooked")

    @property
    def libraries(self) -> tuple[LibraryState, ...]:
        """All selected rows with a hook, in the catalogue's order."""
        return tuple(self._states.values())

    def add(self, rows: Iterable[Library]) -> None:
        """Hook these too. A row that is hooked, or waits for its library, is left as it is. Never raises."""
        for row in rows:
            with _lock:
                if row.hook is not None and row.name not in self._cancels:
                    self._await(row, row.hook)

    def uninstall(self, *names: str) -> None:
        """Put the original objects of these rows (of all, without names) back, the last hooked first.

        Libraries imported later stay unhooked. Idempotent.
        """
        with _lock:
            chosen = set(names or self._cancels)
            for name in chosen & self._cancels.keys():
                self._cancels.pop(name)()
                self._states.pop(name)
            for site in reversed(self._sites.copy()):
                if site.name in chosen:
                    self._sites.remove(site)
                    site.restore()
                    _hooked.discard(site.name)

    def _await(self, row: Library, hook: str) -> None:
        self._states[row.name] = LibraryState(name=row.name, state="waiting")
        self._cancels[row.name] = _nothing  # there from now on: the library may be imported already

        def imported(module: ModuleType) -> None:
            with _lock:
                if row.name in self._cancels:
                    self._states[row.name] = self._hook(row, hook, module)

        self._cancels[row.name] = when_imported(row.module, imported)

    def _hook(self, row: Library, hook: str, module: ModuleType) -> LibraryState:
        if row.name in _hooked:
            return LibraryState(name=row.name, state="taken")
        version = _version(row, module)
        tracer = self._tracer_provider.get_tracer(hook, __version__)
        site = Site(row.name, tracer, self._options, self._tracer_provider)
        try:
            importlib.import_module(hook).install(site)
        except Exception as error:
            site.restore()
            state, reason = "failed", ""
            if isinstance(error, NotHooked):
                state, reason = error.state, error.reason
            if state == "failed":
                failed(f"{row.name}.install", error)
            return LibraryState(
                name=row.name,
                state=state,
                version=version,
                reason=reason,
                is_tested=not is_newer(version, row),
            )
        _hooked.add(row.name)
        self._sites.append(site)
        return LibraryState(
            name=row.name, state="hooked", version=version, is_tested=not is_newer(version, row)
        )


def install(
    selection: Selection, *, tracer_provider: TracerProvider, options: Options | None = None
) -> Installed:
    """Hook every selected library that the app has imported, and the others when it does. Never raises.

    Spans are made by tracers of ``tracer_provider``, one a library, named after the hook module. A library
    hooked by an earlier installation that is still in place is left to that one.
    """
    installed = Installed(tracer_provider, options or Options())
    installed.add(selection.libraries())
    return installed


def _nothing() -> None:
    """Until there is something to cancel."""


def _version(row: Library, module: ModuleType) -> str:
    """The library's own word first: reading distribution metadata costs 12 ms the first time."""
    if row.distribution == "python":
        return ".".join(str(part) for part in sys.version_info[:3])
    package = sys.modules.get(module.__name__.partition(".")[0], module)
    version = vars(package).get("__version__")  # not what a module computes, or warns of, when asked
    if isinstance(version, str):
        return version
    import importlib.metadata  # noqa: PLC0415  see above

    try:
        return importlib.metadata.version(row.distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""
