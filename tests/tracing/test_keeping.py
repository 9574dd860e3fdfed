"""Keeping what turned out to matter: whole local parts of traces that the sampler had left out."""

import gc
import logging
import threading

import pytest
from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from traceo.tracing import DroppedSpan, TracerProvider, snapshot
from traceo.tracing.consistent import ConsistentRatio
from traceo.tracing.sampling import ALWAYS_OFF, ALWAYS_ON, Decision, ParentBased, SamplingResult

KEPT = "traceo.sampling.kept"
SECOND = 1_000_000_000


@pytest.fixture
def ended():
    return []


@pytest.fixture
def make_provider(ended):
    def make(sampler=ALWAYS_OFF, **settings):
        settings = {"keep_errors": True, **settings}
        return TracerProvider(ParentBased(sampler), sink=ended.append, shutdown_on_exit=False, **settings)

    return make


@pytest.fixture
def provider(make_provider):
    return make_provider()


@pytest.fixture
def tracer(provider):
    return provider.get_tracer("test")


def remote(*, sampled):
    flags = TraceFlags(1 if sampled else 0)
    return api.set_span_in_context(
        NonRecordingSpan(SpanContext(5, 6, is_remote=True, trace_flags=flags)), Context()
    )


def found(spans):
    return [(span.name, span.attributes.get(KEPT)) for span in spans]


def counts(provider):
    return {name: count for name, count in provider.keeping.counts().items() if count}


def test_a_trace_without_a_failure_is_forgotten(tracer, provider, ended):
    with tracer.start_as_current_span("root"), tracer.start_as_current_span("child"):
        assert counts(provider) == {}
    assert (ended, counts(provider)) == ([], {})


def test_a_failed_root_is_kept_with_all_below_it(tracer, provider, ended):
    with pytest.raises(ValueError), tracer.start_as_current_span("root", attributes={"a": 1}):
        with tracer.start_as_current_span("child"), tracer.start_as_current_span("grandchild"):
            pass
        assert counts(provider) == {"held_spans": 2}
        raise ValueError
    assert sorted(found(ended)) == [("child", "error"), ("grandchild", "error"), ("root", "error")]
    assert dict(next(span for span in ended if span.name == "root").attributes) == {"a": 1, KEPT: "error"}
    assert counts(provider) == {"kept_failed": 1, "kept_spans": 3}


def test_a_failure_anywhere_below_keeps_the_siblings_too(tracer, ended):
    with tracer.start_as_current_span("root"):
        with tracer.start_as_current_span("before"):
            pass
        with tracer.start_as_current_span("failed") as span:
            span.set_status(StatusCode.ERROR)
        with tracer.start_as_current_span("after"):
            pass
    assert sorted(name for name, _ in found(ended)) == ["after", "before", "failed", "root"]


def test_a_status_that_was_set_right_in_time_is_no_failure(tracer, ended):
    with tracer.start_as_current_span("root") as span:
        span.set_status(StatusCode.ERROR)
        span.set_status(StatusCode.OK)
    assert ended == []


def test_slowness_keeps_a_trace(make_provider, ended):
    provider = make_provider(keep_errors=False, keep_slower_than_s=2.0)
    tracer = provider.get_tracer("test")
    for seconds in (1, 2, 3):
        tracer.start_span(f"{seconds} s", Context(), start_time=0).end(seconds * SECOND)
    failed = tracer.start_span("failed", Context(), start_time=0)
    failed.set_status(StatusCode.ERROR)
    failed.end(1)
    assert found(ended) == [("3 s", "slow")]
    assert counts(provider) == {"kept_slow": 1, "kept_spans": 1}


def test_times_that_are_no_numbers_are_neither_slow_nor_an_error_of_the_application(make_provider, ended):
    tracer = make_provider(keep_slower_than_s=1.0).get_tracer("test")
    tracer.start_span("root", start_time="yesterday").end()
    assert ended == []


def test_a_sampled_trace_is_not_held_and_not_marked(make_provider, ended):
    provider = make_provider(ALWAYS_ON)
    tracer = provider.get_tracer("test")
    with (
        pytest.raises(ValueError),
        tracer.start_as_current_span("root"),
        tracer.start_as_current_span("child"),
    ):
        raise ValueError
    assert (found(ended), counts(provider)) == ([("child", None), ("root", None)], {})


def test_with_a_ratio_failed_traces_are_whole_whichever_way_they_came(make_provider, ended):
    tracer = make_provider(ConsistentRatio(0.1)).get_tracer("test")
    for _ in range(300):
        with (
            pytest.raises(ValueError),
            tracer.start_as_current_span("root"),
            tracer.start_as_current_span("child"),
        ):
            raise ValueError
    assert len(ended) == 600
    sampled = [span for span in ended if span.context.trace_flags.sampled]
    kept = [span for span in ended if KEPT in span.attributes]
    assert sampled
    assert len(sampled) + len(kept) == 600
    assert {dict(span.context.trace_state).get("ot") for span in kept} == {None}
    assert {dict(span.context.trace_state).get("ot") for span in sampled} == {"th:e666"}


def test_others_see_the_unsampled_flag(tracer):
    carrier = {}
    with tracer.start_as_current_span("root") as span:
        TraceContextTextMapPropagator().inject(carrier)
    assert (span.is_recording(), carrier["traceparent"][-3:], list(carrier)) == (
        False,
        "-02",
        ["traceparent"],
    )


def test_a_local_root_below_a_remote_parent_is_kept_for_its_own_failure(tracer, ended):
    with (
        pytest.raises(ValueError),
        tracer.start_as_current_span("server", remote(sampled=False), SpanKind.SERVER),
    ):
        raise ValueError
    (span,) = ended
    record = snapshot(span)
    assert (found(ended), span.parent.span_id, span.parent.is_remote) == ([("server", "error")], 6, True)
    assert (record.flags, record.parent_span_id, record.attributes[KEPT]) == (0x300, 6, "error")


def test_two_local_roots_of_one_trace_decide_each_for_itself(tracer, ended):
    parent = remote(sampled=False)
    with tracer.start_as_current_span("fine", parent), tracer.start_as_current_span("below"):
        pass
    with pytest.raises(ValueError), tracer.start_as_current_span("failed", parent):
        raise ValueError
    assert found(ended) == [("failed", "error")]


def test_a_span_that_ends_after_its_kept_root_follows_it(tracer, provider, ended):
    with pytest.raises(ValueError), tracer.start_as_current_span("root") as root:
        late = tracer.start_span("late")
        raise ValueError
    later = tracer.start_span("later", api.set_span_in_context(root))
    late.end()
    later.end()
    assert found(ended) == [("root", "error"), ("late", "error"), ("later", "error")]
    assert counts(provider) == {"kept_failed": 1, "kept_spans": 3}


def test_a_span_that_ends_after_its_forgotten_root_is_forgotten_unless_it_failed(tracer, provider, ended):
    with tracer.start_as_current_span("root"):
        fine, failed, after = (tracer.start_span(name) for name in ("fine", "failed", "after"))
    fine.end()
    assert ended == []
    failed.set_status(StatusCode.ERROR)
    failed.end()
    after.end()
    assert found(ended) == [("failed", "error"), ("after", "error")]
    assert counts(provider) == {"kept_failed": 1, "kept_spans": 2}


def test_a_full_buffer_keeps_the_newest_once_something_failed_and_counts_what_it_lost(
    tracer, provider, ended
):
    provider.keeping.spans_a_root = 3
    with tracer.start_as_current_span("root"):
        for number in range(5):
            tracer.start_span(f"before {number}").end()
        failed = tracer.start_span("failed")
        failed.set_status(StatusCode.ERROR)
        failed.end()
        tracer.start_span("after").end()
    assert sorted(name for name, _ in found(ended)) == ["after", "before 2", "failed", "root"]
    assert counts(provider) == {"kept_failed": 1, "kept_spans": 4, "lost_spans": 4}


def test_what_a_full_buffer_of_a_forgotten_trace_lost_is_no_loss(tracer, provider):
    provider.keeping.spans_a_root = 1
    with tracer.start_as_current_span("root"):
        for _ in range(5):
            tracer.start_span("child").end()
    assert counts(provider) == {}


def test_all_roots_together_hold_no_more_than_their_limit(tracer, provider, ended):
    provider.keeping.spans_in_all = 10
    roots = [tracer.start_span(f"root {number}", Context()) for number in range(10)]
    for root in roots:
        for _ in range(3):
            tracer.start_span("child", api.set_span_in_context(root)).end()
    assert counts(provider) == {"held_spans": 10}
    for root in roots:
        root.set_status(StatusCode.ERROR)
        root.end()
    assert len(ended) == 20, "each root, and the ten that were held"
    assert counts(provider) == {"kept_failed": 10, "kept_spans": 20, "lost_spans": 20}


def test_a_root_that_never_ends_gives_its_room_back(tracer, provider):
    root = tracer.start_span("root", Context())
    tracer.start_span("child", api.set_span_in_context(root)).end()
    assert counts(provider) == {"held_spans": 1}
    del root
    gc.collect()
    assert counts(provider) == {}


def test_processors_see_kept_candidates_as_recorded_and_the_sdks_export_none_of_them(provider, tracer, ended):
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    with pytest.raises(ValueError), tracer.start_as_current_span("root"):
        raise ValueError
    provider.shutdown()
    assert (exporter.get_finished_spans(), found(ended)) == ((), [("root", "error")])


def test_a_sampler_of_the_applications_own_that_drops_below_a_recorded_span_drops_for_good(ended):
    class ByName:
        def should_sample(
            self, parent_context, trace_id, name, kind=None, attributes=None, links=None, state=None
        ):
            keep = name != "noise"
            return SamplingResult(Decision.RECORD_AND_SAMPLE if keep else Decision.DROP, attributes)

        def get_description(self):
            return "ByName"

    provider = TracerProvider(ByName(), sink=ended.append, shutdown_on_exit=False, keep_errors=True)
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("root"), tracer.start_as_current_span("noise") as noise:
        noise.set_status(StatusCode.ERROR)
    assert (type(noise), found(ended)) == (DroppedSpan, [("root", None)])


def test_without_the_setting_what_the_sampler_drops_is_not_recorded(ended):
    provider = TracerProvider(ALWAYS_OFF, sink=ended.append, shutdown_on_exit=False)
    with pytest.raises(ValueError), provider.get_tracer("test").start_as_current_span("root") as span:
        raise ValueError
    assert (type(span), ended, provider.keeping) == (DroppedSpan, [], None)


def test_a_sink_that_raises_costs_the_application_nothing(caplog):
    def broken(span):
        raise RuntimeError

    provider = TracerProvider(ALWAYS_OFF, sink=broken, shutdown_on_exit=False, keep_errors=True)
    tracer = provider.get_tracer("test")
    with caplog.at_level(logging.WARNING), pytest.raises(ValueError), tracer.start_as_current_span("root"):
        raise ValueError
    assert len(caplog.records) == 1


def test_children_that_end_in_many_threads_are_each_kept_once(tracer, provider, ended):
    for _ in range(20):
        ended.clear()
        root = tracer.start_span("root", Context())
        parent = api.set_span_in_context(root)
        barrier = threading.Barrier(5)

        def work(parent=parent, barrier=barrier):
            barrier.wait()
            for number in range(20):
                tracer.start_span(f"child {number}", parent).end()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        root.set_status(StatusCode.ERROR)
        barrier.wait()
        root.end()
        for thread in threads:
            thread.join()
        assert len(ended) == len({span.context.span_id for span in ended}) == 81
        assert provider.keeping.held == 0
