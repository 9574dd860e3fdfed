"""SQLAlchemy 2.0 and 2.1, sync and async engines: one client span a statement.

The three methods wrapped are where SQLAlchemy itself puts the DB-API call between ``try`` and its error
handling, so that every way out of a statement ends its span: result, driver error, cancellation. (Its public
events do not: an execution option can silence ``handle_error``, and removing listeners does not restore the
event flags.) Meanwhile the driver's own hook stays silent; what an application does with the driver beside
SQLAlchemy has its spans. See ``database.py`` for what a span holds.
"""

from typing import Any

from opentelemetry.util.types import AttributeValue
from sqlalchemy.engine.base import Connection
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlalchemy.pool.base import _ConnectionRecord  # pyright: ignore[reportPrivateUsage]  where a pool's connection is made

from traceo import semconv
from traceo.instrumentation.database import (
    ABOUT,
    About,
    Covering,
    about_all,
    begin,
    cover,
    silence,
    uncover,
    wanted,
)
from traceo.instrumentation.guard import around
from traceo.instrumentation.hooks import Site

__all__ = ["install"]

_SYSTEMS = {"mssql": "microsoft.sql_server", "oracle": "oracle.db", "cockroachdb": "cockroachdb"}


def install(site: Site) -> None:
    """Wrap the methods that run one statement on a cursor."""

    def statement(
        connection: Connection, dialect: Any, context: ExecutionContext, *args: Any, **kwargs: Any
    ) -> Covering | None:
        del dialect, args, kwargs
        current = wanted(site)
        if current is None:
            return None
        parameters: Any = context.parameters
        rows = len(parameters) if context.executemany else 1
        about = _of(connection.engine)
        text = context.statement or ""
        return cover(begin(site, current, about, text, parameters, rows=rows if rows > 1 else None))

    def raw(
        connection: Connection, cursor: Any, text: str, parameters: Any, *args: Any, **kwargs: Any
    ) -> Covering | None:
        del cursor, args, kwargs
        current = wanted(site)
        if current is None:
            return None
        return cover(begin(site, current, _of(connection.engine), text, parameters))

    def own(owner: object, *args: Any, **kwargs: Any) -> Covering | None:
        del owner, args, kwargs
        return silence() if site.active else None

    for name, before in (
        ("_exec_single_context", statement),
        ("_exec_insertmany_context", statement),
        ("_cursor_execute", raw),
    ):
        site.replace(
            Connection,
            name,
            lambda original, before=before: around(original, "sqlalchemy.execute", before, uncover),
        )
    # What is said to a new connection, by SQLAlchemy and by listeners, and to one that may be dead.
    for owner, name in (
        (_ConnectionRecord, "_ConnectionRecord__connect"),
        (DefaultDialect, "_do_ping_w_event"),
    ):
        if hasattr(owner, name):  # neither is public
            site.replace(owner, name, lambda original: around(original, "sqlalchemy.connect", own, uncover))


def _of(engine: Any) -> About:
    about: About | None = getattr(engine, ABOUT, None)
    if about is None:
        about = about_all(_attributes(engine))
        setattr(engine, ABOUT, about)
    return about


def _attributes(engine: Any) -> dict[str, AttributeValue]:
    """What all statements of one engine have in common."""
    url = engine.url
    system = engine.dialect.name
    if getattr(engine.dialect, "is_mariadb", False):
        system = "mariadb"
    attributes: dict[str, AttributeValue] = {semconv.DB_SYSTEM_NAME: _SYSTEMS.get(system, system)}
    if url.database:
        attributes[semconv.DB_NAMESPACE] = url.database
    if url.host:
        attributes[semconv.SERVER_ADDRESS] = url.host
    if url.port:
        attributes[semconv.SERVER_PORT] = url.port
    return attributes
