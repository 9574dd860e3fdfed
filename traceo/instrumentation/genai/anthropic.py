"""anthropic, sync and async: one client span a message, streamed or not; beta and the clouds' clients too.

Newer versions trace on their own once a global tracer provider is set. For messages that is silent while ours
is on; its spans of other calls (files, sessions, token counts) go on. What the app said to the client counts:
with ``open_telemetry=False``, or a ``tracer_provider`` of its own, that client is left alone.
"""

from collections.abc import Mapping
from typing import Any, Final

import anthropic._base_client as base
from anthropic import _streaming
from opentelemetry import context as otel
from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.genai.answer import Answer
from traceo.instrumentation.genai.call import OURS, Call, Operation, is_traced
from traceo.instrumentation.genai.clients import hook_clients
from traceo.instrumentation.genai.content import (
    Part,
    as_json,
    blob,
    field,
    items,
    messages,
    place,
    text,
    tool_call,
    uri,
)
from traceo.instrumentation.genai.parameters import copy_plain
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.suppression import is_suppressed

__all__ = ["MESSAGES", "install"]

_PLAIN: Final = (
    ("max_tokens", semconv.GEN_AI_REQUEST_MAX_TOKENS, (int,)),
    ("temperature", semconv.GEN_AI_REQUEST_TEMPERATURE, (int, float)),
    ("top_p", semconv.GEN_AI_REQUEST_TOP_P, (int, float)),
    ("top_k", semconv.GEN_AI_REQUEST_TOP_K, (int,)),
    ("stop_sequences", semconv.GEN_AI_REQUEST_STOP_SEQUENCES, (str, list)),
)
_TOOL_USES: Final = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_NATIVE: Final = "start_api_call_span"


def install(site: Site) -> None:
    """Hook the base clients that all clients of the package share, and quieten their own tracing inside."""
    hook_clients(
        site,
        base,
        _streaming,
        {"/v1/messages": MESSAGES},
        provider_of=_provider,
        add=_add_conversation,
        wanted=_is_wanted,
    )

    def silent(original: Any) -> Any:
        def start(*args: Any, **kwargs: Any) -> Any:
            try:
                covered = site.active and _is_covered(otel.get_current())
            except Exception as error:
                failed("anthropic.native", error)
                covered = False
            return None if covered else original(*args, **kwargs)

        return start

    if hasattr(base, _NATIVE):
        site.replace(base, _NATIVE, silent)


def _is_covered(context: Context) -> bool:
    return context.get(OURS) is not None or is_suppressed(context) or is_traced(context, MESSAGES.name)


def _provider(client: Any) -> str:
    for cls in type(client).__mro__:
        if "Bedrock" in cls.__name__:
            return "aws.bedrock"
        if "Vertex" in cls.__name__:
            return "gcp.vertex_ai"
    return "anthropic"


def _is_wanted(client: Any) -> bool:
    options: Any = getattr(client, "_open_telemetry", None)
    if options is None:
        return True
    return bool(options["traces"]["enabled"]) and "tracer_provider" not in options


def _add_conversation(client: Any, call: Call) -> None:
    conversation = field(getattr(client, "_open_telemetry", None), "conversation_id")
    if isinstance(conversation, str):
        call.span.set_attribute(semconv.GEN_AI_CONVERSATION_ID, conversation)


def _request(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    copy_plain(found, body, _PLAIN)
    config = body.get("output_config")
    effort = field(config, "effort")
    if isinstance(effort, str):
        found[semconv.GEN_AI_REQUEST_REASONING_LEVEL] = effort
    if isinstance(field(config, "format"), dict) or isinstance(body.get("output_format"), dict):
        found[semconv.GEN_AI_OUTPUT_TYPE] = "json"
    return found


def _usage(answer: Answer, usage: Any) -> None:
    """Input is told without what was cached, and later events repeat or refine what earlier ones said."""
    if usage is None:
        return
    plain = field(usage, "input_tokens")
    read = field(usage, "cache_read_input_tokens")
    written = field(usage, "cache_creation_input_tokens")
    if isinstance(read, int):
        answer.cache_read = read
    if isinstance(written, int):
        answer.cache_write = written
    if isinstance(plain, int):
        answer.input_tokens = plain + (answer.cache_read or 0) + (answer.cache_write or 0)
    output = field(usage, "output_tokens")
    if isinstance(output, int):
        answer.output_tokens = output
    thinking = field(field(usage, "output_tokens_details"), "thinking_tokens")
    if isinstance(thinking, int):
        answer.reasoning_tokens = thinking


def _read(answer: Answer, body: Any) -> None:
    answer.id = field(body, "id")
    answer.model = field(body, "model")
    _usage(answer, field(body, "usage"))
    reason = field(body, "stop_reason")
    if isinstance(reason, str):
        answer.finish[0] = reason
    blocks = items(field(body, "content"))
    for at, block in enumerate(blocks):
        if str(field(block, "type")) in _TOOL_USES:
            answer.add_tool(at, field(block, "name"), field(block, "id"))
    if answer.captures:
        answer.parts[0] = [_part(block) for block in blocks]


def _listen(answer: Answer, event: Any) -> None:
    kind = field(event, "type")
    if kind == "content_block_delta":
        if answer.captures:
            _listen_to_delta(answer, event)
    elif kind == "content_block_start":
        block = field(event, "content_block")
        if str(field(block, "type")) in _TOOL_USES:
            answer.add_tool(place(field(event, "index")), field(block, "name"), field(block, "id"))
    elif kind == "message_start":
        message = field(event, "message")
        answer.id = field(message, "id")
        answer.model = field(message, "model")
        _usage(answer, field(message, "usage"))
    elif kind == "message_delta":
        _usage(answer, field(event, "usage"))
        reason = field(field(event, "delta"), "stop_reason")
        if isinstance(reason, str):
            answer.finish[0] = reason


def _listen_to_delta(answer: Answer, event: Any) -> None:
    delta, at = field(event, "delta"), place(field(event, "index"))
    for name, kind in (("text", "text"), ("thinking", "reasoning"), ("partial_json", "tool_call")):
        piece = field(delta, name)
        if isinstance(piece, str):
            answer.say(0, at, piece, kind)


def _said(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    system = body.get("system")
    instructions = [text(system)] if isinstance(system, str) else [_part(one) for one in items(system)]
    if instructions:
        found[semconv.GEN_AI_SYSTEM_INSTRUCTIONS] = as_json(instructions)
    turns = [(str(field(m, "role")), _parts(field(m, "content"))) for m in items(body.get("messages"))]
    found[semconv.GEN_AI_INPUT_MESSAGES] = as_json(messages(turns))
    return found


def _parts(content: Any) -> list[Part]:
    return [text(content)] if isinstance(content, str) else [_part(one) for one in items(content)]


def _part(block: Any) -> Part:
    kind = str(field(block, "type"))
    if kind == "text":
        return text(str(field(block, "text")))
    if kind == "thinking":
        return text(str(field(block, "thinking")), "reasoning")
    if kind in _TOOL_USES:
        return tool_call(field(block, "id"), field(block, "name"), field(block, "input"))
    if kind.endswith("tool_result"):
        said = field(block, "content")
        return {
            "type": "tool_call_response",
            "id": field(block, "tool_use_id"),
            "response": said if isinstance(said, str) else _parts(said),
        }
    source = field(block, "source")
    modality = "image" if kind == "image" else "document"
    if field(source, "type") == "url":
        return uri(field(source, "url"), modality)
    return blob(modality, field(source, "media_type"))


MESSAGES: Final = Operation("chat", _request, _read, _listen, _said)
