"""A library that emits OpenTelemetry itself needs no hook: its spans come through our provider like our own."""

import asyncio

import pydantic_ai
import pytest
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.test import TestModel

SAID = (b"xyzzy", b"frotz", b"gnusto", b"plugh", b"zork", b"rezrov", b"ada@example.com")


@pytest.fixture
def run(capture):
    """``run(include_content=…)``: an agent that calls a model, a tool and the model again."""

    def run(*, fails: bool = False, **settings) -> None:
        agent = pydantic_ai.Agent(
            TestModel(), name="clerk", system_prompt="xyzzy, you are a clerk",
            instructions="be frotz with all", metadata={"desk": "gnusto"},
        )  # fmt: skip
        agent.instrument = InstrumentationSettings(tracer_provider=capture.provider, **settings)

        @agent.tool_plain
        def mail_of(name: str) -> str:
            if fails:
                raise ValueError("no rezrov for you")
            return f"{name} has the plugh of ada@example.com"

        # Not run_sync(), which makes a loop and leaves it open.
        asyncio.run(agent.run("who is the zork, ada@example.com?"))

    return run


def test_an_agents_run_is_one_trace_and_nothing_said_leaves_when_it_is_told_so(capture, run):
    run(include_content=False)
    spans = capture.spans
    assert sorted((span["kind"], span["name"]) for span in spans) == [
        ("client", "chat test"),
        ("client", "chat test"),
        ("internal", "execute_tool mail_of"),
        ("internal", "invoke_agent clerk"),
    ]
    assert len({span["trace_id"] for span in spans}) == 1
    chat = next(span for span in spans if span["name"] == "chat test")
    assert chat["attributes"]["gen_ai.provider.name"] == "test"
    assert chat["attributes"]["gen_ai.usage.input_tokens"] > 0
    sent = b"".join(capture.payloads)
    assert [said for said in SAID if said in sent] == []


def test_what_it_says_is_left_out_also_when_it_is_not_told_so(capture, run):
    run()
    assert len(capture.spans) == 4
    sent = b"".join(capture.payloads)
    assert [said for said in SAID if said in sent] == []


def test_the_text_of_a_tools_error_is_left_out_with_what_it_repeats(capture, run):
    with pytest.raises(ValueError, match="no rezrov for you"):
        run(fails=True)
    assert "ValueError" in str(capture.spans)
    sent = b"".join(capture.payloads)
    assert [said for said in SAID if said in sent] == []
