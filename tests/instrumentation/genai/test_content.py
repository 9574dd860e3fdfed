"""What is captured when it is asked for: whole, bounded, and understood by redaction."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from traceo.instrumentation import Options
from traceo.instrumentation.genai.answer import Answer
from traceo.instrumentation.genai.content import LIMIT, OMITTED, as_json, as_value, messages, text, tool_call
from traceo.redaction import Action, Engine, Policy

CARD = "4539578763621486"
texts = st.text(max_size=40) | st.integers(0, 3 * LIMIT).map(lambda size: "long" * (size // 4))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.lists(texts, max_size=4)), max_size=6))
def test_messages_are_valid_json_within_the_limit_and_no_text_is_ever_cut(turns):
    encoded = as_json(messages((role, [text(one) for one in said]) for role, said in turns))
    assert len(encoded) <= LIMIT
    kept = json.loads(encoded)
    assert len(kept) <= len(turns)
    offset = len(turns) - len(kept)
    for message, (role, said) in zip(kept, turns[offset:], strict=True):
        assert message["role"] == role
        for part, whole in zip(message["parts"], said, strict=True):
            assert part["content"] in {whole, OMITTED}


def test_the_newest_messages_are_kept():
    old, new = "old " * LIMIT, "new"
    assert json.loads(as_json(messages([("user", [text(old)]), ("user", [text(new)])]))) == [
        {"role": "user", "parts": [{"type": "text", "content": OMITTED}]},
        {"role": "user", "parts": [{"type": "text", "content": "new"}]},
    ]
    assert as_value({"a": old}) == f'"{OMITTED}"'
    assert (
        as_json([text("kept"), text(old)])
        == f'[{{"type":"text","content":"kept"}},{{"type":"text","content":"{OMITTED}"}}]'
    )


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab"), texts), max_size=12))
def test_pieces_become_whole_parts_and_memory_is_bounded(pieces):
    answer = Answer(captures=True)
    for choice, key, piece in pieces:
        answer.say(choice, key, piece)
    found = answer.attributes("openai", "m", None)
    said = json.loads(found.get("gen_ai.output.messages", "[]"))
    assert sum(len(part["content"]) for message in said for part in message["parts"]) <= LIMIT
    for message, choice in zip(said, sorted({choice for choice, _, _ in pieces}), strict=True):
        wholes = {OMITTED} | {
            "".join(piece for at, one, piece in pieces if (at, one) == (choice, key)) for key in "ab"
        }
        assert {part["content"] for part in message["parts"]} <= wholes


def test_a_flood_of_tool_calls_or_parts_is_bounded():
    answer = Answer(captures=True)
    for number in range(100_000):
        answer.add_tool(number, "f", "c")
        answer.say(0, number, "x")
    found = answer.attributes("openai", "m", None)
    assert len(found["traceo.gen_ai.tool.names"]) == 64
    assert len(found["gen_ai.output.messages"]) <= LIMIT


def test_what_the_library_left_out_or_cannot_be_written_is_no_problem():
    assert as_json([tool_call(None, None, "{broken")]) == (
        '[{"type":"tool_call","id":null,"name":null,"arguments":"{broken"}]'
    )
    assert as_value(object()) == '"[object]"'


def test_captured_content_is_dropped_by_default_and_scanned_when_the_policy_says_so():
    said = [text(f'I am ada@example.com, my card is {CARD}, {{"password": "hunter2"}}')]
    call = tool_call("call_1", "pay", json.dumps({"password": "hunter2", "card": CARD, "city": "Pune"}))
    attributes = {
        "gen_ai.input.messages": as_json(messages([("user", said)])),
        "gen_ai.output.messages": as_json(messages([("assistant", [call])])),
        "gen_ai.system_instructions": as_json(said),
        "gen_ai.tool.call.arguments": as_value({"password": "hunter2", "city": "Pune"}),
    }
    assert Engine(Policy.default()).attributes(attributes, "", []) == dict.fromkeys(attributes, "")

    clean = Engine(Policy(gen_ai=Action.SCAN)).attributes(attributes, "", [])
    assert not [secret for secret in ("ada@", CARD, "hunter2") if secret in str(clean)]
    assert json.loads(clean["gen_ai.output.messages"])[0]["parts"][0]["arguments"] == {
        "password": "[PASSWORD]", "card": "[CREDIT_CARD]", "city": "Pune",
    }  # fmt: skip
    assert json.loads(clean["gen_ai.tool.call.arguments"]) == {"password": "[PASSWORD]", "city": "Pune"}


def test_the_standard_variable_asks_for_content_on_spans():
    variable = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    wants = {value: Options.from_environ({variable: value}).capture_content for value in (
        "", "false", "NO_CONTENT", "EVENT_ONLY", "true", "SPAN_ONLY", "span_and_event",
    )}  # fmt: skip
    assert [value for value, wanted in wants.items() if wanted] == ["true", "SPAN_ONLY", "span_and_event"]
    assert not Options.from_environ({}).capture_content
