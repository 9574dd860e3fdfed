"""aiohttp clients: one client span for each request on the wire, redirects and retries included.

The span sits in a client middleware, the innermost of each request: aiohttp runs those once a hop, around
connecting, writing and reading the headers. A websocket's handshake is such a request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientMiddlewareType as _  # noqa: F401  before 3.12 there are none: then this row has failed
from aiohttp import ClientSession
from opentelemetry import context as otel
from opentelemetry.trace import Span

from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.http_client import Values, answered, begin, broken
from traceo.instrumentation.suppression import is_suppressed

__all__ = ["install"]

_WHERE = "aiohttp.send"


def install(site: Site) -> None:
    """Give each request one more middleware."""
    site.replace(ClientSession, "_request", lambda original: _wrap(site, original))


def _wrap(site: Site, original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def _request(session: Any, /, *args: Any, **kwargs: Any) -> Any:
        if not site.active:
            return await original(session, *args, **kwargs)
        hops = _Hops(site)
        try:
            theirs = kwargs.get("middlewares")
            kwargs["middlewares"] = (*(session._middlewares if theirs is None else theirs), hops)  # noqa: SLF001
        except Exception as error:
            failed(_WHERE, error)
        try:
            response = await original(session, *args, **kwargs)
        except BaseException as app_error:
            hops.settle(app_error)
            raise
        hops.settle(None)
        return response

    return _request


class _Hops:
    """The middleware of one call of the app's: counts its hops.

    A hop that was cancelled is told with what the app gets to see: aiohttp cancels to keep its own total
    timeout, and raises ``TimeoutError`` further out.
    """

    __slots__ = ("_cancelled", "_count", "_site")

    def __init__(self, site: Site) -> None:
        self._site = site
        self._count = 0
        self._cancelled: tuple[Span, BaseException] | None = None

    async def __call__(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        span = self._begin(request)
        if span is None:
            return await handler(request)
        try:
            response = await handler(request)
        except asyncio.CancelledError as app_error:
            self._cancelled = (span, app_error)
            raise
        except BaseException as app_error:
            self._break(span, app_error)
            raise
        self._answer(span, response)
        return response

    def settle(self, raised: BaseException | None) -> None:
        """End the hop that was cancelled, if any, with what the app's call ``raised``."""
        if self._cancelled is not None:
            span, cancelled = self._cancelled
            self._cancelled = None
            self._break(span, raised or cancelled)

    def _begin(self, request: Any) -> Span | None:
        try:
            self.settle(None)
            context = otel.get_current()
            if is_suppressed(context):
                return None
            url = request.url
            span = begin(
                self._site,
                context,
                method=request.method,
                url=str(url),
                scheme=url.scheme,
                host=url.host,
                port=url.port,
                resends=self._count,
                values=_values(request.headers),
                put=request.headers.__setitem__,
            )
        except Exception as error:
            failed(_WHERE, error)
            return None
        self._count += 1
        return span

    def _break(self, span: Span, app_error: BaseException) -> None:
        try:
            broken(span, app_error)
        except Exception as error:
            failed(_WHERE, error)

    def _answer(self, span: Span, response: Any) -> None:
        try:
            version = response.version
            answered(
                self._site,
                span,
                status=response.status,
                version="" if version is None else f"{version.major}.{version.minor}",
                values=_values(response.headers),
            )
        except Exception as error:
            failed(_WHERE, error)


def _values(headers: Any) -> Values:
    return lambda name: headers.getall(name, ())
