"""Server spans for WSGI applications (PEP 3333): one a request, whatever stands inside.

The hook wraps the application object's method that takes ``(environ, start_response)``. While the app's call
runs its span is current; afterwards the server's thread has its own context back, and the body is iterated
and closed in the span's context again.

The span ends when the body is exhausted or closed. A body that is there as a whole ends it at once: a list
goes on to the server as it is (its length may become the ``Content-Length``), as does the server's own file
wrapper (which may become ``sendfile``). Follows the HTTP semantic conventions (stable).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from opentelemetry import context as otel
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.http_server import MARK, Exchange, set_method
from traceo.instrumentation.propagation import extract
from traceo.instrumentation.suppression import is_suppressed
from traceo.instrumentation.wsgi_environ import Environ, Headers, add_addresses, propagated, text_of

__all__ = ["Application", "StartResponse", "WsgiExchange", "observed"]

StartResponse: TypeAlias = Callable[..., Any]
Application: TypeAlias = Callable[[Any, Environ, StartResponse], Iterable[bytes]]
"""An unbound method ``(self, environ, start_response)``."""

_PLAIN: Final = frozenset({list, tuple})
_UNPREFIXED: Final = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})
_PROXIED: Final = "werkzeug.proxy_fix.orig"
"""Set by werkzeug's ``ProxyFix`` when it has put the client's own address and host in the environ."""


def observed(site: Site, original: Application, is_whole: Callable[[Any], bool] | None = None) -> Application:
    """``original`` inside a server span, unless the request has one.

    ``is_whole(body)``: nothing of the app's runs while this body is iterated, so that the span can end first.
    """

    def wsgi_app(self: Any, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        outer: WsgiExchange | None = None
        exchange: WsgiExchange | None = None
        try:
            if site.active:
                outer = environ.get(MARK)
                if outer is None or outer.ended:
                    exchange = _begin(site, environ, start_response)
                else:
                    outer.enter(environ)
        except Exception as error:
            failed("wsgi.request", error)
        if exchange is None:
            body = original(self, environ, start_response)
            if outer is not None and outer.whole is True:
                outer.whole = body
            return body
        try:
            body = original(self, environ, exchange.start_response if exchange.recording else start_response)
        except BaseException as error:
            exchange.leave(error, environ)
            raise
        return exchange.hand_over(body, environ, is_whole)

    return wsgi_app


def _begin(site: Site, environ: Environ, start_response: StartResponse) -> "WsgiExchange | None":
    base = otel.get_current()
    if is_suppressed(base):
        return None
    method: str = environ["REQUEST_METHOD"]
    root: str = environ.get("SCRIPT_NAME") or ""
    path = text_of(root + (environ.get("PATH_INFO") or "")) or "/"
    first = propagated(environ)
    traceparent = first.get(b"traceparent")
    outer = base.get(MARK)
    if isinstance(outer, Exchange) and outer.is_of(method, path, traceparent):
        return None  # mounted in an application that has made the span
    base, caller = extract(base, Headers(environ), first)
    attributes: dict[str, AttributeValue] = {
        semconv.URL_SCHEME: environ.get("wsgi.url_scheme") or "http",
        semconv.URL_PATH: path,
        semconv.NETWORK_PROTOCOL_VERSION: environ.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/"),
    }
    name = set_method(attributes, method)
    query: str = environ.get("QUERY_STRING") or ""
    if query:
        attributes[semconv.URL_QUERY] = query
    add_addresses(attributes, environ)
    agent: str | None = environ.get("HTTP_USER_AGENT")
    if agent is not None:
        attributes[semconv.USER_AGENT_ORIGINAL] = agent
    for header in site.options.server_request_headers:
        key = header.upper().replace("-", "_")
        value = environ.get(key if key in _UNPREFIXED else f"HTTP_{key}")
        if value:
            attributes[semconv.HTTP_REQUEST_HEADER + header] = [value]
    exchange = WsgiExchange(site, base, caller, name, method, path, attributes, traceparent)
    exchange.serve(environ, root, start_response)
    return exchange


class WsgiExchange(Exchange):
    """An exchange whose response comes by ``start_response`` and an iterable."""

    __slots__ = ("_root", "_start", "whole")

    def serve(self, environ: Environ, root: str, start_response: StartResponse) -> None:
        """Take what the response and the route are told by."""
        self._root = root
        self._start = start_response
        self.whole: object = False
        """True once a framework has made a response that is there as a whole; then that response's body."""
        environ[MARK] = self

    def enter(self, environ: Environ) -> None:
        """The request meets another hook further in: middleware may have corrected its environ."""
        self._root = environ.get("SCRIPT_NAME") or ""
        if _PROXIED in environ and self.recording:
            attributes: dict[str, AttributeValue] = {
                semconv.URL_SCHEME: environ.get("wsgi.url_scheme") or "http"
            }
            add_addresses(attributes, environ)
            # The peer stays the proxy.
            attributes.pop(semconv.NETWORK_PEER_ADDRESS, None)
            attributes.pop(semconv.NETWORK_PEER_PORT, None)
            self.span.set_attributes(attributes)

    def start_response(self, *args: Any, **kwargs: Any) -> Any:
        """The server's ``start_response``, listened to."""
        try:
            self._listen(*args, **kwargs)
        except Exception as error:
            failed("wsgi.start_response", error)
        return self._start(*args, **kwargs)

    def leave(self, error: BaseException, environ: Environ) -> None:
        """The app's call has failed. Never raises."""
        self.fail(error, is_sent=False)
        self._part(error, environ)
        self.context = None

    def fail(self, error: BaseException, *, is_sent: bool) -> None:
        """End the span with ``error``. What the app has started, but the server not sent, becomes a 500."""
        if not is_sent and isinstance(error, Exception):
            self.status = 500
        self.end(error)

    def hand_over(
        self, body: Iterable[bytes], environ: Environ, is_whole: Callable[[Any], bool] | None
    ) -> Iterable[bytes]:
        """The app's call has returned ``body``: what goes to the server in its place. Never raises."""
        served = body
        try:
            if type(body) in _PLAIN or _is_of_server(body, environ):
                self.end(None, is_answered_by_server=True)
                self.context = None
            else:
                if self.whole is True or self.whole is body or (is_whole is not None and is_whole(body)):
                    self.end(None, is_answered_by_server=True)
                served = _Sized(body, self) if hasattr(body, "__len__") else _Body(body, self)
        except Exception as failure:
            failed("wsgi.body", failure)
            self.end(None)
        self._part(None, environ)
        return served

    def route(self) -> str | None:
        """See :class:`Exchange`."""
        if self.rule is not None:
            return self._root.rstrip("/") + self.rule
        return None if self.mounted is None else self.mounted.route()

    def _part(self, error: BaseException | None, environ: Environ) -> None:
        self.detach(error)
        self.whole = False  # the context holds this exchange
        if not self.ended:
            return  # middleware that is a generator meets the other hooks only now
        try:
            environ.pop(MARK, None)
        except Exception as failure:
            failed("wsgi.leave", failure)

    def _listen(self, status: str, headers: Iterable[tuple[str, str]], exc_info: Any = None) -> None:
        self.status = int(status[:3])
        if exc_info:
            self.error = exc_info[1]
        for name in self.response_headers:
            values = [value for key, value in headers if key.lower() == name]
            if values:
                self.span.set_attribute(semconv.HTTP_RESPONSE_HEADER + name, values)


class _Body:
    """An app's body, iterated and closed in the request's context, whose end is the span's."""

    __slots__ = ("_body", "_exchange", "_is_sent", "_iterator")

    def __init__(self, body: Iterable[bytes], exchange: WsgiExchange) -> None:
        self._body = body
        self._exchange = exchange
        self._iterator: Iterator[bytes] | None = None
        self._is_sent = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body) if self._exchange.ended else self

    def __next__(self) -> bytes:
        exchange = self._exchange
        context = exchange.context
        token = None if context is None else otel.attach(context)
        try:
            if self._iterator is None:
                self._iterator = iter(self._body)
            part = next(self._iterator)
        except StopIteration:
            exchange.end(None, is_answered_by_server=True)
            raise
        except BaseException as error:
            exchange.fail(error, is_sent=self._is_sent)
            raise
        finally:
            if token is not None:
                otel.detach(token)
        self._is_sent = True  # servers send the headers with the first part, be it empty
        return part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def close(self) -> None:
        """Close the app's body, if it can be, and end what is open."""
        exchange = self._exchange
        context = exchange.context
        token = None if context is None else otel.attach(context)
        try:
            close: Callable[[], object] | None = getattr(self._body, "close", None)
            if close is not None:
                close()
            exchange.end(None)
        except BaseException as error:
            exchange.end(error)
            raise
        finally:
            if token is not None:
                otel.detach(token)
            exchange.context = None


class _Sized(_Body):
    """A body that knows how many parts it has, which a server may ask for."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._body)  # pyright: ignore[reportArgumentType]  asked before it is made


def _is_of_server(body: object, environ: Environ) -> bool:
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)
