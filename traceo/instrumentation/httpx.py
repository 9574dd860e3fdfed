"""httpx clients, sync and async: one client span for each request on the wire.

The span sits where one request goes to the transport, below redirects and authentication: each hop has its
own URL, status and resend count, custom transports and ``ASGITransport`` included.
"""

from types import ModuleType
from typing import Any

from opentelemetry import context as otel
from opentelemetry.trace import Span

from traceo.instrumentation.guard import around, around_async
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.http_client import answered, begin, broken
from traceo.instrumentation.suppression import is_suppressed

__all__ = ["install", "install_in"]

_places: dict[type, Site] = {}
_SENDS = "traceo.sends"
"""The key in a request's extensions, which httpx hands on to the next hop, that counts the hops."""


def install(site: Site) -> None:
    """Wrap the one-request step of both clients."""
    import httpx  # noqa: PLC0415  httpx2 shares this module, and must not load httpx

    install_in(site, httpx)


def install_in(site: Site, library: ModuleType) -> None:
    """The same for httpx or its successor."""

    def before(client: Any, request: Any, *args: Any, **kwargs: Any) -> Span | None:
        del client, args, kwargs
        return _begin(site, request)

    def after(span: Span, response: Any, error: BaseException | None) -> None:
        _finish(site, span, response, error)

    step = (
        "_send_single_request"  # not public, and the only place that sees each hop; `send` serves without it
    )
    where = f"{library.__name__}.send"
    for client, guard in ((library.Client, around), (library.AsyncClient, around_async)):
        if client in _places and _places[client].active:
            continue  # httpx2 goes by the name of httpx as well, when the app wants that
        _places[client] = site
        name = step if hasattr(client, step) else "send"
        site.replace(client, name, lambda original, guard=guard: guard(original, where, before, after))


def _begin(site: Site, request: Any) -> Span | None:
    context = otel.get_current()
    if not site.active or is_suppressed(context):
        return None
    url = request.url
    sends = request.extensions.get(_SENDS, 0)
    span = begin(
        site,
        context,
        method=request.method,
        url=str(url),
        scheme=url.scheme,
        host=url.host,
        port=url.port,
        resends=sends,
        values=request.headers.get_list,
        put=request.headers.__setitem__,
    )
    request.extensions[_SENDS] = sends + 1
    return span


def _finish(site: Site, span: Span, response: Any, error: BaseException | None) -> None:
    if error is not None:
        broken(span, error)
        return
    version = response.extensions.get("http_version")
    answered(
        site,
        span,
        status=response.status_code,
        version=version.decode("latin-1").removeprefix("HTTP/") if isinstance(version, bytes) else "",
        values=response.headers.get_list,
    )
