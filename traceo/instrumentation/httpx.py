"""httpx clients, sync and async: one client span for each request on the wire.

The span sits where one request goes to the transport, below redirects and authentication: each hop has its
own URL, status and resend count, custom transports and ``ASGITransport`` included. It ends when the
response's headers are here, as its body may be streamed or never read. Follows the HTTP semantic conventions
(stable), client spans.
"""

from typing import Any

import httpx
from opentelemetry import context as otel
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.guard import around, around_async
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.outcome import fail
from traceo.instrumentation.propagation import inject
from traceo.instrumentation.suppression import is_suppressed

__all__ = ["install"]

_KNOWN_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SENDS = "traceo.sends"
"""The key in a request's extensions, which httpx hands on to the next hop, that counts the hops."""


def install(site: Site) -> None:
    """Wrap the one-request step of both clients."""

    def before(client: Any, request: httpx.Request, *args: Any, **kwargs: Any) -> Span | None:
        del client, args, kwargs
        return _begin(site, request)

    def after(span: Span, response: httpx.Response | None, error: BaseException | None) -> None:
        _finish(site, span, response, error)

    step = (
        "_send_single_request"  # not public, and the only place that sees each hop; `send` serves without it
    )
    for client, guard in ((httpx.Client, around), (httpx.AsyncClient, around_async)):
        name = step if hasattr(client, step) else "send"
        site.replace(client, name, lambda original, guard=guard: guard(original, "httpx.send", before, after))


def _begin(site: Site, request: httpx.Request) -> Span | None:
    context = otel.get_current()
    if not site.active or is_suppressed(context):
        return None
    url = request.url
    method = request.method
    attributes: dict[str, AttributeValue] = {
        semconv.HTTP_REQUEST_METHOD: method,
        semconv.URL_FULL: str(url),
        semconv.SERVER_ADDRESS: url.host,
    }
    port = url.port or _DEFAULT_PORTS.get(url.scheme)
    if port is not None:
        attributes[semconv.SERVER_PORT] = port
    name = method
    if method not in _KNOWN_METHODS:
        attributes[semconv.HTTP_REQUEST_METHOD] = "_OTHER"
        attributes[semconv.HTTP_REQUEST_METHOD_ORIGINAL] = method
        name = "HTTP"
    sends = request.extensions.get(_SENDS, 0)
    if sends:
        attributes[semconv.HTTP_REQUEST_RESEND_COUNT] = sends
    _add_headers(
        attributes, semconv.HTTP_REQUEST_HEADER, site.options.client_request_headers, request.headers
    )
    span = site.tracer.start_span(name, context, SpanKind.CLIENT, attributes)
    request.extensions[_SENDS] = sends + 1
    inject(span, context, request.headers.__setitem__)
    return span


def _finish(site: Site, span: Span, response: httpx.Response | None, error: BaseException | None) -> None:
    try:
        if not span.is_recording():
            return
        if error is not None:
            fail(span, error)
        elif response is not None:
            status = response.status_code
            attributes: dict[str, AttributeValue] = {semconv.HTTP_RESPONSE_STATUS_CODE: status}
            version = response.extensions.get("http_version")
            if isinstance(version, bytes):
                attributes[semconv.NETWORK_PROTOCOL_VERSION] = version.decode("latin-1").removeprefix("HTTP/")
            if status >= 400:  # for a client any refusal is an error
                attributes[semconv.ERROR_TYPE] = str(status)
                span.set_status(Status(StatusCode.ERROR))
            _add_headers(
                attributes,
                semconv.HTTP_RESPONSE_HEADER,
                site.options.client_response_headers,
                response.headers,
            )
            span.set_attributes(attributes)
    finally:
        span.end()


def _add_headers(
    attributes: dict[str, AttributeValue], prefix: str, names: tuple[str, ...], headers: httpx.Headers
) -> None:
    for name in names:
        values = headers.get_list(name)
        if values:
            attributes[prefix + name] = values
