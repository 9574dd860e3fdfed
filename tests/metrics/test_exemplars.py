"""Exemplars: measurements that lead to a trace."""

import pytest
from opentelemetry import trace
from opentelemetry.metrics import Observation
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF as SDK_ALWAYS_OFF

from traceo.metrics import ExponentialHistogram, MeterProvider, View
from traceo.tracing import TracerProvider
from traceo.tracing.sampling import ALWAYS_OFF


@pytest.fixture(params=["traceo", "opentelemetry-sdk"])
def tracer(request):
    make = TracerProvider if request.param == "traceo" else SdkTracerProvider
    return make(shutdown_on_exit=False).get_tracer("a")


@pytest.fixture(params=["traceo", "opentelemetry-sdk"])
def dropping(request):
    if request.param == "traceo":
        return TracerProvider(ALWAYS_OFF, shutdown_on_exit=False).get_tracer("a")
    return SdkTracerProvider(SDK_ALWAYS_OFF, shutdown_on_exit=False).get_tracer("a")


def exemplars(provider):
    return {
        metric.name: [
            (exemplar.value, exemplar.trace_id, exemplar.span_id, exemplar.time_ns, exemplar.attributes)
            for exemplar in metric.points[0].exemplars
        ]
        for metric in provider.collect()
    }


def test_a_histogram_keeps_the_last_measurement_of_each_bucket(tracer, provider, meter, clock):
    histogram = meter.create_histogram("latency", explicit_bucket_boundaries_advisory=[10, 100])
    found = []
    for value in (3, 4, 50, 5):
        clock.tick()
        with tracer.start_as_current_span("work") as span:
            histogram.record(value, {"a": "b"})
            context = span.get_span_context()
            found.append((value, context.trace_id, context.span_id, clock.now, None))
    assert exemplars(provider) == {"latency": [found[3], found[2]]}
    assert exemplars(provider) == {"latency": []}


def test_without_a_sampled_span_there_is_none(dropping, provider, meter):
    histogram = meter.create_histogram("latency")
    histogram.record(1)
    with dropping.start_as_current_span("work"):
        histogram.record(2)
    assert exemplars(provider) == {"latency": []}


def test_a_remote_parent_counts_as_the_span_it_is(provider, meter):
    counter = meter.create_counter("orders")
    remote = trace.NonRecordingSpan(trace.SpanContext(7, 8, True, trace.TraceFlags(1)))
    with trace.use_span(remote):
        counter.add(1)
    assert [exemplar[:3] for exemplar in exemplars(provider)["orders"]] == [(1, 7, 8)]


def test_the_context_given_is_the_one_that_counts(tracer, provider, meter):
    counter = meter.create_counter("orders")
    span = tracer.start_span("work")
    counter.add(1, {"a": "b"}, trace.set_span_in_context(span))
    counter.add(2, {"a": "b"})
    with trace.use_span(span):
        counter.add(3, {"a": "b"}, trace.set_span_in_context(trace.INVALID_SPAN))
    assert [exemplar[:2] for exemplar in exemplars(provider)["orders"]] == [
        (1, span.get_span_context().trace_id)
    ]


def test_sums_keep_a_few_and_gauges_the_last(tracer, provider, meter):
    counter, up_down, gauge = (
        meter.create_counter("c"),
        meter.create_up_down_counter("u"),
        meter.create_gauge("g"),
    )
    with tracer.start_as_current_span("work"):
        for amount in range(100):
            counter.add(amount)
            up_down.add(-amount)
            gauge.set(amount)
    found = exemplars(provider)
    assert {name: len(each) for name, each in found.items()} == {"c": 4, "u": 4, "g": 1}
    assert found["g"][0][0] == 99


def test_exponential_histograms_have_them_too(tracer):
    provider = MeterProvider(views=[View(instrument_name="*", aggregation=ExponentialHistogram())])
    histogram = provider.get_meter("a").create_histogram("h")
    with tracer.start_as_current_span("work"):
        histogram.record(7)
    assert [exemplar[0] for exemplar in exemplars(provider)["h"]] == [7]


def test_attributes_that_a_view_drops_are_told_with_the_exemplar(tracer):
    provider = MeterProvider(views=[View(instrument_name="*", attribute_keys=frozenset(["route"]))])
    counter = provider.get_meter("a").create_counter("c")
    with tracer.start_as_current_span("work"):
        counter.add(1, {"route": "/a", "user": "ada", "tags": ["x"]})
    (metric,) = provider.collect()
    (point,) = metric.points
    assert point.attributes == {"route": "/a"}
    assert [exemplar.attributes for exemplar in point.exemplars] == [{"user": "ada", "tags": ("x",)}]


def test_the_overflow_series_tells_whose_measurement_it_was(tracer):
    provider = MeterProvider(cardinality_limit=1)
    counter = provider.get_meter("a").create_counter("c")
    with tracer.start_as_current_span("work"):
        counter.add(1, {"user": "ada"})
        counter.add(1, {"user": "bob"})
    (metric,) = provider.collect()
    assert [point.attributes for point in metric.points] == [{"user": "ada"}, {"otel.metric.overflow": True}]
    assert [[exemplar.attributes for exemplar in point.exemplars] for point in metric.points] == [
        [None],
        [{"user": "bob"}],
    ]


@pytest.mark.parametrize(
    ("choice", "kept"), [("always_on", [1, 2]), ("always_off", []), ("trace_based", [2])]
)
def test_the_filter_decides(monkeypatch, tracer, choice, kept):
    monkeypatch.setenv("OTEL_METRICS_EXEMPLAR_FILTER", choice)
    provider = MeterProvider()
    counter = provider.get_meter("a").create_counter("c")
    counter.add(1)
    with tracer.start_as_current_span("work"):
        counter.add(2)
    assert [exemplar[0] for exemplar in exemplars(provider)["c"]] == kept


def test_every_measurement_outside_of_spans_has_no_ids(provider):
    provider = MeterProvider(exemplar_filter="always_on")
    provider.get_meter("a").create_counter("c").add(1)
    assert [exemplar[:3] for exemplar in exemplars(provider)["c"]] == [(1, 0, 0)]


def test_a_dropped_span_has_ids_when_every_measurement_is_kept(dropping):
    provider = MeterProvider(exemplar_filter="always_on")
    counter = provider.get_meter("a").create_counter("c")
    with dropping.start_as_current_span("work") as span:
        counter.add(1)
        context = span.get_span_context()
    assert [exemplar[:3] for exemplar in exemplars(provider)["c"]] == [(1, context.trace_id, context.span_id)]


def test_an_observation_brings_its_context(tracer, provider, meter):
    span = tracer.start_span("work")
    meter.create_observable_gauge(
        "g", [lambda options: [Observation(5, None, trace.set_span_in_context(span))]]
    )
    assert [exemplar[:2] for exemplar in exemplars(provider)["g"]] == [(5, span.get_span_context().trace_id)]
