"""OpenTelemetry's metrics about its own tracing (semantic conventions, otel.sdk.span.*), when asked for."""

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from traceo.tracing.consistent import ConsistentRatio
from traceo.tracing.sampling import ALWAYS_OFF, ALWAYS_ON, Decision, ParentBased, StaticSampler


@pytest.fixture
def reader():
    return InMemoryMetricReader()


@pytest.fixture
def make_counted(make_provider, reader, monkeypatch):
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    meters = MeterProvider([reader], shutdown_on_exit=False)
    yield lambda **settings: make_provider(meter_provider=meters, **settings).get_tracer("t")
    meters.shutdown()


def read(reader):
    """``{(metric, *attribute values): value}``."""
    data = reader.get_metrics_data()
    if data is None:
        return {}
    return {
        (metric.name.removeprefix("otel.sdk.span."), *sorted(point.attributes.values())): point.value
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
        for point in metric.data.data_points
    }


def test_started_spans_are_counted_by_parent_and_result_and_live_ones_until_their_end(
    make_counted, reader, remote
):
    tracer = make_counted()
    with tracer.start_as_current_span("root"):
        child = tracer.start_span("child")
    tracer.start_span("far", remote())
    tracer.start_span("left", remote(sampled=False))
    assert read(reader) == {
        ("started", "RECORD_AND_SAMPLE", "none"): 1,
        ("started", "RECORD_AND_SAMPLE", "local"): 1,
        ("started", "RECORD_AND_SAMPLE", "remote"): 1,
        ("started", "DROP", "remote"): 1,
        ("live", "RECORD_AND_SAMPLE"): 2,
    }
    child.end()
    assert read(reader)["live", "RECORD_AND_SAMPLE"] == 1


@pytest.mark.parametrize("decision", list(Decision))
def test_each_result_has_its_name(make_counted, reader, decision):
    make_counted(sampler=StaticSampler(decision)).start_span("s")
    live = {("live", decision.name): 1} if decision.is_recording() else {}
    assert read(reader) == {("started", decision.name, "none"): 1, **live}


@pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF, ParentBased(ConsistentRatio(0.5))])
def test_counting_changes_no_decision(make_counted, make_provider, sampler):
    counted = make_counted(sampler=sampler)
    assert counted.sampler.get_description() == sampler.get_description()
    for _ in range(20):
        span = counted.start_span("s")
        context = span.get_span_context()
        expected = sampler.should_sample(None, context.trace_id, "s")
        assert span.is_recording() is expected.decision.is_recording()
        assert dict(context.trace_state) == dict(expected.trace_state or {})


def test_unless_asked_nothing_is_counted(make_provider, reader, monkeypatch):
    monkeypatch.delenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", raising=False)
    meters = MeterProvider([reader], shutdown_on_exit=False)
    make_provider(meter_provider=meters).get_tracer("t").start_span("s").end()
    assert read(reader) == {}
    meters.shutdown()
