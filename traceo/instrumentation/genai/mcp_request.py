"""One request of the Model Context Protocol, on either side."""

import re
from collections.abc import Mapping
from contextvars import Token
from typing import Any, Final

from mcp.shared.exceptions import MCPError
from opentelemetry import context as otel
from opentelemetry.context import Context
from opentelemetry.trace import (
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

__all__ = ["Request", "of_framework"]

_NAME: Final = re.compile(r"[\w.\-/]{1,128}")
_TOOL_CALL: Final = "tools/call"
_INVALID_PARAMS: Final = "-32602"
_WITH_URI: Final = frozenset({"resources/read", "resources/subscribe", "resources/unsubscribe"})


class Request:
    """Its span, from the sending or the receiving to the answer."""

    __slots__ = ("_captures", "_context", "_is_ours", "_is_tool", "_token", "span")

    _context: Context
    _token: Token[Context]

    def __init__(
        self,
        site: Site,
        method: str,
        params: Mapping[str, Any] | None,
        kind: SpanKind,
        context: Context,
        links: list[Link] | None = None,
        *,
        of_framework: Span | None = None,
    ) -> None:
        name = method if _NAME.fullmatch(method) else "_OTHER"
        attributes: dict[str, AttributeValue] = {semconv.MCP_METHOD_NAME: name}
        target: Any = field(params, "name")
        self._is_tool = method == _TOOL_CALL
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
        self._is_ours = of_framework is None
        if of_framework is None:
            self.span = site.tracer.start_span(name, context, kind, attributes, links)
        else:
            self.span = of_framework
            self.span.set_attributes(attributes)
        self._captures = site.options.capture_content and self.span.is_recording()
        if self._captures and self._is_tool:
            self._tell_content(semconv.GEN_AI_TOOL_CALL_ARGUMENTS, field(params, "arguments"))

    def enter(self, context: Context) -> None:
        """Make the span current."""
        self._context = set_span_in_context(self.span, context)
        self._token = otel.attach(self._context)

    def leave(self, result: Any, error: BaseException | None) -> None:
        """Tell the outcome, end the span, give the task its context back. Never raises."""
        try:
            # A coroutine closed by the collector may be in somebody else's context: leave that alone.
            if not isinstance(error, GeneratorExit) or otel.get_current() is self._context:
                otel.detach(self._token)
            if self._is_ours and self.span.is_recording():
                self._tell(result, error)
        except Exception as failure:
            failed("mcp.leave", failure)
        if self._is_ours:
            try:
                self.span.end()
            except Exception as failure:
                failed("mcp.leave", failure)

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
            self._tell_content(semconv.GEN_AI_TOOL_CALL_RESULT, result)

    def _tell_content(self, name: str, value: object) -> None:
        try:
            self.span.set_attribute(name, as_value(value))
        except Exception as error:
            failed("mcp.content", error)

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


def of_framework(context: Context, method: str, params: Mapping[str, Any] | None) -> Span | None:
    """The span that an agent framework has made for this very tool call: it gets our attributes, no twin."""
    if method != _TOOL_CALL:
        return None
    span: Any = get_current_span(context)
    known: Any = getattr(span, "attributes", None)
    if not known or getattr(span, "kind", None) is not SpanKind.INTERNAL or not span.is_recording():
        return None
    name = field(params, "name")
    is_same = known.get(semconv.GEN_AI_OPERATION_NAME) == "execute_tool" and name is not None
    return span if is_same and known.get(semconv.GEN_AI_TOOL_NAME) == name else None
