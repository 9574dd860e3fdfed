import io

import pytest

from traceo.exporters.console import Console
from traceo.records import EventRecord, LogRecord, ResourceRecord, ScopeRecord, SpanRecord

RESOURCE, SCOPE = ResourceRecord({"service.name": "shop"}), ScopeRecord("s")
START = 1_700_000_000_000_000_000
REASON = "nothing listens there"


def span(number, parent=0, took_ms=1.0, name="work", **fields) -> SpanRecord:
    return SpanRecord(
        resource=RESOURCE,
        scope=SCOPE,
        trace_id=7,
        span_id=number,
        parent_span_id=parent,
        name=name,
        start_ns=START + number,
        end_ns=START + number + int(took_ms * 1e6),
        **fields,
    )


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def console(stream, clock):
    return Console(always=False, stream=stream, clock=clock)


def shown(stream) -> list[str]:
    return stream.getvalue().splitlines()[1:]  # the heading has the local time in it


def test_a_trace_is_a_tree_with_durations_errors_and_logs(console, stream):
    log = LogRecord(
        resource=RESOURCE, scope=SCOPE, trace_id=7, span_id=1, severity_text="INFO", body="order [EMAIL]"
    )
    failed = LogRecord(
        resource=RESOURCE,
        scope=SCOPE,
        trace_id=7,
        span_id=2,
        severity_text="ERROR",
        body="no charge",
        attributes={"exception.type": "CardError", "exception.message": "declined"},
    )
    error = EventRecord("exception", START, {"exception.type": "CardError", "exception.message": "declined"})
    spans = [
        span(2, 1, 31.04, "charge", status_code=2, events=[error]),
        span(3, 2, 0.25, "POST"),
        span(4, 1, 2.2, "INSERT orders"),
        span(1, 0, 48.1, "POST /checkout", attributes={"http.response.status_code": 200}),
    ]
    console.watch(spans, [log, failed], REASON)
    assert shown(stream) == [
        "└─ POST /checkout                                                       48.1 ms  200",
        "   · INFO order [EMAIL]",
        "   ├─ charge                                                            31.0 ms ✗",
        "   │  ✗ CardError: declined",
        "   │  · ERROR no charge (CardError: declined)",
        "   │  └─ POST                                                          250.0 µs",
        "   └─ INSERT orders                                                      2.2 ms",
    ]


def test_a_trace_waits_for_its_root_but_not_for_ever(console, stream, clock):
    console.watch([span(2, 1)], [], REASON)
    assert stream.getvalue() == ""
    clock.now += 6
    console.watch([], [], REASON)
    assert "work" in stream.getvalue()


def test_nothing_is_shown_once_a_collector_answers(console, stream):
    console.watch([span(2, 1)], [], REASON)
    console.watch([span(1)], [], "")
    assert stream.getvalue() == ""


def test_it_can_be_wanted_all_the_same(stream, clock):
    Console(always=True, stream=stream, clock=clock).watch([span(1)], [], "")
    assert "work" in stream.getvalue()


def test_a_large_trace_is_cut_and_a_deep_one_is_no_recursion(console, stream):
    console.watch([span(number, number - 1) for number in range(1, 3001)], [], REASON)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 61
    assert lines[-1] == "   … 2941 more lines"


def test_control_sequences_in_a_name_stay_text(console, stream):
    console.watch([span(1, name="evil\x1b[2J\nname")], [], REASON)
    assert "\x1b" not in stream.getvalue()
    assert "evil�[2J name" in stream.getvalue()


def test_spans_whose_parents_form_a_ring_do_no_harm(console, stream, clock):
    console.watch([span(1, 2), span(2, 1)], [], REASON)
    clock.now += 6
    console.watch([], [], REASON)
    assert stream.getvalue() != ""


def test_traces_without_a_root_are_bounded(console, stream):
    for number in range(1000):
        other = span(2, 1)
        other.trace_id = number
        console.watch([other], [], REASON)
    assert len(console._traces) == 200
