"""sqlite3: one client span a statement; the shortcuts of a connection (``execute`` and such) are one, too.

``sqlite3.connect`` makes connections of a subclass of what the application asks for; a factory that is a
function, and connections there were before, stay as they are. So do those of aiosqlite: its statements run
in a thread that does not know whose they are.
"""

import os
import sqlite3
import sys
from collections.abc import Callable
from sqlite3 import dbapi2
from typing import Any, Final

from traceo import semconv
from traceo.instrumentation.database import ABOUT, About, about_all, finish
from traceo.instrumentation.dbapi import Befores, Leaves
from traceo.instrumentation.guard import around, failed
from traceo.instrumentation.hooks import Site

__all__ = ["install"]

_FACTORY_POSITION: Final = 5
_NOTHING_KNOWN: Final = about_all({semconv.DB_SYSTEM_NAME: "sqlite"})


def install(site: Site) -> None:
    """Replace ``connect`` where it is found by that name."""
    connections = _connections(site)

    def make(original: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
        def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            leafed = None
            try:
                if site.active and not _is_aiosqlite(sys._getframe(1)):  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  inspect costs an import
                    leafed = _with_leaf(connections, args, kwargs)
            except Exception as error:
                failed("sqlite3.connect", error)
            if leafed is None:
                return original(*args, **kwargs)
            connection = original(*leafed[0], **leafed[1])
            try:
                setattr(connection, ABOUT, _about(args, kwargs))
            except Exception as error:
                failed("sqlite3.connect", error)
            return connection

        return connect

    for module in (sqlite3, dbapi2):
        site.replace(module, "connect", make)


def _connections(site: Site) -> Leaves[sqlite3.Connection]:
    befores = Befores(site, _of_cursor)
    plain = sqlite3.Cursor

    class Cursor(sqlite3.Cursor):
        __slots__ = ()
        execute = around(plain.execute, "sqlite3.execute", befores.execute, finish)
        executemany = around(plain.executemany, "sqlite3.execute", befores.executemany, finish)
        executescript = around(plain.executescript, "sqlite3.execute", befores.execute, finish)

    cursors: Leaves[sqlite3.Cursor] = Leaves("sqlite3.cursor", Cursor)
    leaf_of_plain = cursors.of(plain)

    class Connection(sqlite3.Connection):
        __slots__ = ()

        def cursor(self, *args: Any, **kwargs: Any) -> Any:
            if site.active:
                if not args and not kwargs:
                    return super().cursor(leaf_of_plain)
                factory = args[0] if args else kwargs.get("factory")
                if isinstance(factory, type):
                    leaf = cursors.of(factory)
                    if args:
                        args = (leaf, *args[1:])
                    else:
                        kwargs["factory"] = leaf
            return super().cursor(*args, **kwargs)

        # In C these run their statement on a cursor of the library's own class.
        def execute(self, *args: Any) -> Any:
            if not site.active:
                return super().execute(*args)
            return super().cursor(leaf_of_plain).execute(*args)

        def executemany(self, *args: Any) -> Any:
            if not site.active:
                return super().executemany(*args)
            return super().cursor(leaf_of_plain).executemany(*args)

        def executescript(self, *args: Any) -> Any:
            if not site.active:
                return super().executescript(*args)
            return super().cursor(leaf_of_plain).executescript(*args)

    return Leaves("sqlite3.connect", Connection, (ABOUT,))


def _with_leaf(
    connections: Leaves[sqlite3.Connection], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments with our subclass of the factory in its place; ``None``: there is none of it."""
    is_positional = len(args) > _FACTORY_POSITION
    factory = args[_FACTORY_POSITION] if is_positional else kwargs.get("factory", sqlite3.Connection)
    leaf = connections.of(factory)
    if leaf is factory:
        return None
    if is_positional:
        return (*args[:_FACTORY_POSITION], leaf, *args[_FACTORY_POSITION + 1 :]), kwargs
    return args, {**kwargs, "factory": leaf}


def _is_aiosqlite(caller: Any) -> bool:
    return str(caller.f_globals.get("__name__", "")).startswith("aiosqlite")


def _about(args: tuple[Any, ...], kwargs: dict[str, Any]) -> About:
    path = os.fsdecode(args[0] if args else kwargs["database"])
    # A URI's query holds options, of some builds also the key of the database.
    path = path.partition("?")[0] if path.startswith("file:") else path
    return about_all({**_NOTHING_KNOWN.attributes, semconv.DB_NAMESPACE: path})


def _of_cursor(cursor: sqlite3.Cursor) -> About:
    return getattr(cursor.connection, ABOUT, _NOTHING_KNOWN)
