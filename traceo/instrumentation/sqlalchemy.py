"""SQLAlchemy 2.0 and 2.1, sync and async engines: one client span a statement.

The three methods wrapped are where SQLAlchemy itself puts the DB-API call between ``try`` and its error
handling, so that every way out of a statement ends its span: result, driver error, cancellation. (Its public
events do not: an execution option can silence ``handle_error``, and removing listeners does not restore the
event flags.) The text goes to the span as it is; parameters only with ``capture_sql_parameters``. Follows
the database semantic conventions (stable).
"""

import weakref
from collections.abc import Mapping, Sequence
from typing import Any, cast

from opentelemetry import context as otel
from opentelemetry.trace import Span, SpanKind
from opentelemetry.util.types import AttributeValue
from sqlalchemy.engine.base import Connection
from sqlalchemy.engine.interfaces import ExecutionContext

from traceo import semconv
from traceo.instrumentation.guard import around
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.outcome import fail
from traceo.instrumentation.statement import describe
from traceo.instrumentation.suppression import is_suppressed

__all__ = ["install"]

_SYSTEMS = {"mssql": "microsoft.sql_server", "oracle": "oracle.db", "cockroachdb": "cockroachdb"}
_MAX_PARAMETERS = 64
_CODES = ("sqlstate", "pgcode", "sqlite_errorname")


def install(site: Site) -> None:
    """Wrap the methods that run one statement on a cursor."""
    engines: weakref.WeakKeyDictionary[Any, dict[str, AttributeValue]] = weakref.WeakKeyDictionary()

    def statement(
        connection: Connection, dialect: Any, context: ExecutionContext, *args: Any, **kwargs: Any
    ) -> Span | None:
        del dialect, args, kwargs
        return _begin(
            site, engines, connection, context.statement or "", context.parameters, context.executemany
        )

    def raw(
        connection: Connection, cursor: Any, text: str, parameters: Any, *args: Any, **kwargs: Any
    ) -> Span | None:
        del cursor, args, kwargs
        return _begin(site, engines, connection, text, parameters, is_many=False)

    for name, before in (
        ("_exec_single_context", statement),
        ("_exec_insertmany_context", statement),
        ("_cursor_execute", raw),
    ):
        site.replace(
            Connection,
            name,
            lambda original, before=before: around(original, "sqlalchemy.execute", before, _finish),
        )


def _begin(
    site: Site,
    engines: "weakref.WeakKeyDictionary[Any, dict[str, AttributeValue]]",
    connection: Connection,
    text: str,
    parameters: Any,
    is_many: bool,  # noqa: FBT001  SQLAlchemy's own flag
) -> Span | None:
    context = otel.get_current()
    if not site.active or is_suppressed(context):
        return None
    engine = connection.engine
    about = engines.get(engine)
    if about is None:
        about = engines[engine] = _about(engine)
    attributes = about.copy()
    attributes[semconv.DB_QUERY_TEXT] = text
    operation, collection = describe(text)
    rows = (
        len(cast("Sequence[object]", parameters)) if is_many and isinstance(parameters, (list, tuple)) else 1
    )
    if rows > 1 and operation:
        operation = "BATCH " + operation
        attributes[semconv.DB_OPERATION_BATCH_SIZE] = rows
    if operation:
        attributes[semconv.DB_OPERATION_NAME] = operation
    if collection:
        attributes[semconv.DB_COLLECTION_NAME] = collection
    if site.options.capture_sql_parameters and rows == 1:
        _add_parameters(attributes, parameters)
    name = f"{operation} {collection}" if collection else operation
    return site.tracer.start_span(
        name or str(about[semconv.DB_SYSTEM_NAME]), context, SpanKind.CLIENT, attributes
    )


def _finish(span: Span, result: object, error: BaseException | None) -> None:
    del result
    try:
        if error is not None and span.is_recording():
            # SQLAlchemy's message repeats statement and parameters; the driver's own says what went wrong.
            cause = getattr(error, "orig", None)
            cause = cause if isinstance(cause, BaseException) else error
            for name in _CODES:
                code = getattr(cause, name, None)
                if isinstance(code, str):
                    span.set_attribute(semconv.DB_RESPONSE_STATUS_CODE, code)
                    break
            fail(span, cause)
    finally:
        span.end()


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


def _add_parameters(attributes: dict[str, AttributeValue], parameters: Any) -> None:
    values: Any = parameters
    if isinstance(values, list) and len(cast("list[object]", values)) == 1:
        values = cast("list[Any]", values)[0]  # the compiled form: a list with one set
    pairs: list[tuple[object, object]]
    if isinstance(values, Mapping):
        pairs = list(cast("Mapping[object, object]", values).items())
    elif isinstance(values, (list, tuple)):
        pairs = list(enumerate(cast("Sequence[object]", values)))
    else:
        return
    for key, value in pairs[:_MAX_PARAMETERS]:
        plain = value if isinstance(value, (bool, int, float, str)) else str(value)
        attributes[f"{semconv.DB_QUERY_PARAMETER}{key}"] = plain
