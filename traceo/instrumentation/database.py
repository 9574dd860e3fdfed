"""What the hooks of SQL databases share: one client span a statement, and one only where layers stack.

The text goes to the span as the application wrote it (the pipeline takes the literals out), parameters only
with ``capture_sql_parameters``. Follows the database semantic conventions (stable).
"""

import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar, Token
from typing import Any, Final, cast

from opentelemetry import context as otel
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.database_errors import code_of, message_of
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.outcome import error_type, fail, is_abandoned
from traceo.instrumentation.statement import describe
from traceo.instrumentation.suppression import is_suppressed

__all__ = [
    "ABOUT",
    "About",
    "Covering",
    "about_all",
    "begin",
    "begin_call",
    "cover",
    "finish",
    "say",
    "silence",
    "uncover",
    "wanted",
]

ABOUT: Final = "_traceo"
"""The attribute of a connection or engine that holds its :class:`About`."""

Covering = tuple[Span | None, Token[bool]]
"""A span, if any, and what ends the silence below it."""

_Plan = tuple[str, dict[str, AttributeValue]]

_CLIENT: Final = SpanKind.CLIENT
_MAX_PARAMETERS: Final = 64
_MAX_BYTES: Final = 256
_MAX_REMEMBERED: Final = 4096
"""Characters of a text; a longer one, with rows in it perhaps, is read anew each time."""
_MAX_PLANS: Final = 512
_MAX_ABOUTS: Final = 256
_PROCEDURE: Final = re.compile(r"[\w.$]{1,64}")
_abouts: dict[tuple[tuple[str, AttributeValue], ...], "About"] = {}
_covered: ContextVar[bool] = ContextVar("traceo.database.covered", default=False)
"""A layer above has made the span for this statement. Cheaper to ask than the API's context."""


def wanted(site: Site) -> Context | None:
    """The context for a span of ``site``, or ``None``: taken out, suppressed, or told by the layer above."""
    if not site.active or _covered.get():
        return None
    context = otel.get_current()
    return None if is_suppressed(context) else context


class About:
    """What all statements to one database have in common, and what has become of the texts seen there.

    An application sends few texts, often: the name and the attributes of a span are made once for each.
    """

    __slots__ = ("attributes", "plans")

    def __init__(self, attributes: Mapping[str, AttributeValue]) -> None:
        self.attributes = attributes
        self.plans: dict[str, _Plan] = {}

    def plan(self, text: str, rows: int | None = None) -> _Plan:
        """Name and attributes of a statement's span; no name for an empty one."""
        operation, collection = describe(text)
        attributes = {**self.attributes, semconv.DB_QUERY_TEXT: text}
        if rows is not None and rows not in {0, 1} and operation:
            operation = "BATCH " + operation
            if rows > 1:
                attributes[semconv.DB_OPERATION_BATCH_SIZE] = rows
        if operation:
            attributes[semconv.DB_OPERATION_NAME] = operation
        if collection:
            attributes[semconv.DB_COLLECTION_NAME] = collection
        name = f"{operation} {collection}" if collection else operation
        if not name and text.strip("; \t\r\n"):
            name = str(self.attributes[semconv.DB_SYSTEM_NAME])
        plan = name, attributes
        if rows is None and len(text) <= _MAX_REMEMBERED:
            if len(self.plans) >= _MAX_PLANS:
                self.plans.clear()
            self.plans[text] = plan
        return plan


def about_all(attributes: Mapping[str, AttributeValue]) -> About:
    """The one :class:`About` of these attributes."""
    key = tuple(attributes.items())
    about = _abouts.get(key)
    if about is None:
        if len(_abouts) >= _MAX_ABOUTS:
            _abouts.clear()
        about = _abouts[key] = About(attributes)
    return about


def begin(
    site: Site,
    context: Context,
    about: About,
    text: str,
    parameters: object = None,
    *,
    rows: int | None = None,
) -> Span | None:
    """The span of one statement; ``None`` for an empty one, which only asks whether anybody is there.

    ``rows``: how many sets of parameters (``executemany``), -1 when that cannot be known; ``None`` for a
    single statement.
    """
    if rows is None:
        name, template = about.plans.get(text) or about.plan(text)
    else:
        name, template = about.plan(text, rows)
    if not name:
        return None
    attributes = template.copy()
    if parameters and rows is None and site.options.capture_sql_parameters:
        _add_parameters(attributes, parameters)
    return site.tracer.start_span(name, context, _CLIENT, attributes)


def begin_call(site: Site, context: Context, about: About, procedure: object, parameters: object) -> Span:
    """The span of a stored procedure's call; a name that is none (the caller's text) is left out."""
    attributes = {**about.attributes, semconv.DB_OPERATION_NAME: "CALL"}
    name = "CALL"
    if isinstance(procedure, str) and _PROCEDURE.fullmatch(procedure):
        attributes[semconv.DB_STORED_PROCEDURE_NAME] = procedure
        name = "CALL " + procedure
    if parameters and site.options.capture_sql_parameters:
        _add_parameters(attributes, parameters)
    return site.tracer.start_span(name, context, _CLIENT, attributes)


def finish(span: Span, result: object, error: BaseException | None) -> None:
    """End the span of a statement; ``error`` is what it raised."""
    del result
    try:
        if error is not None and span.is_recording():
            _tell(span, error)
    finally:
        span.end()


def cover(span: Span | None) -> Covering | None:
    """``span`` covers all database calls below it until :func:`uncover`, in the same thread or task."""
    return None if span is None else (span, _covered.set(True))


def silence() -> Covering:
    """No span for the database calls that a library makes for itself, until :func:`uncover`."""
    return None, _covered.set(True)


def uncover(
    covering: Covering,
    result: object,
    error: BaseException | None,
    end: Callable[[Span, object, BaseException | None], None] = finish,
) -> None:
    """End what :func:`cover` or :func:`silence` began, and its span with ``end``."""
    span, token = covering
    try:
        if span is not None and error is None:
            span.end()
        elif span is not None:
            end(span, result, error)
    finally:
        _covered.reset(token)


def say(span: Span, error: BaseException, message: str | None) -> None:
    """Tell ``error`` on ``span`` with ``message`` in the place of its own text, in the stack trace too."""
    kind = error_type(error)
    event: dict[str, AttributeValue] = {semconv.EXCEPTION_TYPE: kind}
    if message is not None:
        event[semconv.EXCEPTION_MESSAGE] = message
        frames = "".join(traceback.format_tb(error.__traceback__))
        event[semconv.EXCEPTION_STACKTRACE] = (
            f"Traceback (most recent call last):\n{frames}{kind}: {message}\n"
        )
    span.set_attribute(semconv.ERROR_TYPE, kind)
    span.set_status(Status(StatusCode.ERROR))
    span.add_event(semconv.EXCEPTION_EVENT, event)


def _tell(span: Span, error: BaseException) -> None:
    # SQLAlchemy's message repeats statement and parameters; the driver's own says what went wrong.
    cause = getattr(error, "orig", None)
    cause = cause if isinstance(cause, BaseException) else error
    if is_abandoned(cause):
        fail(span, cause)
        return
    code = code_of(cause)
    if code:
        span.set_attribute(semconv.DB_RESPONSE_STATUS_CODE, code)
    attributes: Mapping[str, object] = getattr(span, "attributes", None) or {}
    statement = attributes.get(semconv.DB_QUERY_TEXT, "")
    say(span, cause, message_of(cause, code, statement if isinstance(statement, str) else ""))


def _add_parameters(attributes: dict[str, AttributeValue], parameters: object) -> None:
    values: Any = parameters
    if isinstance(values, list) and len(cast("list[object]", values)) == 1:
        first = cast("list[Any]", values)[0]
        if isinstance(first, (Mapping, list, tuple)):
            values = cast("Any", first)  # SQLAlchemy's compiled form: a list with one set
    pairs: list[tuple[object, object]]
    if isinstance(values, Mapping):
        pairs = list(cast("Mapping[object, object]", values).items())
    elif isinstance(values, (list, tuple)):
        pairs = list(enumerate(cast("Sequence[object]", values)))
    else:
        return
    for key, given in pairs[:_MAX_PARAMETERS]:
        value = given[:_MAX_BYTES] if isinstance(given, (bytes, bytearray)) else given
        plain = value if isinstance(value, (bool, int, float, str)) else str(value)
        attributes[f"{semconv.DB_QUERY_PARAMETER}{key}"] = plain
