"""mcp 2.x: a client span for each request of a session, a server span for its handling, both in one trace.

The library makes spans of its own once a global tracer provider is set; ours stand in their place while the
hook is on. The context travels in ``params._meta`` (SEP-414). The server's span stands where the library's
middleware stands, so that a server whose app took that out stays without. Notifications have no span: a
progress report is not an operation. Arguments and results are told only when content is wanted, the text of
errors never: it may quote them.
"""

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from mcp.server import _otel as native_server
from mcp.shared import jsonrpc_dispatcher
from mcp.shared.direct_dispatcher import DirectDispatcher
from mcp.shared.exceptions import MCPError
from opentelemetry import context as otel
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    Span,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.genai.call import fail_quietly
from traceo.instrumentation.genai.content import as_value, field
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.propagation import extract, inject
from traceo.instrumentation.suppression import is_suppressed

__all__ = ["install"]

_OURS: Final = "traceo.mcp.request"
_NAME: Final = re.compile(r"[\w.\-/]{1,128}")
_VERSION_HEADER: Final = "mcp-protocol-version"
_INVALID_PARAMS: Final = "-32602"
_WITH_URI: Final = frozenset({"resources/read", "resources/subscribe", "resources/unsubscribe"})


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
        request: _Request | None = None
        try:
            context = otel.get_current()
            if site.active and not is_suppressed(context):
                request = _Request(site, method, params, SpanKind.CLIENT, context)
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
            span: Any = otel.get_current().get(_OURS) if site.active else None
            if span is not None:
                request_id = field(kwargs.get("attributes"), semconv.JSONRPC_REQUEST_ID)
                if request_id is not None:
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
        request: _Request | None = None
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


def _received(site: Site, ctx: Any, ambient: Context) -> "_Request":
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
    request = _Request(site, ctx.method, ctx.params, SpanKind.SERVER, context, links)
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


class _Request:
    """One request, on either side."""

    __slots__ = ("_captures", "_context", "_is_tool", "_token", "span")

    def __init__(
        self,
        site: Site,
        method: str,
        params: Mapping[str, Any] | None,
        kind: SpanKind,
        context: Context,
        links: list[Link] | None = None,
    ) -> None:
        name = method if _NAME.fullmatch(method) else "_OTHER"
        attributes: dict[str, AttributeValue] = {semconv.MCP_METHOD_NAME: name}
        target: Any = field(params, "name")
        self._is_tool = method == "tools/call"
        if self._is_tool:
            attributes[semconv.GEN_AI_OPERATION_NAME] = "execute_tool"
        if self._is_tool or method == "prompts/get":
            if isinstance(target, str) and _NAME.fullmatch(target):
                attributes[semconv.GEN_AI_TOOL_NAME if self._is_tool else semconv.GEN_AI_PROMPT_NAME] = target
                name = f"{name} {target}"
        elif method in _WITH_URI:
            uri: Any = field(params, "uri")
            if uri is not None:
                attributes[semconv.MCP_RESOURCE_URI] = str(uri)
        self.span = site.tracer.start_span(name, context, kind, attributes, links)
        self._captures = site.options.capture_content and self.span.is_recording()
        if self._captures and self._is_tool:
            arguments: Any = field(params, "arguments")
            self.span.set_attribute(semconv.GEN_AI_TOOL_CALL_ARGUMENTS, as_value(arguments))

    def enter(self, context: Context) -> None:
        self._context = set_span_in_context(self.span, context)
        self._token = otel.attach(self._context)

    def leave(self, result: Any, error: BaseException | None) -> None:
        """Tell the outcome, end the span, give the task its context back. Never raises."""
        try:
            if otel.get_current() is self._context:
                otel.detach(self._token)
            if self.span.is_recording():
                self._tell(result, error)
        except Exception as failure:
            failed("mcp.leave", failure)
        finally:
            self.span.end()

    def _tell(self, result: Any, error: BaseException | None) -> None:
        if error is not None:
            self._tell_error(error)
            return
        if not self._is_tool:
            return
        if field(result, "isError") is True or field(result, "is_error") is True:
            self.span.set_attribute(semconv.ERROR_TYPE, "tool_error")
            self.span.set_status(Status(StatusCode.ERROR))
        elif self._captures:
            self.span.set_attribute(semconv.GEN_AI_TOOL_CALL_RESULT, as_value(result))

    def _tell_error(self, error: BaseException) -> None:
        code: Any = None
        if isinstance(error, MCPError):
            code = str(error.error.code)
        elif type(error).__name__ == "ValidationError":
            code = _INVALID_PARAMS
        if code is not None:
            self.span.set_attributes({semconv.ERROR_TYPE: code, semconv.RPC_RESPONSE_STATUS_CODE: code})
            self.span.set_status(Status(StatusCode.ERROR))
        else:
            fail_quietly(self.span, error)


def _with_meta(params: Mapping[str, Any] | None, span: Span, context: Context) -> Mapping[str, Any]:
    """``params`` with the trace context in ``_meta``. The app's own mapping is left as it is."""
    known: Any = params or {}
    meta: dict[str, Any] = {**(known.get("_meta") or {})}
    inject(span, context, meta.__setitem__)
    return {**known, "_meta": meta} if meta else known
