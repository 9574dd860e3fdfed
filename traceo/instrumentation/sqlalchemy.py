"""SQLAlchemy 2.0 and 2.1, sync and async engines: one client span a statement.

The three methods wrapped are where SQLAlchemy itself puts the DB-API call between ``try`` and its error
handling, so that every way out of a statement ends its span: result, driver error, cancellation. (Its public
events do not: an execution option can silence ``handle_error``, and removing listeners does not restore the
event flags.) Meanwhile the driver's own hook stays silent; what an application does with the driver beside
SQLAlchemy has its spans. See ``database.py`` for what a span holds.
"""

import weakref
from collections.abc import Sequence
from typing import Any, cast

from opentelemetry.util.types import AttributeValue
from sqlalchemy.engine.base import Connection
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlalchemy.pool.base import _ConnectionRecord  # pyright: ignore[reportPrivateUsage]  where a pool's connection is made

from traceo import semconv
from traceo.instrumentation.database import Covering, begin, cover, silence, uncover, wanted
from traceo.instrumentation.guard import around
from traceo.instrumentation.hooks import Site

__all__ = ["install"]

_SYSTEMS = {"mssql": "microsoft.sql_server", "oracle": "oracle.db", "cockroachdb": "cockroachdb"}


def install(site: Site) -> None:
    """Wrap the methods that run one statement on a cursor."""
    engines: weakref.WeakKeyDictionary[Any, dict[str, AttributeValue]] = weakref.WeakKeyDictionary()

    def statement(
        connection: Connection, dialect: Any, context: ExecutionContext, *args: Any, **kwargs: Any
    ) -> Covering | None:
        del dialect, args, kwargs
        return _begin(
            site, engines, connection, context.statement or "", context.parameters, context.executemany
        )

    def raw(
        connection: Connection, cursor: Any, text: str, parameters: Any, *args: Any, **kwargs: Any
    ) -> Covering | None:
        del cursor, args, kwargs
        return _begin(site, engines, connection, text, parameters, is_many=False)

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


def _begin(
    site: Site,
    engines: "weakref.WeakKeyDictionary[Any, dict[str, AttributeValue]]",
    connection: Connection,
    text: str,
    parameters: Any,
    is_many: bool,  # noqa: FBT001  SQLAlchemy's own flag
) -> Covering | None:
    context = wanted(site)
    if context is None:
        return None
    engine = connection.engine
    about = engines.get(engine)
    if about is None:
        about = engines[engine] = _about(engine)
    rows = (
        len(cast("Sequence[object]", parameters)) if is_many and isinstance(parameters, (list, tuple)) else 1
    )
    return cover(
        begin(site, context, about, text, cast("object", parameters), rows=rows if rows > 1 else None)
    )


def _about(engine: Any) -> dict[str, AttributeValue]:
    """What all statements of one engine have in common."""
    url = engine.url
    system = engine.dialect.name
    if getattr(engine.dialect, "is_mariadb", False):
        system = "mariadb"
    about: dict[str, AttributeValue] = {semconv.DB_SYSTEM_NAME: _SYSTEMS.get(system, system)}
    if url.database:
        about[semconv.DB_NAMESPACE] = url.database
    if url.host:
        about[semconv.SERVER_ADDRESS] = url.host
    if url.port:
        about[semconv.SERVER_PORT] = url.port
    return about
