"""One call to a model, from its request to the last byte of its answer: one client span.

The span is current while the request is made, so that the HTTP spans of every attempt lie beneath it. It ends
exactly once: with the answer, with the end of its stream, or when whoever held the stream lets go of it.
"""

import re
import sys
from collections.abc import Callable, Mapping
from contextvars import Token
from time import perf_counter
from typing import Any, Final

import msgspec
from opentelemetry import context as otel
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, get_current_span, set_span_in_context
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.genai.answer import Answer
from traceo.instrumentation.genai.content import field
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.outcome import error_type, is_abandoned, record, record_without_text
from traceo.instrumentation.suppression import is_suppressed

__all__ = ["OURS", "Call", "Operation", "begin", "fail_quietly", "is_traced"]

OURS: Final = "traceo.genai.call"
"""The context key that tells a library's own tracing that the call already has its span."""
_UTIL: Final = "opentelemetry.genai.client.inference.context"
_CODE: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_PLAIN_SPOKEN: Final = frozenset({"APIConnectionError", "APITimeoutError"})


class Operation(msgspec.Struct, frozen=True):
    """How one kind of request is read. None of the readers may keep what it is given."""

    name: str
    """``gen_ai.operation.name``."""
    request: Callable[[Mapping[str, Any]], dict[str, AttributeValue]]
    """What the request's body says, without what is said in it."""
    read: Callable[[Answer, Any], None]
    """A whole answer: an object of the library's, or decoded JSON."""
    listen: Callable[[Answer, Any], None]
    """One event of a stream."""
    said: Callable[[Mapping[str, Any]], dict[str, AttributeValue]]
    """The content of the request; asked only when it is wanted."""
    has_choices: bool = True


class Call:
    """A call in progress."""

    __slots__ = (
        "_context",
        "_provider",
        "_requested",
        "_site",
        "_started",
        "_token",
        "answer",
        "cleanup",
        "ended",
        "has_chunk",
        "operation",
        "reading",
        "span",
        "streams",
    )

    def __init__(
        self, site: Site, span: Span, operation: Operation, answer: Answer, provider: str, requested: Any
    ) -> None:
        self._site = site
        self._provider = provider
        self._requested = requested
        self._started = perf_counter()
        self._token: Token[Context] | None = None
        self._context: Context | None = None
        self.span = span
        self.operation = operation
        self.answer = answer
        self.ended = False
        self.has_chunk = False
        self.reading = False
        """Whether the next event is being fetched right now: the library may close its response in there."""
        self.streams = False
        self.cleanup: Callable[[], None] | None = None
        """Takes away what was put on the response, so that nothing is left for the collector."""

    def enter(self, context: Context) -> None:
        """Make the span current."""
        self._context = otel.set_value(OURS, True, set_span_in_context(self.span, context))
        self._token = otel.attach(self._context)

    def leave(self, error: BaseException | None) -> None:
        """Give the task its context back."""
        token, self._token = self._token, None
        # A coroutine closed by the collector may be in somebody else's context: leave that alone.
        if token is not None and (
            not isinstance(error, GeneratorExit) or otel.get_current() is self._context
        ):
            otel.detach(token)
        self._context = None

    def hear(self, event: Any) -> None:
        """Note one event of the stream."""
        if not self.has_chunk:
            self.has_chunk = True
            self.span.set_attribute(
                semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, perf_counter() - self._started
            )
        self.operation.listen(self.answer, event)

    def end(self, error: BaseException | None = None) -> None:
        """End the span with all that was learnt. Once; never raises."""
        if self.ended:
            return
        self.ended = True
        span = self.span
        try:
            if span.is_recording():
                self._tell(span, error)
        except Exception as failure:
            failed("genai.end", failure)
        finally:
            try:
                span.end()
                cleanup, self.cleanup = self.cleanup, None
                if cleanup is not None:
                    cleanup()
            except Exception as failure:
                failed("genai.end", failure)

    def _tell(self, span: Span, error: BaseException | None) -> None:
        answer = self.answer
        attributes = answer.attributes(self._provider, self._requested, self._site.options.prices)
        if self.operation.has_choices and (answer.finish or self.has_chunk or error is not None):
            attributes[semconv.GEN_AI_RESPONSE_FINISH_REASONS] = answer.finish_reasons()
        span.set_attributes(attributes)
        if error is not None:
            fail_quietly(span, error)
        elif answer.code is not None:
            code = answer.code if _CODE.fullmatch(answer.code) else "_OTHER"
            span.set_attribute(semconv.ERROR_TYPE, code)
            span.set_status(Status(StatusCode.ERROR))

    def __del__(self) -> None:
        # Whoever held the answer has let go of it unread.
        if not self.ended and not sys.is_finalizing():
            self.end()


def is_traced(context: Context, operation: str) -> bool:
    """Whether somebody above already has a span for this very operation (a framework that traces itself)."""
    if context.get(_UTIL) is not None:
        return True
    attributes: Any = getattr(get_current_span(context), "attributes", None)
    return bool(attributes) and attributes.get(semconv.GEN_AI_OPERATION_NAME) == operation


def begin(
    site: Site, operation: Operation, body: Mapping[str, Any], *, provider: str, base_url: Any, streams: bool
) -> Call | None:
    """Start the span of a request with ``body`` and make it current; None to stay out."""
    context = otel.get_current()
    if not site.active or is_suppressed(context) or is_traced(context, operation.name):
        return None
    requested = body.get("model")
    attributes: dict[str, AttributeValue] = {
        semconv.GEN_AI_OPERATION_NAME: operation.name,
        semconv.GEN_AI_PROVIDER_NAME: provider,
    }
    name = operation.name
    if isinstance(requested, str):
        attributes[semconv.GEN_AI_REQUEST_MODEL] = requested
        name = f"{name} {requested}"
    _add_server(attributes, base_url)
    if streams:
        attributes[semconv.GEN_AI_REQUEST_STREAM] = True
    attributes.update(operation.request(body))
    span = site.tracer.start_span(name, context, SpanKind.CLIENT, attributes)
    recording = span.is_recording()
    captures = recording and site.options.capture_content
    choices = attributes.get(semconv.GEN_AI_REQUEST_CHOICE_COUNT, 1)
    answer = Answer(captures=captures, choices=min(choices, 128) if isinstance(choices, int) else 1)
    call = Call(site, span, operation, answer, provider, requested)
    call.streams = streams
    if captures:
        try:
            span.set_attributes(operation.said(body))
        except Exception as error:
            failed("genai.content", error)
    call.enter(context)
    return call


def fail_quietly(span: Span, error: BaseException) -> None:
    """Tell ``error`` by its type, code and place, never by its text: it may quote what was said.

    Redaction drops what was said by its key, and an exception's message has none.
    """
    span.set_attribute(semconv.ERROR_TYPE, error_type(error))
    if is_abandoned(error):
        return
    said: Any = field(field(error, "body"), "error")
    code: Any = field(error, "code") or field(error, "type") or field(said, "type")
    is_code = isinstance(code, str) and _CODE.fullmatch(code)
    span.set_status(Status(StatusCode.ERROR, code if is_code else None))
    if type(error).__name__ in _PLAIN_SPOKEN:
        record(span, error)
        return
    record_without_text(span, error)


def _add_server(attributes: dict[str, AttributeValue], base_url: Any) -> None:
    host = field(base_url, "host")
    if not isinstance(host, str) or not host:
        return
    attributes[semconv.SERVER_ADDRESS] = host
    port = field(base_url, "port")
    attributes[semconv.SERVER_PORT] = port or (80 if field(base_url, "scheme") == "http" else 443)
