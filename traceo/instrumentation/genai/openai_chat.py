"""Reading OpenAI's chat completions, the older text completions, and embeddings."""

from collections.abc import Mapping
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

__all__ = ["CHAT", "COMPLETION", "EMBEDDINGS"]

_PLAIN: Final = (
    ("temperature", semconv.GEN_AI_REQUEST_TEMPERATURE, (int, float)),
    ("top_p", semconv.GEN_AI_REQUEST_TOP_P, (int, float)),
    ("max_tokens", semconv.GEN_AI_REQUEST_MAX_TOKENS, (int,)),
    ("max_completion_tokens", semconv.GEN_AI_REQUEST_MAX_TOKENS, (int,)),
    ("frequency_penalty", semconv.GEN_AI_REQUEST_FREQUENCY_PENALTY, (int, float)),
    ("presence_penalty", semconv.GEN_AI_REQUEST_PRESENCE_PENALTY, (int, float)),
    ("stop", semconv.GEN_AI_REQUEST_STOP_SEQUENCES, (str, list)),
    ("seed", semconv.GEN_AI_REQUEST_SEED, (int,)),
    ("reasoning_effort", semconv.GEN_AI_REQUEST_REASONING_LEVEL, (str,)),
    ("service_tier", semconv.OPENAI_REQUEST_SERVICE_TIER, (str,)),
)


def _request(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {semconv.OPENAI_API_TYPE: "chat_completions"}
    copy_plain(found, body, _PLAIN)
    count = body.get("n")
    if isinstance(count, int) and count != 1:
        found[semconv.GEN_AI_REQUEST_CHOICE_COUNT] = count
    kind = output_type(field(body.get("response_format"), "type"))
    if "audio" in items(body.get("modalities")):
        kind = "speech"
    if kind:
        found[semconv.GEN_AI_OUTPUT_TYPE] = kind
    return found


def _completion_request(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    found = _request(body)
    del found[semconv.OPENAI_API_TYPE]
    return found


def _embeddings_request(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    form = body.get("encoding_format")
    if isinstance(form, str):
        found[semconv.GEN_AI_REQUEST_ENCODING_FORMATS] = (form,)
    dimensions = body.get("dimensions")
    if isinstance(dimensions, int):
        found[semconv.GEN_AI_EMBEDDINGS_DIMENSION_COUNT] = dimensions
    return found


def _head(answer: Answer, body: Any) -> None:
    answer.id = field(body, "id")
    answer.model = field(body, "model")
    for name, attribute in (
        ("service_tier", semconv.OPENAI_RESPONSE_SERVICE_TIER),
        ("system_fingerprint", semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT),
    ):
        value = field(body, name)
        if isinstance(value, str):
            answer.extra[attribute] = value


def _usage(answer: Answer, usage: Any) -> None:
    answer.input_tokens = field(usage, "prompt_tokens")
    answer.output_tokens = field(usage, "completion_tokens")
    details = field(usage, "prompt_tokens_details")
    answer.cache_read = field(details, "cached_tokens")
    answer.cache_write = field(details, "cache_write_tokens")
    produced = field(usage, "completion_tokens_details")
    answer.reasoning_tokens = field(produced, "reasoning_tokens")
    for name, part in (
        (semconv.GEN_AI_USAGE_AUDIO_INPUT_TOKENS, details),
        (semconv.GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS, produced),
    ):
        audio = field(part, "audio_tokens")
        if audio and isinstance(audio, int):
            answer.extra[name] = audio


def _read(answer: Answer, body: Any) -> None:
    _head(answer, body)
    _usage(answer, field(body, "usage"))
    for at, choice in enumerate(items(field(body, "choices"))):
        reason = field(choice, "finish_reason")
        if isinstance(reason, str):
            answer.finish[at] = reason
        message = field(choice, "message")
        for number, tool in enumerate(items(field(message, "tool_calls"))):
            answer.add_tool((at, number), field(_function(tool), "name"), field(tool, "id"))
        if answer.captures:
            said = _parts(message) if message is not None else [text(str(field(choice, "text") or ""))]
            answer.parts[at] = said


def _read_embeddings(answer: Answer, body: Any) -> None:
    answer.model = field(body, "model")
    _usage(answer, field(body, "usage"))


def _listen(answer: Answer, chunk: Any) -> None:
    if answer.model is None:
        _head(answer, chunk)
    usage = field(chunk, "usage")
    if usage is not None:
        _usage(answer, usage)
    for choice in items(field(chunk, "choices")):
        reason = field(choice, "finish_reason")
        if reason is not None:
            answer.finish[place(field(choice, "index"))] = str(reason)
        delta = field(choice, "delta")
        tools = field(delta, "tool_calls")
        if tools:
            _listen_to_tools(answer, place(field(choice, "index")), items(tools))
        if answer.captures:
            _listen_to_text(answer, place(field(choice, "index")), choice, delta)


def _listen_to_tools(answer: Answer, at: int, tools: list[Any]) -> None:
    for tool in tools:
        key = at, place(field(tool, "index"))
        function = _function(tool)
        name = field(function, "name")
        if name:
            answer.add_tool(key, name, field(tool, "id"))
        if answer.captures:
            answer.say(at, key, field(function, "arguments") or field(function, "input"), "tool_call")


def _listen_to_text(answer: Answer, at: int, choice: Any, delta: Any) -> None:
    for name in ("content", "refusal"):
        piece = field(delta, name)
        if piece:
            answer.say(at, name, piece)
    if delta is None:
        answer.say(at, "content", field(choice, "text"))


def _function(tool: Any) -> Any:
    return field(tool, "function") or field(tool, "custom")


def _said(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    found = ((str(field(m, "role") or "user"), _parts(m)) for m in items(body.get("messages")))
    return {semconv.GEN_AI_INPUT_MESSAGES: as_json(messages(found))}


def _said_prompt(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    prompt = body.get("prompt")
    prompts = [prompt] if isinstance(prompt, str) else items(prompt)
    found = (("user", [text(one)]) for one in prompts if isinstance(one, str))
    return {semconv.GEN_AI_INPUT_MESSAGES: as_json(messages(found))}


def _parts(message: Any) -> list[Part]:
    content = field(message, "content")
    parts = [text(content)] if isinstance(content, str) else [_part(one) for one in items(content)]
    if field(message, "role") == "tool":
        # A tool's answer is its text, or its texts.
        said = content if isinstance(content, str) else parts
        return [{"type": "tool_call_response", "id": field(message, "tool_call_id"), "response": said}]
    refusal = field(message, "refusal")
    if isinstance(refusal, str):
        parts.append(text(refusal))
    if field(message, "audio") is not None:
        parts.append(blob("audio"))
    for tool in items(field(message, "tool_calls")):
        function = _function(tool)
        arguments = field(function, "arguments") or field(function, "input")
        parts.append(tool_call(field(tool, "id"), field(function, "name"), arguments))
    return parts


def _part(part: Any) -> Part:
    kind = field(part, "type")
    if kind == "text":
        return text(str(field(part, "text")))
    if kind == "refusal":
        return text(str(field(part, "refusal")))
    if kind == "image_url":
        return uri(field(field(part, "image_url"), "url"), "image")
    return blob("audio" if kind == "input_audio" else "document")


def _nothing(answer: Answer, event: Any) -> None:
    del answer, event


def _silent(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    del body
    return {}


CHAT: Final = Operation("chat", _request, _read, _listen, _said)
COMPLETION: Final = Operation("text_completion", _completion_request, _read, _listen, _said_prompt)
EMBEDDINGS: Final = Operation(
    "embeddings", _embeddings_request, _read_embeddings, _nothing, _silent, has_choices=False
)
