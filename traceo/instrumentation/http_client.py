"""What every HTTP client's span has in common: its start, its end, and who of two stacked clients makes it.

Follows the HTTP semantic conventions (stable), client spans: one span for each request on the wire, named by
its method alone, ended when the response's headers are here, as the body may be streamed or never read.
"""

import re
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.outcome import error_type, fail, is_abandoned, record_without_text
from traceo.instrumentation.propagation import inject

__all__ = ["Sending", "Values", "answered", "begin", "broken", "sending"]

Values = Callable[[str], Sequence[str]]
"""All values of the header with this (lower case) name."""

_KNOWN_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
_MAX_CAUSES: Final = 32
_OF_THE_PEER: Final = re.compile(
    "Proxy|Protocol|StatusLine|Header|Invalid|Decod|Chunk|LineTooLong|Incomplete|Payload|Content|Redirect|Response"
)
_OF_THE_CONNECTION: Final = re.compile("Timeout|Connect(?!ed)|SSL|Certificate|Resol")
# What event loops say. http.client has a proxy's words in an OSError without a number, too.
_OF_LOOPS: Final = re.compile(r"All connection attempts failed\Z|Multiple exceptions: ")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class Sending:
    """A request that an outer client is sending, with its span, for the inner one that meets the wire.

    The inner takes the span over for its first attempt; each further attempt has a span of its own.
    """

    __slots__ = ("is_taken", "owner", "request", "sends", "span", "undo")

    def __init__(
        self, owner: object, request: object, span: Span, sends: list[int], undo: Callable[[], None]
    ) -> None:
        self.owner = owner
        self.request = request
        self.span = span
        self.undo = undo
        """Takes the span's context out of the outer client's request again."""
        self.sends = sends
        """One number, shared along a chain of redirects: how many requests went out for it so far."""
        self.is_taken = False


sending: ContextVar[Sending | None] = ContextVar("traceo_http_sending", default=None)


def begin(
    site: Site,
    context: Context,
    *,
    method: str,
    url: str,
    scheme: str,
    host: str | None,
    port: int | None,
    resends: int,
    values: Values,
    put: Callable[[str, str], object] | None,
) -> Span:
    """Start the span of one request, and ``put`` its context into the headers that go out."""
    attributes: dict[str, AttributeValue] = {semconv.HTTP_REQUEST_METHOD: method, semconv.URL_FULL: url}
    name = method
    if method not in _KNOWN_METHODS:
        attributes[semconv.HTTP_REQUEST_METHOD] = "_OTHER"
        attributes[semconv.HTTP_REQUEST_METHOD_ORIGINAL] = method
        name = "HTTP"
    if host:
        attributes[semconv.SERVER_ADDRESS] = host
        port = port or _DEFAULT_PORTS.get(scheme)
        if port is not None:
            attributes[semconv.SERVER_PORT] = port
    if resends:
        attributes[semconv.HTTP_REQUEST_RESEND_COUNT] = resends
    if site.options.client_request_headers:
        _add_headers(attributes, semconv.HTTP_REQUEST_HEADER, site.options.client_request_headers, values)
    span = site.tracer.start_span(name, context, SpanKind.CLIENT, attributes)
    if put is not None:
        try:
            inject(span, context, put)
        except Exception as error:  # the span has begun and must end, so the call is told all the same
            failed(f"{site.name}.inject", error)
    return span


def answered(site: Site, span: Span, *, status: int, version: str, values: Values) -> None:
    """End ``span`` with the response's status (for a client any refusal is an error) and headers."""
    try:
        if not span.is_recording():
            return
        attributes: dict[str, AttributeValue] = {semconv.HTTP_RESPONSE_STATUS_CODE: status}
        if version:
            attributes[semconv.NETWORK_PROTOCOL_VERSION] = version
        if status >= 400:
            attributes[semconv.ERROR_TYPE] = str(status)
            span.set_status(Status(StatusCode.ERROR))
        if site.options.client_response_headers:
            _add_headers(
                attributes, semconv.HTTP_RESPONSE_HEADER, site.options.client_response_headers, values
            )
        span.set_attributes(attributes)
    finally:
        span.end()


def broken(span: Span, error: BaseException) -> None:
    """End ``span`` with what was raised instead of a response."""
    try:
        if not span.is_recording():
            return
        if is_abandoned(error) or _is_of_the_connection(error):
            fail(span, error)
        else:
            span.set_attribute(semconv.ERROR_TYPE, error_type(error))
            span.set_status(Status(StatusCode.ERROR))
            record_without_text(span, error)
    finally:
        span.end()


def _is_of_the_connection(error: BaseException) -> bool:
    """Whether its text is about a connection, a time limit or TLS.

    That of other errors may be the server's or a proxy's: a status line, a header, a piece of a body.
    """
    is_known = False
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        name = type(cause).__name__
        if _OF_THE_PEER.search(name) is not None or len(seen) > _MAX_CAUSES:
            return False
        is_of_the_system = isinstance(cause, OSError) and cause.errno is not None
        if type(cause) is OSError and not is_of_the_system and not _OF_LOOPS.match(str(cause)):
            return False
        is_known = is_known or is_of_the_system or _OF_THE_CONNECTION.search(name) is not None
        waiting += [cause.__cause__ or cause.__context__, getattr(cause, "reason", None), *cause.args]
    return is_known


def _add_headers(
    attributes: dict[str, AttributeValue], prefix: str, names: tuple[str, ...], values: Values
) -> None:
    for name in names:
        found = values(name)
        if found:
            attributes[prefix + name] = list(found)
