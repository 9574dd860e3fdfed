"""Readers of opentelemetry-sdk on our provider: their exporters get what the SDK's own provider gives."""

import json

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.metrics import Observation
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics import export, view
from opentelemetry.sdk.resources import Resource

from traceo.metrics import MeterProvider
from traceo.tracing import TracerProvider

DELTA = export.AggregationTemporality.DELTA
TRACER = TracerProvider(shutdown_on_exit=False).get_tracer("a")


class Exporter(export.MetricExporter):
    """Keeps what it is given."""

    def __init__(self, **preferences):
        super().__init__(**preferences)
        self.exported, self.is_shut_down = [], False

    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        self.exported.append(metrics_data)
        return export.MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis=10_000):
        return True

    def shutdown(self, timeout_millis=30_000, **kwargs):
        self.is_shut_down = True


def application(provider):
    """All instruments, measured the same."""
    meter = provider.get_meter("shop", "1.2", "https://schema", {"a": 1})
    meter.create_counter("counter", "1", "A counter.").add(2, {"route": "/a"})
    meter.create_up_down_counter("updown").add(-2, {"route": "/a"})
    meter.create_gauge("gauge").set(7)
    meter.create_histogram("histogram", explicit_bucket_boundaries_advisory=[1, 2]).record(1.5)
    meter.create_histogram("exponential").record(3)
    meter.create_observable_counter("reads", [lambda options: [Observation(3, {"n": 1})]])
    provider.get_meter("another").create_counter("other").add(1)


VIEWS = [view.View(instrument_name="exponential", aggregation=view.ExponentialBucketHistogramAggregation())]


def untimed(text):
    """What a reader's data says as JSON, without its times."""

    def strip(value):
        if isinstance(value, dict):
            return {key: strip(item) for key, item in value.items() if "time_unix_nano" not in key}
        if not isinstance(value, list):
            return value
        items = [] if value == [0] else [strip(item) for item in value]  # no buckets, as the SDK says it
        if items and isinstance(
            items[0], dict
        ):  # metrics stand in the order of their first measurement there
            items.sort(key=lambda item: str(item.get("name") or item.get("scope")))
        return items

    return strip(json.loads(text))


@pytest.mark.parametrize("preferred", [None, {sdk.Counter: DELTA, sdk.Histogram: DELTA}])
def test_a_reader_gets_what_the_sdk_gives_it(preferred):
    resource = Resource({"service.name": "shop"}, "https://resource")
    theirs, ours = (export.InMemoryMetricReader(preferred_temporality=preferred) for _ in range(2))
    their_provider = sdk.MeterProvider([theirs], resource=resource, views=VIEWS, shutdown_on_exit=False)
    our_provider = MeterProvider(metric_readers=[ours], resource=resource, views=VIEWS)
    application(their_provider)
    application(our_provider)
    for _ in range(2):
        their_data, our_data = theirs.get_metrics_data(), ours.get_metrics_data()
        assert untimed(our_data.to_json()) == untimed(their_data.to_json())
        encoded = encode_metrics(our_data)
        assert [len(each.metrics) for each in encoded.resource_metrics[0].scope_metrics] == [
            len(each.metrics) for each in encode_metrics(their_data).resource_metrics[0].scope_metrics
        ]
    assert our_provider.collect() == []


def test_each_reader_has_its_own_deltas():
    total, delta = (
        export.InMemoryMetricReader(),
        export.InMemoryMetricReader(preferred_temporality={sdk.Counter: DELTA}),
    )
    provider = MeterProvider(metric_readers=[total, delta])
    counter = provider.get_meter("a").create_counter("c")
    seen = []
    for amount in (1, 2, 3):
        counter.add(amount)
        seen.append(tuple(value_of(reader) for reader in (total, delta)))
    assert seen == [(1, 1), (3, 2), (6, 3)]


def value_of(reader):
    (resource,) = reader.get_metrics_data().resource_metrics
    return resource.scope_metrics[0].metrics[0].data.data_points[0].value


def test_a_reader_chooses_aggregations():
    reader = export.InMemoryMetricReader(
        preferred_aggregation={sdk.Histogram: view.ExponentialBucketHistogramAggregation(max_size=4)}
    )
    provider = MeterProvider(metric_readers=[reader])
    provider.get_meter("a").create_histogram("h").record(3)
    (resource,) = reader.get_metrics_data().resource_metrics
    assert isinstance(resource.scope_metrics[0].metrics[0].data, export.ExponentialHistogram)


def test_nothing_measured_is_nothing():
    reader = export.InMemoryMetricReader()
    MeterProvider(metric_readers=[reader]).get_meter("a").create_counter("c")
    assert reader.get_metrics_data() is None


def test_exemplars_reach_the_reader():
    reader = export.InMemoryMetricReader()
    counter = MeterProvider(metric_readers=[reader]).get_meter("a").create_counter("c")
    with TRACER.start_as_current_span("work") as span:
        counter.add(1)
    (resource,) = reader.get_metrics_data().resource_metrics
    (exemplar,) = resource.scope_metrics[0].metrics[0].data.data_points[0].exemplars
    context = span.get_span_context()
    assert (exemplar.value, exemplar.trace_id, exemplar.span_id) == (1, context.trace_id, context.span_id)


def test_a_periodic_reader_exports_at_flush_and_at_the_end():
    exporter = Exporter()
    reader = export.PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider(metric_readers=[reader])
    counter = provider.get_meter("a").create_counter("c")
    provider.get_meter("a").create_observable_gauge("g", [lambda options: [Observation(1)]])
    counter.add(1)
    assert provider.force_flush() is True
    counter.add(1)
    provider.shutdown()
    assert exporter.is_shut_down
    names = [
        [metric.name for metric in data.resource_metrics[0].scope_metrics[0].metrics]
        for data in exporter.exported
    ]
    assert names == [["c", "g"], ["c", "g"]]
    metric = exporter.exported[1].resource_metrics[0].scope_metrics[0].metrics[0]
    assert metric.data.data_points[0].value == 2


def test_a_failing_reader_is_counted_and_does_not_raise(warnings):
    class Broken(export.InMemoryMetricReader):
        def force_flush(self, timeout_millis=10_000):
            raise OSError

        def shutdown(self, timeout_millis=30_000, **kwargs):
            raise OSError

    provider = MeterProvider(metric_readers=[Broken()])
    assert provider.force_flush() is False
    provider.shutdown()
    assert provider.ignored() == {"reader": 2}
    assert warnings() == ["Broken failed in force_flush (OSError)."]
