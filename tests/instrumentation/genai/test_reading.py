"""Servers that say they are compatible send all kinds of things: whatever it is, reading it never fails."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traceo.instrumentation.genai.answer import Answer
from traceo.instrumentation.genai.anthropic import MESSAGES
from traceo.instrumentation.genai.openai_chat import CHAT, COMPLETION, EMBEDDINGS
from traceo.instrumentation.genai.openai_responses import RESPONSES
from traceo.instrumentation.genai.prices import Prices

KEYS = (
    "id", "model", "choices", "index", "message", "delta", "content", "text", "type", "role", "usage", "tool_calls",
    "function", "name", "arguments", "finish_reason", "prompt_tokens", "prompt_tokens_details", "cached_tokens",
    "n", "stop", "messages", "response_format", "modalities", "input", "output", "output_index", "response", "status",
    "incomplete_details", "reason", "item", "call_id", "summary", "instructions", "reasoning", "effort", "system",
    "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens", "content_block",
    "stop_reason", "partial_json", "source", "image_url", "url", "conversation", "prompt", "max_tokens", "error",
)  # fmt: skip
WORDS = (
    "text", "message", "function_call", "function_call_output", "reasoning", "tool_use", "tool_result", "image",
    "image_url", "input_image", "content_block_start", "content_block_delta", "message_start", "message_delta",
    "response.created", "response.completed", "response.output_item.added", "response.output_text.delta", "error",
    "failed", "tool", "user",
)  # fmt: skip
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=5)
FOREIGN = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=25,
)
PRICES = Prices.parse({"currency": "EUR", "models": {"*": {"input": 1, "output": 1}}})
BODY = st.dictionaries(st.sampled_from(KEYS), FOREIGN, max_size=8)
OPERATIONS = [CHAT, COMPLETION, EMBEDDINGS, RESPONSES, MESSAGES]
NAMES = ["chat", "completion", "embeddings", "responses", "messages"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
@settings(max_examples=60)
@given(body=BODY, events=st.lists(BODY, max_size=4), captures=st.booleans())
def test_whatever_a_server_sends_is_read_without_an_error(operation, body, events, captures):
    answer = Answer(captures=captures)
    for event in events:
        operation.listen(answer, event)
    operation.read(answer, body)
    found = answer.attributes("openai", body.get("model"), PRICES)
    assert all(isinstance(value, (str, int, float, tuple)) for value in found.values())
    assert all(isinstance(reason, str) for reason in answer.finish_reasons())


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
@settings(max_examples=60)
@given(body=BODY)
def test_whatever_an_application_asks_is_read_without_an_error(operation, body):
    found = {**operation.request(body), **operation.said(body)}
    assert all(isinstance(value, (str, int, float, tuple)) for value in found.values())
