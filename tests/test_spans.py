import asyncio
import logging

import pytest
from inline_snapshot import snapshot
from opentelemetry import trace

import traceo


def tree(capture) -> list[tuple[str, int]]:
    """Name and parent of each span, in order of start."""
    return [(span["name"], span.get("parent_span_id", 0)) for span in capture.spans]


def test_a_span_and_its_child_as_whole_values(capture):
    with traceo.span("checkout", amount=7) as current:
        current.set_attribute("note", "for ada@example.com")
        with traceo.span("charge"):
            pass
    assert capture.spans == snapshot(
        [
            {
                "name": "checkout",
                "trace_id": 1,
                "span_id": 1,
                "kind": "internal",
                "start_ns": 1700000000000000000,
                "end_ns": 1700000000003000000,
                "attributes": {
                    "amount": 7,
                    "note": "for [EMAIL]",
                    "traceo.redacted": ("attributes.note=EMAIL",),
                },
                "scope": "traceo",
            },
            {
                "name": "charge",
                "trace_id": 1,
                "span_id": 2,
                "parent_span_id": 1,
                "kind": "internal",
                "start_ns": 1700000000001000000,
                "end_ns": 1700000000002000000,
                "scope": "traceo",
            },
        ]
    )


def test_an_email_in_an_exception_message_is_masked(capture):
    with pytest.raises(ValueError), traceo.span("pay"):
        raise ValueError("no account for ada@example.com")
    (span,) = capture.spans
    assert span["status"] == "error"
    assert span["status_message"] == "ValueError: no account for [EMAIL]"
    (event,) = span["events"]
    assert event["attributes"]["exception.message"] == "no account for [EMAIL]"
    assert "ada@example.com" not in event["attributes"]["exception.stacktrace"]


def test_a_log_line_belongs_to_its_span(capture):
    logging.getLogger("shop").error("early")
    with traceo.span("work"):
        logging.getLogger("shop").error("mail to %s", "ada@example.com")
    (span,) = capture.spans
    assert [(log["body"], log.get("span_id", 0)) for log in capture.logs] == [
        ("early", 0),
        ("mail to [EMAIL]", span["span_id"]),
    ]


def test_opentelemetry_spans_are_captured_too(capture):
    with trace.get_tracer("lib").start_as_current_span("theirs"), traceo.span("ours"):
        pass
    assert tree(capture) == [("theirs", 0), ("ours", 1)]


def test_functions_of_every_kind_are_instrumented(capture):
    @traceo.instrument
    def plain(value):
        """Its docstring."""
        return value

    @traceo.instrument("named", color="red")
    async def coroutine():
        with traceo.span("inside"):
            return "c"

    @traceo.instrument
    def generator():
        sent = yield 1
        yield sent

    @traceo.instrument()
    async def agenerator():
        yield 1
        with traceo.span("inside"):
            yield 2

    async def use():
        return [item async for item in agenerator()], await coroutine()

    assert plain(3) == 3
    assert (plain.__name__, plain.__doc__) == ("plain", "Its docstring.")
    steps = generator()
    assert (next(steps), steps.send("sent")) == (1, "sent")
    with pytest.raises(StopIteration):
        next(steps)
    assert asyncio.run(use()) == ([1, 2], "c")
    prefix = "test_functions_of_every_kind_are_instrumented."
    assert tree(capture) == [
        (f"{prefix}plain", 0),
        (f"{prefix}generator", 0),
        (f"{prefix}agenerator", 0),
        ("inside", 3),
        ("named", 0),
        ("inside", 5),
    ]
    assert capture.spans[4]["attributes"] == {
        "code.function.name": f"tests.test_spans.{prefix}coroutine",
        "color": "red",
    }


def test_a_generator_leaves_no_span_behind_in_its_caller(capture):
    @traceo.instrument("steps")
    def generator():
        yield
        yield

    for _ in generator():
        with traceo.span("between"):
            pass
    assert tree(capture) == [("steps", 0), ("between", 0), ("between", 0)]


class TestBeforeInit:
    """No fixture: Traceo has not been started."""

    def test_a_span_is_a_no_op(self):
        with traceo.span("nothing", answer=42) as span:
            span.set_attribute("x", 1)
        assert not span.is_recording()

    def test_the_applications_exception_passes(self):
        with pytest.raises(KeyError), traceo.span("nothing"):
            raise KeyError

    def test_instrumented_functions_work(self):
        @traceo.instrument
        def generator():
            yield 1

        @traceo.instrument
        def function():
            return 2

        assert (list(generator()), function()) == ([1], 2)

    def test_flush_shutdown_and_status_answer(self):
        assert traceo.flush()
        assert traceo.shutdown()
        assert traceo.status() == traceo.Status()


def test_a_function_decorated_before_init_is_recorded_after_it(request):
    @traceo.instrument("early")
    def function():
        return 1

    function()
    capture = request.getfixturevalue("capture")
    function()
    assert tree(capture) == [("early", 0)]
