"""What is said to language models stays in the process, unless the policy lets it be scanned."""

import json

import pytest

from traceo.errors import ConfigError
from traceo.pipeline.scrub import Scrubber
from traceo.records import LogRecord, ResourceRecord, ScopeRecord
from traceo.redaction import Action, Engine, KeyRule, Policy, parse_policy

MESSAGES = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "I am ada@example.com"}]}])
CONTENT = {
    "gen_ai.input.messages": MESSAGES,
    "gen_ai.output.messages": [{"role": "assistant", "parts": []}],
    "gen_ai.system_instructions": "Be kind to Ada",
    "gen_ai.tool.call.arguments": {"city": "Pune"},
    "gen_ai.tool.call.result": 21.5,
    "gen_ai.prompt": "Who is Ada?",
    "gen_ai.completion": "A customer",
    "gen_ai.prompt.0.content": "Who is Ada?",
    "llm.input_messages.0.message.content": "Who is Ada?",
    "traceloop.entity.input": "Ada",
    "gen_ai.task.output": "Ada",
    "pydantic_ai.all_messages": MESSAGES,
    "final_result": "Ada",
    "tool_arguments": "{}",
}
USAGE = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "large",
    "gen_ai.request.max_tokens": 4096,
    "gen_ai.usage.input_tokens": 12_345_678,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.response.id": "r-1",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.tool.name": "weather",
    "gen_ai.prompt.name": "greeting",
}


def log(event, body):
    return LogRecord(
        resource=ResourceRecord({}, ""), scope=ScopeRecord("", "", "", None), time_ns=1, observed_ns=1,
        severity=9, severity_text="INFO", body=body, event_name=event,
    )  # fmt: skip


def test_content_is_dropped_and_counted_and_usage_stays():
    engine = Engine(Policy.default())
    found = []
    clean = engine.attributes({**CONTENT, **USAGE}, "attributes.", found)
    assert clean == {**dict.fromkeys(CONTENT, ""), **USAGE}
    assert found == [f"attributes.{key}=key:gen_ai_content" for key in CONTENT]
    assert engine.report() == {"key:gen_ai_content": len(CONTENT)}
    assert engine.attributes(clean, "attributes.", []) is clean


def test_content_is_scanned_when_the_policy_lets_it_pass():
    engine = Engine(Policy(gen_ai=Action.SCAN))
    clean = engine.attributes(CONTENT, "", [])
    masked = MESSAGES.replace("ada@example.com", "[EMAIL]")
    assert clean == {
        **CONTENT,
        **dict.fromkeys(("gen_ai.input.messages", "pydantic_ai.all_messages"), masked),
    }


def test_one_attribute_can_be_let_through():
    engine = Engine(Policy(keys=(KeyRule("gen_ai.tool.call.arguments", Action.SCAN),)))
    assert engine.attributes({"gen_ai.tool.call.arguments": "Pune", "gen_ai.prompt": "x"}, "", []) == {
        "gen_ai.tool.call.arguments": "Pune",
        "gen_ai.prompt": "",
    }


@pytest.mark.parametrize("body", [{"content": "I am Ada"}, "I am Ada", ["I am Ada"]])
@pytest.mark.parametrize("event", ["gen_ai.user.message", "gen_ai.choice", "gen_ai.tool.message"])
def test_the_bodies_of_message_events_are_dropped(event, body):
    record = Scrubber(Engine(Policy.default())).log(log(event, body))
    assert record.body == ""
    assert record.attributes == {"traceo.redacted": (f"body.{event}=key:gen_ai_content",)}


def test_the_body_of_another_event_is_kept():
    record = Scrubber(Engine(Policy.default())).log(log("cart.opened", {"content": "a lamp"}))
    assert (record.body, record.attributes) == ({"content": "a lamp"}, None)


def test_a_policy_file_says_what_to_do_with_content():
    assert parse_policy({"gen_ai": "scan"}, source="here").gen_ai is Action.SCAN
    with pytest.raises(ConfigError, match=r"unknown action of gen_ai 'scna'; did you mean 'scan'\?"):
        parse_policy({"gen_ai": "scna"}, source="here")
