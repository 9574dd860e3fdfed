"""What the server hooks have in common: the attributes of a request, and its span's one start and one end.

Follows the HTTP semantic conventions (stable): the span is named by method and route template, 5xx is an
error and 4xx is not, and an exception is told only when it made the request fail.
"""

from collections.abc import Callable, MutableMapping
from contextvars import Token
from typing import Any, Final, NamedTuple, TypeAlias

from opentelemetry import context as otel
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.outcome import error_type, is_abandoned, record

__all__ = [
    "MARK",
    "TAIL",
    "Exchange",
    "Mounted",
    "RouteOf",
    "add_peer",
    "add_server",
    "current",
    "set_method",
]

MARK: Final = "traceo.exchange"
"""Where a request that already has its span carries it: in its scope or environ, and in the context."""

TAIL: Final = "/{path}"
"""What follows in a template where a mounted application goes on by itself."""

_SPAN_KEY: Final = next(iter(set_span_in_context(INVALID_SPAN, Context())))
"""Where the API keeps the current span: one context is made a request, not one for each entry."""
_PORT_DIGITS: Final = 5
_KNOWN_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)


RouteOf: TypeAlias = Callable[[Any, MutableMapping[str, Any], str], str | None]
"""``(app, scope, path) -> template``, asked once when the request is over; ``None``: no route matched."""


class Mounted(NamedTuple):
    """An application inside another, at the time when the request met it."""

    route_of: RouteOf
    app: Any
    scope: MutableMapping[str, Any]
    path: str
    root: str

    def route(self) -> str | None:
        """What it has matched, ``root`` included."""
        return self.route_of(self.app, self.scope, self.path)


class Exchange:
    """One request on its way: what is needed to end its span exactly once.

    Made with the span's first attributes, it starts the span and makes it current; :meth:`detach` gives the
    thread or task its context back, :meth:`end` ends the span, in either order.
    """

    __slots__ = (
        "_token",
        "context",
        "ended",
        "ended_ns",
        "error",
        "method",
        "mounted",
        "name",
        "path",
        "recording",
        "response_headers",
        "rule",
        "span",
        "status",
        "traceparent",
    )

    def __init__(
        self,
        site: Site,
        base: Context,
        caller: Span | None,
        name: str,
        method: str,
        path: str,
        attributes: dict[str, AttributeValue],
        traceparent: bytes | None,
    ) -> None:
        self.name = name
        self.method = method
        self.path = path
        self.traceparent = traceparent
        self.response_headers = site.options.server_response_headers
        self.status = 0
        """0: no response has been started."""
        self.rule: str | None = None
        """The template matched by a framework that tells it while it serves, without the application root."""
        self.mounted: Mounted | None = None
        """An ASGI application further in, which knows the rest of the template."""
        self.error: BaseException | None = None
        """What an app has turned into a response; told if that is a 5xx."""
        self.ended = False
        self.ended_ns: int | None = None
        # No caller: a root, even if the server itself was started under a span.
        parent = set_span_in_context(INVALID_SPAN, base) if base and caller is None else base
        self.span = span = site.tracer.start_span(name, parent, SpanKind.SERVER, attributes)
        self.recording = span.is_recording()
        self.context: Context | None = Context({**base, _SPAN_KEY: span, MARK: self})
        self._token: Token[Context] = otel.attach(self.context)

    def is_of(self, method: str, path: str, traceparent: bytes | None) -> bool:
        """Whether a request met further in, without our mark, is this one, on its way into a mounted app.

        One that the app sends to itself, or on to another app in this process, has another caller.
        """
        return (
            not self.ended and self.method == method and self.path == path and self.traceparent == traceparent
        )

    def detach(self, error: BaseException | None) -> None:
        """Give the thread or task its context back; ``error`` is what left the app. Never raises."""
        try:
            # A generator closed by the collector may be in somebody else's context: leave that alone.
            if not isinstance(error, GeneratorExit) or otel.get_current() is self.context:
                otel.detach(self._token)
        except Exception as failure:
            failed("http_server.detach", failure)

    def end(self, error: BaseException | None, *, is_answered_by_server: bool = False) -> None:
        """End the span with what has been noted and ``error``, which left the app. Never raises.

        ``is_answered_by_server``: where the app has started no response, the server's is a 500.
        """
        if self.ended:
            return
        self.ended = True
        span = self.span
        try:
            if self.recording:
                if not self.status and is_answered_by_server:
                    self.status = 500
                self._tell(span, error)
        except Exception as failure:
            failed("http_server.end", failure)
        finally:
            try:
                span.end(self.ended_ns)
            except Exception as failure:
                failed("http_server.end", failure)
            self.error = self.mounted = None  # they hold the app's objects

    def route(self) -> str | None:
        """The whole template, application root included; ``None``: no route matched."""
        return self.rule

    def _tell(self, span: Span, error: BaseException | None) -> None:
        attributes: dict[str, AttributeValue] = {}
        route = self.route()
        if route:
            attributes[semconv.HTTP_ROUTE] = route
            span.update_name(f"{self.name} {route}")
        if self.status:
            attributes[semconv.HTTP_RESPONSE_STATUS_CODE] = self.status
        if error is not None and is_abandoned(error):
            attributes[semconv.ERROR_TYPE] = error_type(error)
        elif error is not None or self.status >= 500:
            error = error or self.error
            attributes[semconv.ERROR_TYPE] = str(self.status) if error is None else error_type(error)
            span.set_status(Status(StatusCode.ERROR))
        span.set_attributes(attributes)
        if error is not None and not is_abandoned(error):
            record(span, error, at_ns=self.ended_ns)  # not after the end of its span


def current() -> Exchange | None:
    """The request that the running code serves, if its span is open."""
    exchange = otel.get_current().get(MARK)
    return exchange if isinstance(exchange, Exchange) and not exchange.ended else None


def set_method(attributes: dict[str, AttributeValue], method: str) -> str:
    """Set the method's attributes; gives the first word of the span's name."""
    if method in _KNOWN_METHODS:
        attributes[semconv.HTTP_REQUEST_METHOD] = method
        return method
    attributes[semconv.HTTP_REQUEST_METHOD] = "_OTHER"
    attributes[semconv.HTTP_REQUEST_METHOD_ORIGINAL] = method
    return "HTTP"


def add_server(attributes: dict[str, AttributeValue], host: str) -> None:
    """Whom the request was for, from its ``Host``."""
    address, _, port = host.rpartition(":")
    # Else there is no port: this is the last group of a bracketed IPv6 address, or somebody's joke.
    if not port.isdecimal() or len(port) > _PORT_DIGITS:
        address, port = host, ""
    attributes[semconv.SERVER_ADDRESS] = address.strip("[]")
    if port:
        attributes[semconv.SERVER_PORT] = int(port)


def add_peer(attributes: dict[str, AttributeValue], address: str, port: int | None) -> None:
    """Who is at the other end of the connection."""
    attributes[semconv.CLIENT_ADDRESS] = attributes[semconv.NETWORK_PEER_ADDRESS] = address
    if port:
        attributes[semconv.NETWORK_PEER_PORT] = port
