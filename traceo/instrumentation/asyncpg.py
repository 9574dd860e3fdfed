"""asyncpg: one client span a statement, on a connection, through a pool, prepared, as a cursor, or ``COPY``.

What ``transaction()`` says and what a pool says to a connection that comes back makes none.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from asyncpg.connection import Connection
from asyncpg.cursor import Cursor, CursorIterator
from asyncpg.prepared_stmt import PreparedStatement
from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.database import (
    About,
    Covering,
    about_all,
    begin,
    cover,
    finish,
    silence,
    uncover,
    wanted,
)
from traceo.instrumentation.guard import around_async
from traceo.instrumentation.hooks import Site

__all__ = ["install"]

_WHERE: Final = "asyncpg.execute"
_MAX_ABOUTS: Final = 256
_TRANSACTION: Final = ("BEGIN", "COMMIT;", "ROLLBACK", "SAVEPOINT ", "RELEASE SAVEPOINT ")
"""How the statements of ``asyncpg.transaction`` begin; they are told from an application's by their end."""

_abouts: dict[tuple[str, Any], About] = {}


def install(site: Site) -> None:
    """Wrap the methods that send one statement; a pool's connections come to them."""

    def text(connection: Any, query: Any = "", *args: Any, **kwargs: Any) -> Span | None:
        del kwargs
        return _begin(site, connection, query, args)

    def many(
        connection: Any, command: Any = "", args: Any = None, *others: Any, **kwargs: Any
    ) -> Span | None:
        del others, kwargs
        return _begin(site, connection, command, rows=_count(args))

    def records(connection: Any, table_name: Any = "", *args: Any, **kwargs: Any) -> Span | None:
        del args
        schema = kwargs.get("schema_name")
        table = f"{schema}.{table_name}" if schema else table_name
        return _begin(site, connection, f"COPY {table} FROM STDIN")

    def copied(connection: Any, query: Any = "", *args: Any, **kwargs: Any) -> Covering | None:
        del kwargs
        # It asks the server to quote the arguments, and then sends a text with them in it.
        return cover(_begin(site, connection, f"COPY ({query}) TO STDOUT", args))

    def prepared(statement: Any, *args: Any, **kwargs: Any) -> Span | None:
        del kwargs
        return _begin(site, statement._connection, statement._query, args)  # noqa: SLF001  no public way

    def prepared_many(statement: Any, args: Any = None, *others: Any, **kwargs: Any) -> Span | None:
        del others, kwargs
        return _begin(site, statement._connection, statement._query, rows=_count(args))  # noqa: SLF001  no public way

    def opened(cursor: Any, *args: Any, **kwargs: Any) -> Span | None:
        del args, kwargs
        return _begin(site, cursor._connection, cursor._query, cursor._args)  # noqa: SLF001  no public way

    def replace(owner: type, names: str, before: Callable[..., Span | None]) -> None:
        for name in names.split():
            site.replace(owner, name, lambda original: around_async(original, _WHERE, before, finish))

    replace(Connection, "execute fetch fetchrow fetchval _copy_in _copy_out", text)
    replace(Connection, "executemany fetchmany", many)
    replace(Connection, "copy_records_to_table", records)
    site.replace(
        Connection, "copy_from_query", lambda original: around_async(original, _WHERE, copied, uncover)
    )
    replace(PreparedStatement, "fetch fetchrow fetchval", prepared)
    replace(PreparedStatement, "executemany fetchmany", prepared_many)
    replace(Cursor, "_init", opened)
    site.replace(CursorIterator, "__anext__", lambda original: _first(original, opened))
    site.replace(Connection, "reset", lambda original: _silent(site, original))


def _silent(site: Site, original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    def before(*args: Any, **kwargs: Any) -> Covering | None:
        del args, kwargs
        return silence() if site.active else None

    return around_async(original, _WHERE, before, uncover)


def _first(
    original: Callable[[Any], Awaitable[Any]], before: Callable[..., Span | None]
) -> Callable[[Any], Awaitable[Any]]:
    """Only the first row's call sends the statement; the others cost no more than this question."""
    traced = around_async(original, _WHERE, before, finish)

    def method(self: Any) -> Awaitable[Any]:
        if self._portal_name or self._exhausted:
            return original(self)
        return traced(self)

    return method


def _begin(
    site: Site, connection: Any, query: Any, parameters: object = None, *, rows: int | None = None
) -> Span | None:
    context = wanted(site)
    if context is None or not isinstance(query, str):
        return None
    if query.endswith(";") and query.startswith(_TRANSACTION):
        return None
    key = connection._params.database, connection._addr  # noqa: SLF001  no public way
    about = _abouts.get(key)
    if about is None:
        if len(_abouts) >= _MAX_ABOUTS:
            _abouts.clear()
        about = _abouts[key] = _about(*key)
    return begin(site, context, about, query, parameters, rows=rows)


def _about(database: str, address: str | tuple[str, int]) -> About:
    attributes: dict[str, AttributeValue] = {
        semconv.DB_SYSTEM_NAME: "postgresql",
        semconv.DB_NAMESPACE: database,
    }
    if isinstance(address, str):  # a unix socket's path
        attributes[semconv.SERVER_ADDRESS] = address
    else:
        attributes[semconv.SERVER_ADDRESS], attributes[semconv.SERVER_PORT] = address[:2]
    return about_all(attributes)


def _count(rows: Any) -> int:
    return len(rows) if hasattr(rows, "__len__") else -1
