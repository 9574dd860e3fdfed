"""What is said to language models stays in the process, unless the policy lets it be scanned."""

import json

import pytest

from traceo.errors import ConfigError
from traceo.pipeline.scrub import Scrubber
from traceo.records import EventRecord, LogRecord, ResourceRecord, ScopeRecord, SpanRecord
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
    "model_request_parameters": '{"instruction_parts": [{"content": "be kind to Ada"}]}',
    "gen_ai.tool.definitions": "[]",
    "gcp.vertex.agent.llm_request": "Ada",
    "gcp.vertex.agent.llm_response": "Ada",
    "gcp.vertex.agent.tool_call_args": "Ada",
    "gcp.vertex.agent.tool_response": "Ada",
    "langfuse.observation.input": "Ada",
    "langfuse.observation.output": "Ada",
    "mlflow.spanInputs": "Ada",
    "mlflow.spanOutputs": "Ada",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "Ada",
    "llm.invocation_parameters": "{}",
    "retrieval.documents.0.document.content": "Ada",
}
# Anybody may use these; beside the keys of a language model they are content.
BESIDE = dict.fromkeys(
    ("metadata", "request_data", "response_data", "input.value", "output.value", "tool.parameters"), "Ada"
)
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
    "gen_ai.prompt.version": "3",
}


EVENTS = [
    "gen_ai.user.message", "gen_ai.choice", "gen_ai.tool.message", "gen_ai.content.prompt",
    "gen_ai.client.inference.operation.details", "gen_ai.evaluation.result", "gen_ai.not.known.yet",
]  # fmt: skip


def log(event, body, attributes=None):
    return LogRecord(attributes=attributes,
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


@pytest.mark.parametrize(
    "neighbour", ["gen_ai.request.model", "llm.model_name", "openinference.span.kind", "traceloop.span.kind"]
)
def test_keys_that_anybody_may_use_are_content_beside_a_language_models(neighbour):
    engine = Engine(Policy.default())
    clean = engine.attributes({**BESIDE, neighbour: "LLM"}, "", [])
    assert clean == {**dict.fromkeys(BESIDE, ""), neighbour: "LLM"}
    alone = {key: value for key, value in BESIDE.items() if key != "input.value"}
    assert engine.attributes(alone, "", []) is alone
    assert engine.attributes({"input.value": "Ada"}, "", []) == {"input.value": "[REDACTED]"}


def test_keys_that_anybody_may_use_are_scanned_when_the_policy_lets_content_pass():
    engine = Engine(Policy(gen_ai=Action.SCAN))
    attributes = {**dict.fromkeys(BESIDE, "ada@example.com"), "gen_ai.system": "x"}
    assert engine.attributes(attributes, "", []) == {**dict.fromkeys(BESIDE, "[EMAIL]"), "gen_ai.system": "x"}


def test_what_is_nested_in_content_that_passes_is_judged_by_its_keys():
    engine = Engine(Policy(gen_ai=Action.SCAN))
    said = {"gen_ai.input.messages": {"password": "Hunter2walrus9", "note": "ok"}}
    assert engine.attributes(said, "", []) == {
        "gen_ai.input.messages": {"password": "[PASSWORD]", "note": "ok"}
    }


@pytest.mark.parametrize("body", [{"content": "I am Ada"}, "I am Ada", ["I am Ada"]])
@pytest.mark.parametrize("event", EVENTS)
def test_the_bodies_of_message_events_are_dropped(event, body):
    record = Scrubber(Engine(Policy.default())).log(log(event, body))
    assert record.body == ""
    assert record.attributes == {"traceo.redacted": (f"body.{event}=key:gen_ai_content",)}


def test_an_events_name_counts_as_an_attribute_too():
    record = Scrubber(Engine(Policy.default())).log(log("", "I am Ada", {"event.name": "gen_ai.choice"}))
    assert record.body == ""
    assert record.attributes["event.name"] == "gen_ai.choice"


SPOKEN = {
    "content": "I am Ada", "message": {"content": "I am Ada"}, "tool_calls": ["Ada"], "gen_ai.unheard_of": "Ada",
}  # fmt: skip
TOLD = {
    "role": "user", "index": 0, "finish_reason": "stop", "id": "call-1", "gen_ai.system": "openai",
    "gen_ai.response.model": "large",
}  # fmt: skip


def span(*events, policy=None, **fields):
    record = SpanRecord(
        resource=ResourceRecord({}, ""), trace_id=1, span_id=2, events=events,
        **{"scope": ScopeRecord("agents", "", "", None), **fields},
    )  # fmt: skip
    return Scrubber(Engine(policy or Policy.default())).span(record)


@pytest.mark.parametrize("event", EVENTS)
def test_events_of_spans_and_lines_tell_who_spoke_and_not_what(event):
    clean = span(EventRecord(event, 1, {**SPOKEN, **TOLD}))
    assert clean.events[0].attributes == {**dict.fromkeys(SPOKEN, ""), **TOLD}
    places = tuple(f"events.0.attributes.{key}=key:gen_ai_content" for key in SPOKEN)
    assert clean.attributes == {"traceo.redacted": places}
    line = Scrubber(Engine(Policy.default())).log(log(event, None, {**SPOKEN, **TOLD}))
    assert {**line.attributes, "traceo.redacted": ()} == {
        **dict.fromkeys(SPOKEN, ""), **TOLD, "traceo.redacted": (),
    }  # fmt: skip


def test_a_key_of_such_an_event_that_is_personal_itself_does_not_leave():
    clean = span(EventRecord("gen_ai.choice", 1, {"ada@example.com": "x"}))
    assert clean.events[0].attributes == {"[EMAIL]": ""}


@pytest.mark.parametrize(
    "policy",
    [
        Policy(gen_ai=Action.SCAN),
        Policy(keys=(KeyRule("gen_ai.choice", Action.SCAN), KeyRule("c*", Action.SCAN))),
    ],
)
def test_events_are_scanned_when_the_policy_lets_them_pass(policy):
    clean = span(EventRecord("gen_ai.choice", 1, {"content": "I am ada@example.com"}), policy=policy)
    assert clean.events[0].attributes == {"content": "I am [EMAIL]"}
    body = Scrubber(Engine(policy)).log(log("gen_ai.choice", "I am ada@example.com")).body
    assert body == "I am [EMAIL]"


def test_events_that_are_scanned_are_judged_by_their_keys():
    event = EventRecord("gen_ai.choice", 1, {"password": "Hunter2walrus9", "auth": "walrus"})
    clean = span(event, policy=Policy(gen_ai=Action.SCAN))
    assert clean.events[0].attributes == {"password": "[PASSWORD]", "auth": "[CREDENTIALS]"}


STACK = """Traceback (most recent call last):
  File "/app/agent.py", line 7, in run
    raise ToolFailed(arguments)
agent.ToolFailed: no flight for Ada
  to Pune

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    run()
agent.Refused: Ada, no
"""
FRAMES = """Traceback (most recent call last):
  File "/app/agent.py", line 7, in run
Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>"""
FAILED = {"exception.type": "agent.Refused", "exception.message": "Ada, no", "exception.stacktrace": STACK}


def failed(**fields):
    return span(EventRecord("exception", 1, FAILED), status_message="Refused: Ada, no", **fields)


def test_the_error_of_a_language_models_span_has_type_and_frames_and_no_text():
    clean = failed(attributes={"gen_ai.operation.name": "execute_tool"})
    assert clean.events[0].attributes == {
        "exception.type": "agent.Refused",
        "exception.message": "",
        "exception.stacktrace": FRAMES,
    }
    assert clean.status_message == ""
    assert clean.attributes["traceo.redacted"] == (
        "events.0.attributes.exception.message=key:gen_ai_content",
        "events.0.attributes.exception.stacktrace=key:gen_ai_content",
        "status.message=key:gen_ai_content",
    )


def test_other_errors_and_those_of_our_own_hooks_keep_their_text():
    ours = ScopeRecord("traceo.instrumentation.genai.openai", "", "", None)
    for fields in ({}, {"attributes": {"gen_ai.operation.name": "chat"}, "scope": ours}):
        clean = failed(**fields)
        assert clean.events[0].attributes == FAILED
        assert clean.status_message == "Refused: Ada, no"


def test_the_error_is_scanned_when_the_policy_lets_content_pass():
    clean = failed(attributes={"gen_ai.operation.name": "chat"}, policy=Policy(gen_ai=Action.SCAN))
    assert clean.events[0].attributes == FAILED
    assert clean.status_message == "Refused: Ada, no"


def test_the_body_of_another_event_is_kept():
    record = Scrubber(Engine(Policy.default())).log(log("cart.opened", {"content": "a lamp"}))
    assert (record.body, record.attributes) == ({"content": "a lamp"}, None)


def test_a_policy_file_says_what_to_do_with_content():
    assert parse_policy({"gen_ai": "scan"}, source="here").gen_ai is Action.SCAN
    with pytest.raises(ConfigError, match=r"unknown action of gen_ai 'scna'; did you mean 'scan'\?"):
        parse_policy({"gen_ai": "scna"}, source="here")
