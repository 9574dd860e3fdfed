"""Server spans for applications of no framework that a hook knows: put one of these around them.

>>> async def app(scope, receive, send): ...
>>> app = AsgiMiddleware(app, route=lambda scope: "/prices/{sku}")

Around an application whose framework has a hook nothing is told twice: the outermost makes the span, and the
framework names it. Spans go to the global tracer provider, which ``traceo.init()`` sets, before or after.
"""

import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from opentelemetry import trace

from traceo._version import __version__
from traceo.instrumentation import asgi, wsgi
from traceo.instrumentation.asgi import Receive, Scope, Send
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.http_server import current
from traceo.instrumentation.options import Options
from traceo.instrumentation.wsgi import StartResponse
from traceo.instrumentation.wsgi_environ import Environ

__all__ = ["AsgiMiddleware", "WsgiMiddleware"]


class AsgiMiddleware:
    """An ASGI application, observed. ``route(scope)`` gives the template that a request has matched.

    It is asked when the request is over and leaves the application root out; ``None``: none matched. Names
    of headers to capture come from ``OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_*`` unless ``options``
    has them.
    """

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        *,
        route: Callable[[Scope], str | None] | None = None,
        options: Options | None = None,
    ) -> None:
        self.app = app

        async def call(self: AsgiMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
            await self.app(scope, receive, send)

        def route_of(app: Any, scope: Scope, path: str) -> str | None:
            del app, path
            template = None if route is None else route(scope)
            return None if template is None else (scope.get("root_path") or "").rstrip("/") + template

        self._observed = asgi.observed(_site("asgi", options), call, route_of, lambda app, scope: True)  # noqa: ARG005  every request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, websocket or lifespan."""
        await self._observed(self, scope, receive, send)


class WsgiMiddleware:
    """A WSGI application, observed. ``route(environ)`` gives the template that a request has matched.

    It is asked when the application has returned its body; the rest is as with :class:`AsgiMiddleware`.
    """

    def __init__(
        self,
        app: Callable[[Environ, StartResponse], Iterable[bytes]],
        *,
        route: Callable[[Environ], str | None] | None = None,
        options: Options | None = None,
    ) -> None:
        self.app = app

        def call(self: WsgiMiddleware, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            try:
                return self.app(environ, start_response)
            finally:
                if route is not None:
                    _match(route, environ)

        self._observed = wsgi.observed(_site("wsgi", options), call)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        return self._observed(self, environ, start_response)


def _match(route: Callable[[Environ], str | None], environ: Environ) -> None:
    try:
        exchange = current()
        template = route(environ)
        if exchange is not None and template is not None:
            exchange.rule = template
    except Exception as error:
        failed("wsgi.route", error)


def _site(name: str, options: Options | None) -> Site:
    tracer = trace.get_tracer(f"traceo.instrumentation.{name}", __version__)
    return Site(name, tracer, Options.from_environ(os.environ) if options is None else options)
