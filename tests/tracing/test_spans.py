"""What a span records: attributes, events, links, status, exceptions, times."""

import json
import logging

import pytest
from opentelemetry import trace as api
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from traceo.tracing import Resource, SpanLimits, TracerProvider, snapshot

OTHER = SpanContext(0x11, 0x22, is_remote=False, trace_flags=TraceFlags(1))


@pytest.fixture
def ended():
    return []


def provider_of(ended, **settings):
    return TracerProvider(sink=ended.append, shutdown_on_exit=False, **settings)


@pytest.fixture
def tracer(ended):
    return provider_of(ended, clock=iter(range(1000, 9000)).__next__).get_tracer("test", "1.0")


def test_a_span_holds_what_it_was_started_with(tracer, ended):
    span = tracer.start_span(
        "work", kind=SpanKind.CLIENT, attributes={"a": 1}, links=[Link(OTHER, {"l": 2})], start_time=5
    )
    span.end(9)
    assert ended == [span]
    assert (span.name, span.kind, dict(span.attributes)) == ("work", SpanKind.CLIENT, {"a": 1})
    assert (span.start_time, span.end_time) == (5, 9)
    assert [(link.context, dict(link.attributes)) for link in span.links] == [(OTHER, {"l": 2})]
    assert (span.parent, span.status.status_code, span.events) == (None, StatusCode.UNSET, ())


def test_a_span_is_an_opentelemetry_span(tracer):
    span = tracer.start_span("work")
    assert isinstance(span, api.Span)
    assert isinstance(tracer, api.Tracer)


def test_the_clock_is_read_at_start_and_end(tracer):
    span = tracer.start_span("work")
    span.add_event("now")
    span.end()
    assert (span.start_time, span.events[0].timestamp, span.end_time) == (1000, 1001, 1002)


def test_attributes_are_copied_and_cleaned(tracer):
    numbers = [1, 2]
    given = {"list": numbers, "map": {"k": [None]}, "bytes": b"x", "none": None}
    span = tracer.start_span("work", attributes=given)
    numbers.append(3)
    given["late"] = 1
    span.set_attribute("s", "x")
    assert dict(span.attributes) == {
        "list": (1, 2),
        "map": {"k": (None,)},
        "bytes": b"x",
        "none": None,
        "s": "x",
    }


def test_attributes_cannot_be_changed_through_the_view(tracer):
    with pytest.raises(TypeError):
        tracer.start_span("work", attributes={"a": 1}).attributes["a"] = 2


def test_setting_an_attribute_again_moves_it_to_the_end(tracer):
    span = tracer.start_span("work", attributes={"a": 1, "b": 2})
    span.set_attribute("a", 3)
    span.set_attributes({"c": 4, "b": 5})
    span.set_attributes({"a": (6,)})
    assert list(span.attributes.items()) == [("c", 4), ("b", 5), ("a", (6,))]


@pytest.mark.parametrize("key", ["", None, 5])
def test_an_invalid_key_is_dropped_counted_and_warned_about(tracer, caplog, key):
    span = tracer.start_span("work")
    span.set_attribute(key, 1)
    assert (dict(span.attributes), span.dropped_attributes) == ({}, 1)
    assert "invalid key" in caplog.text


def test_invalid_keys_given_at_start_are_dropped_and_counted(tracer, caplog):
    span = tracer.start_span("work", attributes={"": 1, "ok": 2, None: 3})
    assert (dict(span.attributes), span.dropped_attributes) == ({"ok": 2}, 2)
    assert "non-empty string" in caplog.text


def test_an_unknown_value_becomes_its_own_str_or_none_with_a_warning(tracer, caplog):
    class Named:
        def __str__(self):
            return "named"

    class Raising:
        def __str__(self):
            raise RuntimeError

    span = tracer.start_span("work")
    span.set_attributes({"named": Named(), "plain": object(), "raising": Raising(), "in": [Named()]})
    assert dict(span.attributes) == {"named": "named", "plain": None, "raising": None, "in": ("named",)}
    assert "Invalid type" in caplog.text


def test_a_list_that_contains_itself_is_cut_not_raised(tracer, caplog):
    endless: list = []
    endless.append(endless)
    span = tracer.start_span("work")
    span.set_attribute("endless", endless)
    assert "nested deeper" in caplog.text


def test_attributes_that_are_no_mapping_are_dropped_not_raised(tracer, caplog):
    span = tracer.start_span("work", attributes=[1, 2])
    span.set_attributes(7)
    span.add_event("e", attributes="text")
    assert dict(span.attributes) == {}
    assert caplog.text.count("cannot be read") == 3


def test_nothing_changes_after_the_end(tracer, caplog, ended):
    span = tracer.start_span("work")
    span.end(7)
    span.set_attribute("a", 1)
    span.set_attributes({"a": 1})
    span.add_event("e")
    span.add_link(OTHER)
    span.update_name("other")
    span.set_status(StatusCode.ERROR)
    span.record_exception(ValueError())
    span.end(8)
    assert (span.name, dict(span.attributes), span.events, span.links) == ("work", {}, (), ())
    assert (span.status.status_code, span.end_time, span.is_recording(), len(ended)) == (
        StatusCode.UNSET,
        7,
        False,
        1,
    )
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 8


def test_update_name_is_recording_and_json(tracer):
    span = tracer.start_span("work", attributes={"a": (1, b"\x01")})
    assert span.is_recording()
    span.update_name("other")
    shown = json.loads(span.to_json())
    assert shown["name"] == "other"
    assert shown["attributes"] == {"a": [1, "01"]}
    assert shown["context"]["trace_id"] == f"0x{span.context.trace_id:032x}"
    assert shown["end_time"] is None


# --- limits


def test_attribute_limits_drop_the_oldest_and_count(ended, caplog):
    limits = SpanLimits(max_span_attributes=2, max_event_attributes=1, max_link_attributes=0)
    span = (
        provider_of(ended, span_limits=limits)
        .get_tracer("t")
        .start_span("work", attributes={"a": 1, "b": 2, "c": 3})
    )
    span.set_attribute("d", 4)
    span.set_attribute("d", 5)
    span.add_event("e", {"x": 1, "y": 2})
    span.add_link(OTHER, {"x": 1})
    assert (dict(span.attributes), span.dropped_attributes) == ({"c": 3, "d": 5}, 2)
    assert (dict(span.events[0].attributes), span.events[0].dropped_attributes) == ({"y": 2}, 1)
    assert (dict(span.links[0].attributes), span.links[0].dropped_attributes) == ({}, 1)
    assert "oldest" in caplog.text


def test_event_and_link_limits_keep_the_newest_and_count(ended):
    span = (
        provider_of(ended, span_limits=SpanLimits(max_events=2, max_links=1))
        .get_tracer("t")
        .start_span("work", links=[Link(OTHER), Link(OTHER, {"n": 2})])
    )
    for name in "abc":
        span.add_event(name)
    assert ([event.name for event in span.events], span.dropped_events) == (["b", "c"], 1)
    assert ([dict(link.attributes) for link in span.links], span.dropped_links) == ([{"n": 2}], 1)


def test_value_length_limits_cut_strings_everywhere(ended):
    limits = SpanLimits(max_attribute_length=3, max_span_attribute_length=2)
    span = (
        provider_of(ended, span_limits=limits)
        .get_tracer("t")
        .start_span("work", attributes={"a": "abcd", "l": ["abcd"]})
    )
    span.set_attribute("m", {"k": "abcd"})
    span.set_attribute("n", 12345)
    span.add_event("e", {"a": "abcd"})
    assert dict(span.attributes) == {"a": "ab", "l": ("ab",), "m": {"k": "ab"}, "n": 12345}
    assert dict(span.events[0].attributes) == {"a": "abc"}


def test_limits_come_from_arguments_then_variables_then_defaults(monkeypatch):
    monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "7")
    monkeypatch.setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "")
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "9")
    limits = SpanLimits(max_links=3, max_link_attributes=SpanLimits.UNSET)
    assert vars(limits) == {
        "max_events": None,
        "max_links": 3,
        "max_attributes": 7,
        "max_span_attributes": 7,
        "max_event_attributes": 7,
        "max_link_attributes": None,
        "max_attribute_length": 9,
        "max_span_attribute_length": 9,
    }


@pytest.mark.parametrize("value", ["-1", "many"])
def test_a_wrong_limit_is_an_error_that_names_its_variable(monkeypatch, value):
    monkeypatch.setenv("OTEL_SPAN_LINK_COUNT_LIMIT", value)
    with pytest.raises(ValueError, match="OTEL_SPAN_LINK_COUNT_LIMIT must be a non-negative integer"):
        SpanLimits()


# --- links, status, exceptions


def test_an_invalid_link_is_kept_only_with_attributes_or_trace_state(tracer):
    invalid = SpanContext(0, 0, is_remote=False)
    stateful = SpanContext(0, 0, is_remote=False, trace_state=TraceState([("k", "v")]))
    span = tracer.start_span("work", links=[Link(invalid), Link(invalid, {"a": 1}), None])
    span.add_link(None)
    span.add_link(invalid)
    span.add_link(stateful)
    assert [link.context for link in span.links] == [invalid, stateful]


def test_status_ok_is_final_and_unset_is_ignored(tracer, caplog):
    span = tracer.start_span("work")
    span.set_status(StatusCode.ERROR, "first")
    span.set_status(Status(StatusCode.UNSET))
    span.set_status(Status(StatusCode.ERROR, "second"), "ignored")
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "second")
    span.set_status(StatusCode.OK)
    span.set_status(StatusCode.ERROR, "late")
    assert (span.status.status_code, span.status.description) == (StatusCode.OK, None)
    assert "ignored" in caplog.text


def test_an_exception_is_an_event_with_type_message_and_stack(tracer):
    class NoAccountError(ValueError):
        pass

    span = tracer.start_span("work")
    with pytest.raises(NoAccountError) as caught:
        raise NoAccountError("no account")
    span.record_exception(caught.value, {"extra": 1, "exception.message": "mine"}, timestamp=3)
    event = span.events[0]
    assert (event.name, event.timestamp) == ("exception", 3)
    assert event.attributes["exception.type"].endswith("NoAccountError")
    assert event.attributes["exception.message"] == "mine"
    assert "raise NoAccountError" in event.attributes["exception.stacktrace"]
    assert (event.attributes["exception.escaped"], event.attributes["extra"]) == ("False", 1)


def test_an_exception_whose_str_raises_does_not_reach_the_application(tracer):
    class BrokenError(Exception):
        def __str__(self):
            raise RuntimeError

    with pytest.raises(BrokenError), tracer.start_as_current_span("work") as span:
        raise BrokenError
    assert span.events[0].attributes["exception.message"] == "<no message: __str__ failed>"


@pytest.mark.parametrize(("record", "status"), [(True, True), (True, False), (False, True), (False, False)])
def test_leaving_a_started_span_with_an_exception(tracer, record, status):
    with (
        pytest.raises(KeyError),
        tracer.start_span("a", record_exception=record, set_status_on_exception=status) as span,
    ):
        raise KeyError("k")
    assert [e.attributes["exception.escaped"] for e in span.events] == (["True"] if record else [])
    assert span.status.description == ("KeyError: 'k'" if status else None)
    assert span.end_time is not None


# --- the record


def test_the_snapshot_of_a_span_is_its_record(ended):
    provider = provider_of(ended, resource=Resource({"service.name": "shop"}, "https://r"))
    tracer = provider.get_tracer("lib", "2", "https://s", {"team": "a"})
    remote = SpanContext(
        7, 8, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("a", "b"), ("c", "d")])
    )
    context = api.set_span_in_context(api.NonRecordingSpan(remote))
    span = tracer.start_span(
        "work", context, SpanKind.SERVER, {"x": 1}, [Link(OTHER, {"l": 1})], start_time=10
    )
    span.add_event("e", {"y": 2}, 11)
    span.set_status(StatusCode.ERROR, "no")
    span.end(12)
    record = snapshot(span)
    assert (record.trace_id, record.span_id, record.parent_span_id) == (7, span.context.span_id, 8)
    assert (record.trace_state, record.flags, record.kind) == ("a=b,c=d", 0x301, 2)
    assert (record.name, record.start_ns, record.end_ns, record.attributes) == ("work", 10, 12, {"x": 1})
    assert (record.status_code, record.status_message) == (2, "no")
    assert [(e.name, e.time_ns, e.attributes) for e in record.events] == [("e", 11, {"y": 2})]
    assert [(k.trace_id, k.span_id, k.flags, k.attributes) for k in record.links] == [
        (0x11, 0x22, 0x101, {"l": 1})
    ]
    assert (record.resource.attributes, record.resource.schema_url) == ({"service.name": "shop"}, "https://r")
    assert (record.scope.name, record.scope.version, record.scope.schema_url) == ("lib", "2", "https://s")
    assert record.scope.attributes == {"team": "a"}
    assert snapshot(span).resource is record.resource
    assert snapshot(span).scope is record.scope


def test_the_record_of_odd_names_and_times_is_still_a_record(tracer):
    span = tracer.start_span(404, kind="server", start_time=1.5e9)
    span.add_event(None, timestamp="noon")
    span.end(2.5e9)
    record = snapshot(span)
    assert (record.name, record.kind, record.start_ns, record.end_ns) == (
        "404",
        1,
        1_500_000_000,
        2_500_000_000,
    )
    assert (record.events[0].name, record.events[0].time_ns) == ("None", 0)


def test_a_sink_that_raises_is_reported_once_and_never_reaches_the_application(caplog):
    def sink(span):
        raise RuntimeError("full")

    tracer = TracerProvider(sink=sink, shutdown_on_exit=False).get_tracer("t")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            tracer.start_span("work").end()
    assert len(caplog.records) == 1
