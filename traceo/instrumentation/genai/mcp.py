"""mcp 2.x: a client span for each request of a session, a server span for its handling, both in one trace.

The library makes spans of its own once a global tracer provider is set; ours stand in their place while the
hook is on. The context travels in ``params._meta`` (SEP-414). The server's span stands where the library's
middleware stands, so that a server whose app took that out stays without. Notifications have no span: a
progress report is not an operation. Arguments and results are told only when content is wanted, the text of
errors never: it may quote them.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from mcp.server import _otel as native_server
from mcp.shared import jsonrpc_dispatcher
from mcp.shared.direct_dispatcher import DirectDispatcher
from opentelemetry import context as otel
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    Span,
    SpanKind,
    get_current_span,
)
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.genai.content import field
from traceo.instrumentation.genai.mcp_request import Request, of_framework
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.propagation import extract, inject
from traceo.instrumentation.suppression import is_suppressed

__all__ = ["install"]

_OURS: Final = "traceo.mcp.request"
_VERSION_HEADER: Final = "mcp-protocol-version"


def install(site: Site) -> None:
    """Hook both dispatchers, the span that one of them makes itself, and the server's middleware."""
    for dispatcher in (jsonrpc_dispatcher.JSONRPCDispatcher, DirectDispatcher):
        site.replace(dispatcher, "send_raw_request", lambda original: _sending(site, original))
    site.replace(jsonrpc_dispatcher, "otel_span", lambda original: _silenced(site, original))
    site.replace(
        native_server.OpenTelemetryMiddleware, "__call__", lambda original: _handling(site, original)
    )


def _sending(site: Site, original: Any) -> Any:
    async def send_raw_request(
        self: Any, method: str, params: Mapping[str, Any] | None, opts: Any = None, **more: Any
    ) -> Any:
        request: Request | None = None
        try:
            context = otel.get_current()
            if site.active and not is_suppressed(context):
                request = Request(
                    site,
                    method,
                    params,
                    SpanKind.CLIENT,
                    context,
                    of_framework=of_framework(context, method, params),
                )
                version = field(field(opts, "headers"), _VERSION_HEADER)
                if isinstance(version, str):
                    request.span.set_attribute(semconv.MCP_PROTOCOL_VERSION, version)
                request.enter(otel.set_value(_OURS, request.span, context))
                params = _with_meta(params, request.span, context)
        except Exception as error:
            failed("mcp.send", error)
        if request is None:
            return await original(self, method, params, opts, **more)
        try:
            result = await original(self, method, params, opts, **more)
        except BaseException as error:
            request.leave(None, error)
            raise
        request.leave(result, None)
        return result

    return send_raw_request


def _silenced(site: Site, original: Any) -> Any:
    def otel_span(*args: Any, **kwargs: Any) -> Any:
        try:
            if site.active:
                span: Any = otel.get_current().get(_OURS)
                request_id = field(kwargs.get("attributes"), semconv.JSONRPC_REQUEST_ID)
                if span is not None and request_id is not None:
                    span.set_attribute(semconv.JSONRPC_REQUEST_ID, request_id)
                return _Silence()
        except Exception as error:
            failed("mcp.send", error)
        return original(*args, **kwargs)

    return otel_span


class _Silence:
    """What the library gets instead of a span of its own."""

    def __enter__(self) -> Span:
        return INVALID_SPAN

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


def _handling(site: Site, original: Any) -> Any:
    async def __call__(self: Any, ctx: Any, call_next: Any) -> Any:  # noqa: N807  takes its place
        if not site.active:
            return await original(self, ctx, call_next)
        request: Request | None = None
        try:
            context = otel.get_current()
            if ctx.request_id is not None and not is_suppressed(context):
                request = _received(site, ctx, context)
        except Exception as error:
            failed("mcp.handle", error)
        if request is None:
            return await call_next(ctx)
        try:
            result = await call_next(ctx)
        except BaseException as error:
            request.leave(None, error)
            raise
        request.leave(result, None)
        return result

    return __call__


def _received(site: Site, ctx: Any, ambient: Context) -> "Request":
    meta: Any = ctx.meta or {}
    first = {
        str(key).lower().encode("latin-1", "replace"): value.encode("latin-1", "replace")
        for key, value in meta.items()
        if isinstance(value, str)
    }
    context, caller = extract(ambient, first.items(), first)
    links: list[Link] = []
    if caller is not None:
        around = get_current_span(ambient).get_span_context()
        if around.is_valid and around.span_id != caller.get_span_context().span_id:
            links.append(Link(around))
    request = Request(site, ctx.method, ctx.params, SpanKind.SERVER, context, links)
    more: dict[str, AttributeValue] = {semconv.JSONRPC_REQUEST_ID: str(ctx.request_id)}
    if isinstance(ctx.protocol_version, str):
        more[semconv.MCP_PROTOCOL_VERSION] = ctx.protocol_version
    session = field(getattr(ctx.session, "_connection", None), "session_id")
    if isinstance(session, str):
        more[semconv.MCP_SESSION_ID] = session
    if ctx.request is not None:
        more[semconv.NETWORK_TRANSPORT] = "tcp"
        more[semconv.NETWORK_PROTOCOL_NAME] = "http"
    request.span.set_attributes(more)
    request.enter(context)
    return request


def _with_meta(params: Mapping[str, Any] | None, span: Span, context: Context) -> Mapping[str, Any]:
    """``params`` with the trace context in ``_meta``. The app's own mapping is left as it is."""
    known: Any = params or {}
    meta: dict[str, Any] = {**(known.get("_meta") or {})}
    inject(span, context, meta.__setitem__)
    return {**known, "_meta": meta} if meta else known
