"""Server spans for ASGI applications: one a request or websocket, whatever stands inside.

The hook wraps the application object's ``__call__``, outside its middleware stack, which stays as the app
built it. Beyond the call itself a request pays for one :class:`_Exchange`, whose bound ``send`` is the only
wrapper.

The span ends when the last byte of the body has been handed to the server, so that background tasks do not
stretch it; an error response is held back until the call returns, because frameworks answer first and raise
then. Follows the HTTP semantic conventions (stable); websockets are one span from handshake to close.
"""

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import Token
from time import time_ns
from typing import Any, Final, TypeAlias

from opentelemetry import context as otel
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.outcome import error_type, is_abandoned, record
from traceo.instrumentation.propagation import extract
from traceo.instrumentation.suppression import is_suppressed

__all__ = ["MARK", "Application", "Receive", "Scope", "Send", "observed"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Any, Scope, Receive, Send], Awaitable[None]]
"""An unbound ``__call__(self, scope, receive, send)``."""

RouteOf: TypeAlias = Callable[[Any, Scope, str], str | None]
"""``(app, scope, path) -> template``, asked once when the request is over; ``None``: no route matched."""

MARK: Final = "traceo.exchange"
"""The scope key that tells an inner application that the request already has its span."""

_KNOWN_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
_NORMAL_CLOSE: Final = frozenset({1000, 1001})


def observed(
    site: Site, original: Application, route_of: RouteOf, wanted: Callable[[Any, Scope], bool]
) -> Application:
    """``original`` inside a server span, unless ``wanted(app, scope)`` says no."""

    async def __call__(self: Any, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: N807  takes its place
        exchange: _Exchange | None = None
        try:
            if (
                site.active
                and MARK not in scope
                and scope["type"] in {"http", "websocket"}
                and wanted(self, scope)
            ):
                exchange = _begin(site, self, scope, send, route_of)
        except Exception as error:
            failed("asgi.request", error)
        if exchange is None:
            await original(self, scope, receive, send)
            return
        try:
            await original(self, scope, receive, exchange.send if exchange.recording else send)
        except BaseException as error:
            exchange.leave(error)
            raise
        exchange.leave(None)

    return __call__


def _begin(site: Site, app: Any, scope: Scope, send: Send, route_of: RouteOf) -> "_Exchange | None":
    base = otel.get_current()
    if is_suppressed(base):
        return None
    headers = scope["headers"]
    first: dict[bytes, bytes] = dict(headers)
    base, caller = extract(base, headers, first)
    is_http = scope["type"] == "http"
    method: str = scope["method"] if is_http else "GET"
    path: str = scope["path"]
    attributes: dict[str, AttributeValue] = {
        semconv.HTTP_REQUEST_METHOD: method,
        semconv.URL_SCHEME: scope.get("scheme") or ("http" if is_http else "ws"),
        semconv.URL_PATH: path,
        semconv.NETWORK_PROTOCOL_VERSION: scope.get("http_version") or "1.1",
    }
    name = method
    if method not in _KNOWN_METHODS:
        attributes[semconv.HTTP_REQUEST_METHOD] = "_OTHER"
        attributes[semconv.HTTP_REQUEST_METHOD_ORIGINAL] = method
        name = "HTTP"
    if not is_http:
        attributes[semconv.NETWORK_PROTOCOL_NAME] = "websocket"
    query: bytes = scope.get("query_string") or b""
    if query:
        attributes[semconv.URL_QUERY] = query.decode("latin-1")
    _add_addresses(attributes, scope, first.get(b"host"))
    agent = first.get(b"user-agent")
    if agent is not None:
        attributes[semconv.USER_AGENT_ORIGINAL] = agent.decode("latin-1")
    if site.options.server_request_headers:
        _add_headers(attributes, semconv.HTTP_REQUEST_HEADER, site.options.server_request_headers, headers)

    # No caller: a root, even if the server itself was started under a span.
    parent = base if caller is not None else set_span_in_context(INVALID_SPAN, base)
    span = site.tracer.start_span(name, parent, SpanKind.SERVER, attributes)
    exchange = _Exchange(span, app, scope, send, route_of)
    exchange.name = name
    exchange.path = path
    exchange.response_headers = site.options.server_response_headers
    exchange.context = set_span_in_context(span, base)
    exchange.token = otel.attach(exchange.context)
    scope[MARK] = exchange
    return exchange


class _Exchange:
    """One request on its way: what is needed to end its span exactly once."""

    __slots__ = (
        "_app",
        "_ended",
        "_ended_ns",
        "_error",
        "_handled",
        "_route_of",
        "_scope",
        "_send",
        "_span",
        "_status",
        "_surrounding",
        "context",
        "name",
        "path",
        "recording",
        "response_headers",
        "token",
    )

    context: Context
    token: Token[Context]
    name: str
    path: str
    response_headers: tuple[str, ...]

    def __init__(self, span: Span, app: Any, scope: Scope, send: Send, route_of: RouteOf) -> None:
        self._span = span
        self._app = app
        self._scope = scope
        self._send = send
        self._route_of = route_of
        self._status = 0
        self._ended = False
        self._ended_ns: int | None = None
        self._error: BaseException | None = None
        self.recording = span.is_recording()
        self._surrounding = sys.exc_info()[1]

    async def send(self, message: Message) -> None:
        """The app's ``send``, listened to."""
        last = False
        try:
            last = self._listen(message)
        except Exception as error:
            failed("asgi.send", error)
        await self._send(message)
        if last and not self._ended:
            try:
                self._answered()
            except Exception as error:
                failed("asgi.send", error)

    def leave(self, error: BaseException | None) -> None:
        """The app's call is over: end what is open and give the task its context back. Never raises."""
        if self.recording and not self._ended:
            self._end(error)
        try:
            self._scope.pop(MARK, None)
            # A generator closed by the collector may be in somebody else's context: leave that alone.
            if not isinstance(error, GeneratorExit) or otel.get_current() is self.context:
                otel.detach(self.token)
        except Exception as failure:
            failed("asgi.leave", failure)

    def _answered(self) -> None:
        if self._status >= 500 or self._being_handled() is not None:
            self._ended_ns = time_ns()  # the framework answers, and is about to raise: wait for it
        else:
            self._end(None)

    def _listen(self, message: Message) -> bool:
        """Note what the message says; whether it is the last of the response."""
        kind = message["type"]
        if kind == "http.response.body":
            return not message.get("more_body", False)
        if kind in {"http.response.start", "websocket.http.response.start"}:
            self._status = message["status"]
            if self._status >= 500:
                self._error = self._being_handled()
            if self.response_headers:
                attributes: dict[str, AttributeValue] = {}
                _add_headers(
                    attributes,
                    semconv.HTTP_RESPONSE_HEADER,
                    self.response_headers,
                    message.get("headers", ()),
                )
                self._span.set_attributes(attributes)
        elif kind == "websocket.accept":
            self._status = 101
        elif kind == "websocket.close" and not self._status:
            self._status = 403  # closed before it was accepted: the server answers the handshake with 403
        return kind == "http.response.pathsend"

    def _being_handled(self) -> BaseException | None:
        """The exception in whose ``except`` block this response is made, if any."""
        error = sys.exc_info()[1]
        return error if error is not self._surrounding else None

    def _end(self, error: BaseException | None) -> None:
        self._ended = True
        span = self._span
        try:
            attributes: dict[str, AttributeValue] = {}
            if self._status:
                attributes[semconv.HTTP_RESPONSE_STATUS_CODE] = self._status
            route = self._route_of(self._app, self._scope, self.path)
            if route:
                attributes[semconv.HTTP_ROUTE] = route
                span.update_name(f"{self.name} {route}")
            if error is not None and _is_normal_close(error):
                error = None
            if error is not None and is_abandoned(error):
                attributes[semconv.ERROR_TYPE] = error_type(error)
            elif error is not None or self._status >= 500:
                error = error or self._error
                attributes[semconv.ERROR_TYPE] = str(self._status) if error is None else error_type(error)
                span.set_status(Status(StatusCode.ERROR))
            span.set_attributes(attributes)
            if error is not None and not is_abandoned(error):
                record(span, error, at_ns=self._ended_ns)  # not after the end of its span
        except Exception as failure:
            failed("asgi.end", failure)
        finally:
            try:
                span.end(self._ended_ns)
            except Exception as failure:
                failed("asgi.end", failure)
            self._error = self._surrounding = None  # their frames hold the app's objects


def _is_normal_close(error: BaseException) -> bool:
    return type(error).__name__ == "WebSocketDisconnect" and getattr(error, "code", None) in _NORMAL_CLOSE


def _add_addresses(attributes: dict[str, AttributeValue], scope: Scope, host: bytes | None) -> None:
    server = scope.get("server")
    if host:
        address, _, port = host.decode("latin-1").rpartition(":")
        if not port.isdecimal():  # no port, or the last group of a bracketed IPv6 address
            address, port = host.decode("latin-1"), ""
        attributes[semconv.SERVER_ADDRESS] = address.strip("[]")
        if port:
            attributes[semconv.SERVER_PORT] = int(port)
    elif server:
        attributes[semconv.SERVER_ADDRESS] = server[0]
        if server[1] is not None:
            attributes[semconv.SERVER_PORT] = server[1]
    client = scope.get("client")
    if client:
        attributes[semconv.CLIENT_ADDRESS] = attributes[semconv.NETWORK_PEER_ADDRESS] = client[0]
        if client[1]:
            attributes[semconv.NETWORK_PEER_PORT] = client[1]


def _add_headers(
    attributes: dict[str, AttributeValue],
    prefix: str,
    names: tuple[str, ...],
    headers: Any,
) -> None:
    for name in names:
        raw = name.encode("latin-1", "replace")
        values = [value.decode("latin-1") for key, value in headers if key.lower() == raw]
        if values:
            attributes[prefix + name] = values
