"""Switching hooks on for what the app imports, now or later, and off again."""

import importlib
import sys
import threading
from collections.abc import Callable
from types import ModuleType

import msgspec
from opentelemetry.trace import TracerProvider

from traceo._version import __version__
from traceo.instrumentation.catalog import Library, is_newer
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site, when_imported
from traceo.instrumentation.options import Options, Selection

__all__ = ["Installed", "LibraryState", "install"]

_lock = threading.RLock()
_hooked: set[str] = set()
"""Rows hooked in this process: a second installation leaves them to the first, so that no span is doubled."""


class LibraryState(msgspec.Struct, frozen=True, kw_only=True):
    """One selected row as it stands.

    ``state`` is ``"waiting"`` (not imported), ``"hooked"``, ``"failed"``, or ``"taken"`` by an earlier
    installation.
    """

    name: str
    state: str
    version: str = ""
    is_tested: bool = True
    """False: newer than the newest version we tested; hooked all the same."""


class Installed:
    """What one :func:`install` has hooked, and the way to undo it."""

    def __init__(self) -> None:
        self._states: dict[str, LibraryState] = {}
        self._sites: list[Site] = []
        self._cancels: list[Callable[[], None]] = []
        self._is_open = True

    @property
    def names(self) -> tuple[str, ...]:
        """The rows hooked so far."""
        return tuple(name for name, state in self._states.items() if state.state == "hooked")

    @property
    def libraries(self) -> tuple[LibraryState, ...]:
        """All selected rows with a hook, in the catalogue's order."""
        return tuple(self._states.values())

    def uninstall(self) -> None:
        """Put the original objects back, the last hooked first; later imports stay unhooked. Idempotent."""
        with _lock:
            self._is_open = False
            for cancel in self._cancels:
                cancel()
            self._cancels.clear()
            while self._sites:
                site = self._sites.pop()
                site.restore()
                _hooked.discard(site.name)
                self._states[site.name] = LibraryState(name=site.name, state="waiting")

    def _await(self, row: Library, hook: str, tracer_provider: TracerProvider, options: Options) -> None:
        self._states[row.name] = LibraryState(name=row.name, state="waiting")

        def imported(module: ModuleType) -> None:
            with _lock:
                if self._is_open:
                    self._states[row.name] = self._hook(row, hook, module, tracer_provider, options)

        self._cancels.append(when_imported(row.module, imported))

    def _hook(
        self, row: Library, hook: str, module: ModuleType, tracer_provider: TracerProvider, options: Options
    ) -> LibraryState:
        if row.name in _hooked:
            return LibraryState(name=row.name, state="taken")
        version = _version(row, module)
        site = Site(row.name, tracer_provider.get_tracer(hook, __version__), options)
        try:
            importlib.import_module(hook).install(site)
        except Exception as error:
            site.restore()
            failed(f"{row.name}.install", error)
            return LibraryState(
                name=row.name, state="failed", version=version, is_tested=not is_newer(version, row)
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
    installed = Installed()
    chosen = options or Options()
    for row in selection.libraries():
        if row.hook is not None:
            installed._await(row, row.hook, tracer_provider, chosen)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  its other half
    return installed


def _version(row: Library, module: ModuleType) -> str:
    """The library's own word first: reading distribution metadata costs 12 ms the first time."""
    if row.distribution == "python":
        return ".".join(str(part) for part in sys.version_info[:3])
    package = sys.modules.get(module.__name__.partition(".")[0], module)
    version = getattr(package, "__version__", None)
    if isinstance(version, str):
        return version
    import importlib.metadata  # noqa: PLC0415  see above

    try:
        return importlib.metadata.version(row.distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""
