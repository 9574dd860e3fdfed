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
from time import time_ns
from typing import Any, Final, TypeAlias

from opentelemetry import context as otel
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.http_server import (
    MARK,
    TAIL,
    Exchange,
    Mounted,
    RouteOf,
    add_peer,
    add_server,
    set_method,
)
from traceo.instrumentation.outcome import is_abandoned
from traceo.instrumentation.propagation import extract
from traceo.instrumentation.suppression import is_suppressed

__all__ = ["Application", "Receive", "Scope", "Send", "observed"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Any, Scope, Receive, Send], Awaitable[None]]
"""An unbound ``__call__(self, scope, receive, send)``."""

_NO_SCOPE: Final[Scope] = {}
_NORMAL_CLOSE: Final = frozenset({1000, 1001})


def observed(
    site: Site, original: Application, route_of: RouteOf, wanted: Callable[[Any, Scope], bool]
) -> Application:
    """``original`` inside a server span, unless ``wanted(app, scope)`` says no."""

    async def __call__(self: Any, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: N807  takes its place
        exchange: _Exchange | None = None
        try:
            if site.active and scope["type"] in {"http", "websocket"}:
                if MARK in scope:
                    _enter(self, scope, route_of)
                elif wanted(self, scope):
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
    if "wsgi_environ" in scope:  # set by a2wsgi: this may be inside a WSGI application that has made the span
        outer = base.get(MARK)
        if isinstance(outer, Exchange) and not outer.ended:
            scope[MARK] = outer
            _enter(app, scope, route_of)
            return None
    base, caller = extract(base, headers, first)
    is_http = scope["type"] == "http"
    method: str = scope["method"] if is_http else "GET"
    path: str = scope["path"]
    attributes: dict[str, AttributeValue] = {
        semconv.URL_SCHEME: scope.get("scheme") or ("http" if is_http else "ws"),
        semconv.URL_PATH: path,
        semconv.NETWORK_PROTOCOL_VERSION: scope.get("http_version") or "1.1",
    }
    name = set_method(attributes, method)
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
    exchange = _Exchange(site, base, caller, name, method, path, attributes, first.get(b"traceparent"))
    exchange.serve(app, scope, send, route_of)
    return exchange


def _enter(app: Any, scope: Scope, route_of: RouteOf) -> None:
    """The request meets another hook further in: ``app`` is mounted, and knows the rest of the template."""
    outer = scope[MARK]
    if isinstance(outer, Exchange) and outer.mounted is None and getattr(outer, "app", None) is not app:
        outer.mounted = Mounted(route_of, app, scope, scope["path"], scope.get("root_path") or "")


class _Exchange(Exchange):
    """An exchange whose response comes by ``send``."""

    __slots__ = ("_route_of", "_scope", "_send", "_surrounding", "app")

    def serve(self, app: Any, scope: Scope, send: Send, route_of: RouteOf) -> None:
        """Take what the response and the route are told by."""
        self.app = app
        self._scope = scope
        self._send = send
        self._route_of = route_of
        self._surrounding = sys.exc_info()[1]
        scope[MARK] = self

    async def send(self, message: Message) -> None:
        """The app's ``send``, listened to."""
        last = False
        try:
            last = self._listen(message)
        except Exception as error:
            failed("asgi.send", error)
        await self._send(message)
        if last and not self.ended:
            try:
                self._answered()
            except Exception as error:
                failed("asgi.send", error)

    def leave(self, error: BaseException | None) -> None:
        """The app's call is over: end what is open and give the task its context back. Never raises."""
        if not self.ended:
            failure = None if error is not None and _is_normal_close(error) else error
            # A call that returns without an answer is no 500: its client may have gone.
            self.end(
                failure, is_answered_by_server=isinstance(failure, Exception) and not is_abandoned(failure)
            )
        self.detach(error)
        try:
            self._scope.pop(MARK, None)
        except Exception as failure:
            failed("asgi.leave", failure)
        # The context holds this exchange: leave no cycle, nor the app's objects in a context that is kept.
        self.app = self._surrounding = self.context = None
        self._scope = _NO_SCOPE

    def route(self) -> str | None:
        """See :class:`Exchange`; what a mounted framework of another kind has matched stands for the tail."""
        template = self._route_of(self.app, self._scope, self.path)
        if template is not None and not template.endswith(TAIL):
            return template
        rest = self.rule
        if rest is None and self.mounted is not None:
            rest = self.mounted.route()
            if template is None:
                return rest  # the app around it knows no routes
            rest = rest and rest.removeprefix(self.mounted.root)
        return template.removesuffix(TAIL) + rest if template and rest else template

    def _answered(self) -> None:
        if self.status >= 500 or self._being_handled() is not None:
            self.ended_ns = time_ns()  # the framework answers, and is about to raise: wait for it
        else:
            self.end(None)

    def _listen(self, message: Message) -> bool:
        """Note what the message says; whether it is the last of the response."""
        kind = message["type"]
        if kind == "http.response.body":
            return not message.get("more_body", False)
        if kind in {"http.response.start", "websocket.http.response.start"}:
            self.status = message["status"]
            if self.status >= 500:
                self.error = self._being_handled() or self.error
            if self.response_headers:
                attributes: dict[str, AttributeValue] = {}
                _add_headers(
                    attributes,
                    semconv.HTTP_RESPONSE_HEADER,
                    self.response_headers,
                    message.get("headers", ()),
                )
                self.span.set_attributes(attributes)
        elif kind == "websocket.accept":
            self.status = 101
        elif kind == "websocket.close" and not self.status:
            self.status = 403  # closed before it was accepted: the server answers the handshake with 403
        return kind == "http.response.pathsend"

    def _being_handled(self) -> BaseException | None:
        """The exception in whose ``except`` block this response is made, if any."""
        error = sys.exc_info()[1]
        return error if error is not self._surrounding else None


def _is_normal_close(error: BaseException) -> bool:
    return type(error).__name__ == "WebSocketDisconnect" and getattr(error, "code", None) in _NORMAL_CLOSE


def _add_addresses(attributes: dict[str, AttributeValue], scope: Scope, host: bytes | None) -> None:
    server = scope.get("server")
    if host:
        add_server(attributes, host.decode("latin-1"))
    elif server:
        attributes[semconv.SERVER_ADDRESS] = server[0]
        if isinstance(server[1], int):
            attributes[semconv.SERVER_PORT] = server[1]
    client = scope.get("client")
    if client:
        add_peer(attributes, client[0], client[1])


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
