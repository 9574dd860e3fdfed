"""Span operations: attributes, events, links, status, name, exceptions, end, and what stays readable."""

import json
import logging

import pytest
from opentelemetry.trace import SpanContext, Status, StatusCode

OTHER = SpanContext(0x11, 0x22, is_remote=False)
ENDED = {
    "set_attribute": ("k", 1),
    "set_attributes": ({"k": 1},),
    "add_event": ("e",),
    "add_link": (OTHER,),
    "update_name": ("other",),
    "set_status": (StatusCode.ERROR,),
    "record_exception": (ValueError(),),
    "end": (),
}


@pytest.fixture
def span(tracer):
    return tracer.start_span("s", start_time=1)


# --- attributes


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("text", "text"),
        ("", ""),
        (True, True),
        (0, 0),
        (1.5, 1.5),
        (b"\x00", b"\x00"),
        (None, None),
        (["a", "b"], ("a", "b")),
        ([1, 2], (1, 2)),
        ([True], (True,)),
        ([1.5], (1.5,)),
        ([], ()),
        ([None, "a"], (None, "a")),
        ({"nested": {"deep": [1]}}, {"nested": {"deep": (1,)}}),
    ],
)
def test_values_of_every_type_are_kept(span, value, kept):
    span.set_attribute("k", value)
    assert dict(span.attributes) == {"k": kept}


def test_setting_a_key_again_overwrites_its_value(span):
    span.set_attribute("k", 1)
    span.set_attributes({"k": 2, "l": 3})
    assert dict(span.attributes) == {"k": 2, "l": 3}


def test_a_value_that_was_mutable_is_a_copy(span):
    values = ["a"]
    span.set_attribute("k", values)
    values.append("b")
    assert span.attributes["k"] == ("a",)


# --- events


def test_events_have_name_time_and_attributes_in_order(span):
    span.add_event("one", {"a": 1}, 10)
    span.add_event("two")
    first, second = span.events
    assert (first.name, dict(first.attributes), first.timestamp) == ("one", {"a": 1}, 10)
    assert (second.name, dict(second.attributes), second.timestamp > 10) == ("two", {}, True)


@pytest.mark.parametrize("field", ["name", "timestamp", "attributes", "dropped_attributes"])
def test_events_are_immutable(span, field):
    span.add_event("one", {"a": [1]})
    with pytest.raises(AttributeError):
        setattr(span.events[0], field, "other")
    with pytest.raises(TypeError):
        span.events[0].attributes["a"] = 2


# --- links


def test_links_are_added_at_creation_and_later(tracer):
    from opentelemetry.trace import Link

    span = tracer.start_span("s", links=[Link(OTHER, {"a": 1})])
    span.add_link(SpanContext(0x33, 0x44, is_remote=True), {"b": 2})
    assert [(link.context.span_id, dict(link.attributes)) for link in span.links] == [
        (0x22, {"a": 1}),
        (0x44, {"b": 2}),
    ]


def test_a_link_without_a_valid_context_needs_attributes_or_a_trace_state(span):
    invalid = SpanContext(0, 0, is_remote=False)
    span.add_link(invalid)
    span.add_link(None)
    assert span.links == ()
    span.add_link(invalid, {"a": 1})
    assert len(span.links) == 1


# --- status


def test_the_status_is_unset_until_it_is_set(span):
    assert (span.status.status_code, span.status.description) == (StatusCode.UNSET, None)


def test_ok_is_final_and_unset_is_no_way_back(span):
    span.set_status(StatusCode.ERROR, "first")
    span.set_status(StatusCode.UNSET)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "first")
    span.set_status(StatusCode.ERROR, "second")
    assert span.status.description == "second"
    span.set_status(StatusCode.OK)
    span.set_status(StatusCode.ERROR, "third")
    assert (span.status.status_code, span.status.description) == (StatusCode.OK, None)


def test_a_description_belongs_to_an_error_alone(span):
    span.set_status(StatusCode.OK, "fine")
    assert span.status.description is None


def test_a_status_object_wins_over_a_description_beside_it(span, caplog):
    span.set_status(Status(StatusCode.ERROR, "mine"), "other")
    assert (span.status.description, len(caplog.records)) == ("mine", 1)


# --- name


def test_the_name_can_be_changed(span):
    span.update_name("other")
    assert span.name == "other"


# --- record exception


def test_an_exception_becomes_an_event_named_exception(span):
    with pytest.raises(LookupError) as caught:
        raise LookupError("no such thing")
    span.record_exception(caught.value, {"more": 1, "exception.message": "mine"}, timestamp=5)
    (event,) = span.events
    attributes = dict(event.attributes)
    assert "no such thing" in attributes.pop("exception.stacktrace")
    assert (event.name, event.timestamp, attributes) == (
        "exception",
        5,
        {
            "exception.type": "LookupError",
            "exception.message": "mine",
            "exception.escaped": "False",
            "more": 1,
        },
    )


def test_recording_an_exception_leaves_the_status_alone(span):
    span.record_exception(ValueError("x"))
    assert span.status.status_code is StatusCode.UNSET


def test_an_exception_that_leaves_the_block_sets_both(tracer, ended):
    with pytest.raises(ValueError), tracer.start_as_current_span("s"):
        raise ValueError("no")
    (span,) = ended
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError: no")
    assert [event.name for event in span.events] == ["exception"]


def test_both_can_be_declined(tracer, ended):
    with (
        pytest.raises(ValueError),
        tracer.start_as_current_span("s", record_exception=False, set_status_on_exception=False),
    ):
        raise ValueError("no")
    assert (ended[0].status.status_code, ended[0].events) == (StatusCode.UNSET, ())


# --- end


def test_an_explicit_end_time_is_kept(span):
    span.end(17)
    assert (span.start_time, span.end_time) == (1, 17)


def test_an_ended_span_is_no_longer_recording_and_still_a_parent(tracer, span):
    from opentelemetry.trace import set_span_in_context

    span.end()
    child = tracer.start_span("c", set_span_in_context(span))
    assert (span.is_recording(), child.parent) == (False, span.get_span_context())


def test_ending_a_span_ends_neither_its_children_nor_its_time_as_the_current_one(tracer):
    from opentelemetry.trace import get_current_span

    with tracer.start_as_current_span("s", end_on_exit=False) as span:
        child = tracer.start_span("c")
        span.end()
        assert (child.is_recording(), get_current_span()) == (True, span)


@pytest.mark.parametrize("operation", ENDED)
def test_after_the_end_operations_change_nothing_and_raise_nothing(span, caplog, operation):
    span.end(9)
    before = span.to_json()
    with caplog.at_level(logging.WARNING):
        getattr(span, operation)(*ENDED[operation])
    assert (span.to_json(), len(caplog.records)) == (before, 1)


def test_everything_stays_readable(span):
    span.set_attribute("a", 1)
    span.end(9)
    read = json.loads(span.to_json())
    assert (read["name"], read["attributes"], read["kind"]) == ("s", {"a": 1}, "SpanKind.INTERNAL")
    assert (read["start_time"], read["end_time"]) == (
        "1970-01-01T00:00:00.000000Z",
        "1970-01-01T00:00:00.000000Z",
    )
