"""Reading OpenAI's Responses API."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.genai.answer import Answer
from traceo.instrumentation.genai.call import Operation
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
from traceo.instrumentation.genai.parameters import copy_plain, output_type

__all__ = ["RESPONSES"]

_PLAIN: Final = (
    ("temperature", semconv.GEN_AI_REQUEST_TEMPERATURE, (int, float)),
    ("top_p", semconv.GEN_AI_REQUEST_TOP_P, (int, float)),
    ("max_output_tokens", semconv.GEN_AI_REQUEST_MAX_TOKENS, (int,)),
    ("previous_response_id", semconv.GEN_AI_REQUEST_PREVIOUS_RESPONSE_ID, (str,)),
    ("service_tier", semconv.OPENAI_REQUEST_SERVICE_TIER, (str,)),
)


def _request(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {semconv.OPENAI_API_TYPE: "responses"}
    copy_plain(found, body, _PLAIN)
    conversation = body.get("conversation")
    conversation = conversation if isinstance(conversation, str) else field(conversation, "id")
    prompt = body.get("prompt")
    named = (
        (semconv.GEN_AI_CONVERSATION_ID, conversation),
        (semconv.GEN_AI_REQUEST_REASONING_LEVEL, field(body.get("reasoning"), "effort")),
        (semconv.GEN_AI_OUTPUT_TYPE, output_type(field(field(body.get("text"), "format"), "type"))),
        (semconv.GEN_AI_PROMPT_NAME, field(prompt, "id")),
        (semconv.GEN_AI_PROMPT_VERSION, field(prompt, "version")),
    )
    return {**found, **{attribute: value for attribute, value in named if isinstance(value, str)}}


def _read(answer: Answer, body: Any) -> None:
    answer.id = field(body, "id")
    answer.model = field(body, "model")
    tier = field(body, "service_tier")
    if isinstance(tier, str):
        answer.extra[semconv.OPENAI_RESPONSE_SERVICE_TIER] = tier
    usage = field(body, "usage")
    answer.input_tokens = field(usage, "input_tokens")
    answer.output_tokens = field(usage, "output_tokens")
    details = field(usage, "input_tokens_details")
    answer.cache_read = field(details, "cached_tokens")
    answer.cache_write = field(details, "cache_write_tokens")
    answer.reasoning_tokens = field(field(usage, "output_tokens_details"), "reasoning_tokens")
    status = field(body, "status")
    reason = field(field(body, "incomplete_details"), "reason") or status
    if isinstance(reason, str):
        answer.finish[0] = reason
    if status == "failed":
        answer.code = str(field(field(body, "error"), "code") or "failed")
    output = items(field(body, "output"))
    for at, item in enumerate(output):
        kind = str(field(item, "type"))
        if kind.endswith("_call"):
            answer.add_tool(at, field(item, "name") or kind, field(item, "call_id") or field(item, "id"))
    if answer.captures:
        answer.parts[0] = [part for item in output for part in _parts(item)]


def _finished(answer: Answer, event: Any) -> None:
    answer.forget_pieces()
    _read(answer, field(event, "response"))


def _created(answer: Answer, event: Any) -> None:
    response = field(event, "response")
    answer.id = field(response, "id")
    answer.model = field(response, "model")


def _item_added(answer: Answer, event: Any) -> None:
    item = field(event, "item")
    kind = str(field(item, "type"))
    if kind.endswith("_call"):
        key = place(field(event, "output_index"))
        answer.add_tool(key, field(item, "name") or kind, field(item, "call_id") or field(item, "id"))


def _text_delta(answer: Answer, event: Any) -> None:
    if answer.captures:
        answer.say(0, ("text", place(field(event, "output_index"))), field(event, "delta"))


def _error(answer: Answer, event: Any) -> None:
    answer.code = str(field(event, "code") or "error")


_EVENTS: Final[dict[str, Callable[[Answer, Any], None]]] = {
    "response.created": _created,
    "response.output_item.added": _item_added,
    "response.output_text.delta": _text_delta,
    "response.refusal.delta": _text_delta,
    "response.completed": _finished,
    "response.incomplete": _finished,
    "response.failed": _finished,
    "error": _error,
}


def _listen(answer: Answer, event: Any) -> None:
    reader = _EVENTS.get(str(field(event, "type")))
    if reader is not None:
        reader(answer, event)


def _said(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    instructions = body.get("instructions")
    if isinstance(instructions, str):
        found[semconv.GEN_AI_SYSTEM_INSTRUCTIONS] = as_json([text(instructions)])
    given = body.get("input")
    if isinstance(given, str):
        turns = [("user", [text(given)])]
    else:
        turns = [(_role(item), _parts(item)) for item in items(given)]
    found[semconv.GEN_AI_INPUT_MESSAGES] = as_json(messages(turns))
    return found


def _role(item: Any) -> str:
    role = field(item, "role")
    if isinstance(role, str):
        return role
    return "tool" if str(field(item, "type")).endswith("_output") else "assistant"


def _parts(item: Any) -> list[Part]:
    """The parts of one item of the input or of the output."""
    kind = str(field(item, "type") or "message")
    if kind == "message":
        content = field(item, "content")
        return [text(content)] if isinstance(content, str) else [_part(one) for one in items(content)]
    if kind == "reasoning":
        return [text(str(field(one, "text")), "reasoning") for one in items(field(item, "summary"))]
    if kind.endswith("_output"):
        said = field(item, "output")
        if not isinstance(said, str):
            said = [_part(one) for one in items(said)]
        return [{"type": "tool_call_response", "id": field(item, "call_id"), "response": said}]
    if kind.endswith("_call"):
        arguments = field(item, "arguments") or field(item, "input")
        call_id = field(item, "call_id") or field(item, "id")
        return [tool_call(call_id, field(item, "name") or kind, arguments)]
    return []


def _part(part: Any) -> Part:
    kind = field(part, "type")
    if kind in {"input_text", "output_text", "text"}:
        return text(str(field(part, "text")))
    if kind == "refusal":
        return text(str(field(part, "refusal")))
    if kind == "input_image":
        return uri(field(part, "image_url"), "image")
    return blob("audio" if kind == "input_audio" else "document")


RESPONSES: Final = Operation("chat", _request, _read, _listen, _said)
