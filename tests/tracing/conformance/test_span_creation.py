"""Tracer and span creation: parents, kinds, attributes, links, time; SpanContext."""

import dataclasses
import time

import pytest
from opentelemetry import context as context_api
from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, TraceState

from traceo.tracing import Span

# --- Tracer


def test_a_tracer_creates_spans_and_is_an_opentelemetry_tracer(tracer):
    assert isinstance(tracer, api.Tracer)
    assert isinstance(tracer.start_span("s"), api.Span)


def test_spans_are_made_by_a_tracer_alone():
    with pytest.raises(TypeError):
        Span("name", SpanContext(1, 2, is_remote=False))


# --- SpanContext


def test_a_span_context_has_valid_ids_and_is_immutable(tracer):
    context = tracer.start_span("s").get_span_context()
    assert context.is_valid
    assert 0 < context.trace_id < 1 << 128
    assert 0 < context.span_id < 1 << 64
    before = context.trace_id
    context.trace_id = 1  # the API's class logs it and does nothing
    assert context.trace_id == before


def test_the_identity_is_the_same_before_and_after_the_end(tracer):
    span = tracer.start_span("s")
    context = span.get_span_context()
    span.end()
    assert span.get_span_context() == context


def test_a_span_of_this_process_is_not_remote_its_parent_may_be(tracer, remote):
    span = tracer.start_span("s", remote())
    child = tracer.start_span("c", api.set_span_in_context(span))
    assert (span.context.is_remote, span.parent.is_remote) == (False, True)
    assert child.parent.is_remote is False


def test_a_child_has_its_parents_trace_id_and_trace_state_and_an_id_of_its_own(tracer, remote):
    span = tracer.start_span("s", remote(state=[("vendor", "1")]))
    assert span.context.trace_id == 0x5
    assert span.context.span_id not in {0, 0x6}
    assert dict(span.context.trace_state) == {"vendor": "1"}


def test_a_root_has_a_new_trace_id_each_time(tracer):
    ids = {tracer.start_span("s").context.trace_id for _ in range(100)}
    assert len(ids) == 100


# --- determining the parent


def test_the_parent_is_taken_from_the_given_context_or_the_current_one(tracer, remote):
    with tracer.start_as_current_span("current") as current:
        assert tracer.start_span("s").parent == current.get_span_context()
        assert tracer.start_span("s", remote()).parent.span_id == 0x6
        assert tracer.start_span("s", Context()).parent is None


def test_starting_a_span_does_not_make_it_current(tracer):
    tracer.start_span("s")
    assert api.get_current_span() is api.INVALID_SPAN


def test_a_context_with_an_invalid_span_starts_a_new_trace(tracer):
    invalid = api.set_span_in_context(NonRecordingSpan(SpanContext(0, 0, is_remote=True)), Context())
    assert tracer.start_span("s", invalid).parent is None


def test_the_parent_may_be_a_span_of_another_implementation(tracer):
    foreign = NonRecordingSpan(SpanContext(0x7, 0x8, is_remote=False, trace_flags=TraceFlags(1)))
    with api.use_span(foreign):
        span = tracer.start_span("s")
    assert (span.parent.span_id, span.context.trace_id) == (0x8, 0x7)


# --- what a span is created with


@pytest.mark.parametrize("kind", list(SpanKind))
def test_every_kind_is_kept(tracer, kind):
    assert tracer.start_span("s", kind=kind).kind is kind


def test_the_kind_is_internal_unless_given(tracer):
    assert tracer.start_span("s").kind is SpanKind.INTERNAL


def test_attributes_and_links_given_at_creation_are_there_for_the_sampler_and_the_span(make_provider):
    seen = {}

    class Curious:
        def should_sample(
            self, parent_context, trace_id, name, kind=None, attributes=None, links=None, state=None
        ):
            from opentelemetry.sdk.trace.sampling import Decision, SamplingResult

            seen.update(name=name, kind=kind, attributes=dict(attributes), links=list(links))
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)

        def get_description(self):
            return "Curious"

    link = Link(SpanContext(1, 2, is_remote=True), {"l": 1})
    tracer = make_provider(sampler=Curious()).get_tracer("test")
    span = tracer.start_span("s", None, SpanKind.CLIENT, {"a": 1}, [link])
    assert seen == {"name": "s", "kind": SpanKind.CLIENT, "attributes": {"a": 1}, "links": [link]}
    assert (dict(span.attributes), [one.context for one in span.links]) == ({"a": 1}, [link.context])


def test_an_explicit_start_time_is_kept_and_else_it_is_now(tracer):
    before = time.time_ns()
    span = tracer.start_span("s")
    assert before <= span.start_time <= time.time_ns()
    assert tracer.start_span("s", start_time=17).start_time == 17


def test_a_span_may_be_made_current_for_a_block_or_a_function(tracer, ended):
    @tracer.start_as_current_span("function")
    def work():
        return api.get_current_span().name

    with tracer.start_as_current_span("block") as block:
        assert api.get_current_span() is block
        assert work() == "function"
    assert [span.name for span in ended] == ["function", "block"]
    assert ended[0].parent == block.get_span_context()


def test_a_disabled_tracer_hands_the_parent_on(provider, remote):
    provider._set_tracer_configurator(
        tracer_configurator=lambda scope: dataclasses.make_dataclass("Config", ["is_enabled"])(False)
    )
    span = provider.get_tracer("off").start_span("s", remote())
    assert (span.is_recording(), span.get_span_context().span_id) == (False, 0x6)


def test_sdk_disabled_gives_tracers_that_do_nothing(make_provider, monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with make_provider().get_tracer("test").start_as_current_span("s") as span:
        assert not span.is_recording()


def test_a_trace_state_of_the_parent_is_kept_as_it_came(tracer, remote):
    state = [("b", "2"), ("a", "1"), ("tenant@vendor", "x")]
    assert list(tracer.start_span("s", remote(state=state)).context.trace_state.items()) == state
    assert tracer.start_span("s").context.trace_state == TraceState()


def test_values_beside_the_span_stay_in_the_context(tracer):
    token = context_api.attach(context_api.set_value("key", "value"))
    with tracer.start_as_current_span("s"):
        assert context_api.get_value("key") == "value"
    context_api.detach(token)
