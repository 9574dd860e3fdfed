"""psycopg2: one client span a statement, a stored procedure or a ``COPY``; named cursors when opened.

The connections that ``psycopg2.connect`` makes are of a subclass of what the application asks for, and so are
their cursors; a factory that is a function, and connections there were before, stay as they are.
"""

from collections.abc import Callable
from typing import Any, Final

import psycopg2
import psycopg2.extensions
from opentelemetry.trace import Span

from traceo.instrumentation.database import ABOUT, finish
from traceo.instrumentation.dbapi import Befores, Leaves, of_libpq
from traceo.instrumentation.guard import around, failed
from traceo.instrumentation.hooks import Site

__all__ = ["install"]

# The types come without stubs.
_Connection: Final[Any] = psycopg2.extensions.connection
_Cursor: Final[Any] = psycopg2.extensions.cursor
_FACTORY_POSITION: Final = 1


def install(site: Site) -> None:
    """Replace the function that ``psycopg2.connect`` calls with the class to make."""
    connections = _connections(site)

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def _connect(dsn: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                if site.active and not args:
                    leaf = connections.of(kwargs.get("connection_factory") or _Connection)
                    kwargs["connection_factory"] = leaf
            except Exception as error:
                failed("psycopg2.connect", error)
            return original(dsn, *args, **kwargs)

        return _connect

    site.replace(psycopg2, "_connect", make)


def _connections(site: Site) -> Leaves[Any]:
    befores = Befores(site, of_libpq)

    def copy(cursor: Any, sql: object = "", *args: object, **kwargs: object) -> Span | None:
        return befores.execute(cursor, sql, None, *args, **kwargs)

    def from_stdin(
        cursor: Any, _file: object = None, table: object = "", *args: object, **kwargs: object
    ) -> Span | None:
        return befores.execute(cursor, f"COPY {table} FROM STDIN", None, *args, **kwargs)

    def to_stdout(
        cursor: Any, _file: object = None, table: object = "", *args: object, **kwargs: object
    ) -> Span | None:
        return befores.execute(cursor, f"COPY {table} TO STDOUT", None, *args, **kwargs)

    def wrapped(name: str, before: Callable[..., Span | None]) -> Any:
        return around(getattr(_Cursor, name), "psycopg2.execute", before, finish)

    class Cursor(_Cursor):
        __slots__ = ()
        execute = wrapped("execute", befores.execute)
        executemany = wrapped("executemany", befores.executemany)
        callproc = wrapped("callproc", befores.callproc)
        copy_expert = wrapped("copy_expert", copy)
        copy_from = wrapped("copy_from", from_stdin)
        copy_to = wrapped("copy_to", to_stdout)

    cursors: Leaves[Any] = Leaves("psycopg2.cursor", Cursor)

    class Connection(_Connection):
        __slots__ = ()

        def cursor(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                if site.active:
                    asked = args[_FACTORY_POSITION] if len(args) > _FACTORY_POSITION else None
                    leaf = cursors.of(asked or kwargs.get("cursor_factory") or self.cursor_factory or _Cursor)
                    if asked is None:
                        kwargs["cursor_factory"] = leaf
                    else:
                        args = (*args[:_FACTORY_POSITION], leaf, *args[_FACTORY_POSITION + 1 :])
            except Exception as error:
                failed("psycopg2.cursor", error)
            library: Any = super()
            return library.cursor(*args, **kwargs)

    return Leaves("psycopg2.connect", Connection, (ABOUT,))
