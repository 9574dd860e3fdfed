"""Span limits: counts of attributes, events and links, length of values, and the variables that set them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import Link, SpanContext

from traceo.tracing import SpanLimits, TracerProvider

OTHER = SpanContext(0x11, 0x22, is_remote=False)


def span_with(**limits):
    provider = TracerProvider(span_limits=SpanLimits(**limits), shutdown_on_exit=False)
    return provider.get_tracer("test").start_span("s")


def test_without_settings_each_span_holds_128_of_everything_and_values_of_any_length():
    span = span_with()
    for number in range(130):
        span.set_attribute(f"k{number}", "x" * 100_000 if number == 129 else number)
        span.add_event(f"e{number}", {f"a{attribute}": 1 for attribute in range(130)})
        span.add_link(OTHER, {f"a{attribute}": 1 for attribute in range(130)})
    assert (len(span.attributes), span.dropped_attributes) == (128, 2)
    assert (len(span.events), span.dropped_events) == (128, 2)
    assert (len(span.links), span.dropped_links) == (128, 2)
    assert (len(span.events[0].attributes), span.events[0].dropped_attributes) == (128, 2)
    assert (len(span.links[0].attributes), span.links[0].dropped_attributes) == (128, 2)
    assert len(span.attributes["k129"]) == 100_000


def test_a_known_key_is_no_new_attribute():
    span = span_with(max_span_attributes=1)
    span.set_attribute("k", 1)
    span.set_attribute("k", 2)
    assert (dict(span.attributes), span.dropped_attributes) == ({"k": 2}, 0)


def test_values_are_cut_by_characters_also_inside_sequences_and_other_types_are_not():
    span = span_with(max_attribute_length=3)
    span.set_attributes(
        {"text": "äöüß", "list": ["abcd", "ab"], "bytes": b"abcd", "int": 12345, "bool": False}
    )
    span.add_event("e", {"text": "abcd"})
    span.add_link(OTHER, {"text": "abcd"})
    assert dict(span.attributes) == {
        "text": "äöü",
        "list": ("abc", "ab"),
        "bytes": b"abcd",
        "int": 12345,
        "bool": False,
    }
    assert (span.events[0].attributes["text"], span.links[0].attributes["text"]) == ("abc", "abc")


def test_the_limit_for_spans_is_for_spans_alone():
    span = span_with(max_span_attribute_length=2, max_attribute_length=4)
    span.set_attribute("text", "abcdef")
    span.add_event("e", {"text": "abcdef"})
    assert (span.attributes["text"], span.events[0].attributes["text"]) == ("ab", "abcd")


def test_zero_keeps_nothing_and_counts_all():
    span = span_with(max_span_attributes=0, max_events=0, max_links=0)
    span.set_attribute("k", 1)
    span.add_event("e")
    span.add_link(OTHER)
    assert (dict(span.attributes), span.events, span.links) == ({}, (), ())
    assert (span.dropped_attributes, span.dropped_events, span.dropped_links) == (1, 1, 1)


def test_unset_keeps_everything():
    unset = SpanLimits.UNSET
    span = span_with(max_attributes=unset, max_span_attributes=unset, max_events=unset, max_links=unset)
    for number in range(500):
        span.set_attribute(str(number), number)
        span.add_event("e")
        span.add_link(OTHER)
    assert (len(span.attributes), len(span.events), len(span.links)) == (500, 500, 500)


def test_links_given_at_creation_are_limited_too():
    provider = TracerProvider(span_limits=SpanLimits(max_links=1), shutdown_on_exit=False)
    span = provider.get_tracer("t").start_span("s", links=[Link(OTHER, {"n": 1}), Link(OTHER, {"n": 2})])
    assert ([dict(link.attributes) for link in span.links], span.dropped_links) == ([{"n": 2}], 1)


@pytest.mark.parametrize(
    ("variable", "field"),
    [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "max_span_attributes"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "max_events"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "max_links"),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "max_event_attributes"),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "max_link_attributes"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "max_attributes"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "max_attribute_length"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "max_span_attribute_length"),
    ],
)
def test_each_limit_has_its_variable(monkeypatch, variable, field):
    monkeypatch.setenv(variable, "7")
    assert getattr(SpanLimits(), field) == 7
    assert getattr(SpanLimits(**{field: 9}), field) == 9


def test_the_general_count_is_the_default_of_the_special_ones(monkeypatch):
    monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "5")
    limits = SpanLimits(max_link_attributes=3)
    assert (limits.max_span_attributes, limits.max_event_attributes, limits.max_link_attributes) == (5, 5, 3)


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abcdef"), st.integers() | st.text("abc", max_size=9), max_size=6)
    ),
    st.integers(0, 4),
    st.integers(0, 5),
)
def test_whatever_is_set_the_newest_stay_within_the_limit_and_nothing_is_lost_uncounted(given_, most, length):
    span = span_with(max_span_attributes=most, max_span_attribute_length=length)
    expected, dropped = {}, 0
    for attributes in given_:
        span.set_attributes(attributes)
        for key, value in attributes.items():
            if not most:
                dropped += 1
                continue
            if key in expected:
                del expected[key]
            elif len(expected) == most:
                del expected[next(iter(expected))]
                dropped += 1
            expected[key] = value[:length] if isinstance(value, str) else value
    assert list(span.attributes.items()) == list(expected.items())
    assert span.dropped_attributes == dropped
