"""What an application measures with prometheus_client, as records."""

import subprocess
import sys

import prometheus_client
import pytest
from prometheus_client import metrics_core as families
from prometheus_client.samples import Exemplar, Timestamp

from tests.metrics.conftest import SECOND
from traceo.exporters.otlp_metrics import encode_metrics
from traceo.metrics.prometheus import collect_prometheus
from traceo.records import ResourceRecord

RESOURCE = ResourceRecord({"service.name": "shop"})


@pytest.fixture
def registry():
    return prometheus_client.CollectorRegistry()


@pytest.fixture
def collect(registry, clock):
    def run():
        found = collect_prometheus(RESOURCE, registry, clock=clock)
        assert encode_metrics(found) or not found
        return {metric.name: metric for metric in found}

    return run


class Given:
    """A collector of the application's own."""

    def __init__(self, *families):
        self.families = families

    def collect(self):
        yield from self.families

    def describe(self):
        return []


def shape(metric):
    return (metric.kind, metric.temporality, metric.is_monotonic, metric.unit, metric.description)


def numbers(metric):
    return [(point.attributes, point.value) for point in metric.points]


def test_a_counter_is_a_sum_that_only_grows(registry, collect):
    counter = prometheus_client.Counter("orders", "How many.", ["country"], registry=registry)
    counter.labels("IN").inc(2)
    counter.labels("BR").inc()
    (metric,) = collect().values()
    assert (metric.name, *shape(metric)) == ("orders_total", "sum", 2, True, "", "How many.")
    assert numbers(metric) == [({"country": "IN"}, 2.0), ({"country": "BR"}, 1.0)]
    assert metric.scope.name == "prometheus_client"
    assert metric.resource is RESOURCE


def test_created_is_the_start(registry, clock):
    registry.register(Given(families.CounterMetricFamily("c", "", 3, created=900.5)))
    (metric,) = collect_prometheus(RESOURCE, registry, clock=clock)
    assert [(point.start_ns, point.time_ns) for point in metric.points] == [(900_500_000_000, 1000 * SECOND)]


def test_a_sample_with_a_time_keeps_it(registry, collect):
    family = families.GaugeMetricFamily("heat", "", labels=["room"])
    family.add_metric(["a"], 1, 12.5)
    family.add_metric(["b"], 1, Timestamp(13, 7))
    registry.register(Given(family))
    assert [point.time_ns for point in collect()["heat"].points] == [12_500_000_000, 13_000_000_007]


def test_a_gauge_is_a_gauge_and_an_unknown_one_too(registry, collect):
    prometheus_client.Gauge("heat", "", registry=registry).set(3.5)
    registry.register(Given(families.UnknownMetricFamily("what", "", 4)))
    found = collect()
    assert [(shape(found[name])[:3], numbers(found[name])) for name in ("heat", "what")] == [
        (("gauge", 0, False), [({}, 3.5)]),
        (("gauge", 0, False), [({}, 4)]),
    ]


def test_a_histogram_counts_in_its_buckets(registry, collect):
    histogram = prometheus_client.Histogram(
        "latency", "How slow.", ["route"], unit="seconds", buckets=(1, 5), registry=registry
    )
    for value in (0.5, 1, 3, 7, 8):
        histogram.labels("/a").observe(value)
    (metric,) = collect().values()
    assert (metric.name, *shape(metric)) == ("latency_seconds", "histogram", 2, False, "s", "How slow.")
    (point,) = metric.points
    assert (point.attributes, point.count, point.sum) == ({"route": "/a"}, 5, 19.5)
    assert (point.bounds, point.bucket_counts) == ([1.0, 5.0], [2, 1, 2])
    assert point.start_ns > 0


def test_a_histogram_of_negative_values_has_a_count_and_no_sum(registry, collect):
    family = families.HistogramMetricFamily("h", "", buckets=[("-1", 2), ("+Inf", 3)], sum_value=5)
    registry.register(Given(family))
    ((point,),) = [metric.points for metric in collect().values()]
    assert (point.count, point.sum, point.bounds, point.bucket_counts) == (3, None, [-1.0], [2, 1])


def test_a_summary_is_told_as_its_parts(registry, collect):
    summary = prometheus_client.Summary("size", "", unit="bytes", registry=registry)
    summary.observe(3)
    summary.observe(4)
    found = collect()
    assert [
        (name, metric.kind, metric.is_monotonic, metric.unit, numbers(metric))
        for name, metric in found.items()
    ] == [
        ("size_bytes_count", "sum", True, "", [({}, 2.0)]),
        ("size_bytes_sum", "sum", True, "By", [({}, 7.0)]),
    ]


def test_quantiles_of_a_summary_are_gauges(registry, collect):
    family = families.SummaryMetricFamily("size", "", 2, 7)
    family.add_sample("size", {"quantile": "0.5"}, 3)
    registry.register(Given(family))
    metric = collect()["size"]
    assert (metric.kind, numbers(metric)) == ("gauge", [({"quantile": "0.5"}, 3)])


def test_info_and_states_are_sums_to_be_added_up(registry, collect):
    prometheus_client.Info("build", "", registry=registry).info({"version": "1.2"})
    prometheus_client.Enum("door", "", states=["open", "shut"], registry=registry).state("shut")
    found = collect()
    assert (shape(found["build_info"])[:3], numbers(found["build_info"])) == (
        ("sum", 2, False),
        [({"version": "1.2"}, 1.0)],
    )
    assert (shape(found["door"])[:3], numbers(found["door"])) == (
        ("sum", 2, False),
        [({"door": "open"}, 0), ({"door": "shut"}, 1)],
    )


def test_a_gauge_histogram_is_told_as_gauges(registry, collect):
    registry.register(
        Given(families.GaugeHistogramMetricFamily("queue", "", buckets=[("1", 2), ("+Inf", 3)], gsum_value=5))
    )
    found = collect()
    assert {name: metric.kind for name, metric in found.items()} == {
        "queue_bucket": "gauge",
        "queue_gcount": "gauge",
        "queue_gsum": "gauge",
    }


def test_the_target_is_told(clock):
    registry = prometheus_client.CollectorRegistry(target_info={"env": "test"})
    (metric,) = collect_prometheus(RESOURCE, registry, clock=clock)
    assert (metric.name, metric.kind, numbers(metric)) == ("target_info", "sum", [({"env": "test"}, 1.0)])


def test_exemplars_lead_to_their_spans(registry, collect):
    ids = {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331", "user": "ada"}
    prometheus_client.Counter("orders", "", registry=registry).inc(2, exemplar=ids)
    histogram = prometheus_client.Histogram("latency", "", buckets=(1, 5), registry=registry)
    histogram.observe(0.5, {"trace_id": "no id"})
    histogram.observe(3, ids)
    found = collect()
    (exemplar,) = found["orders_total"].points[0].exemplars
    assert (exemplar.value, f"{exemplar.trace_id:032x}", f"{exemplar.span_id:016x}", exemplar.attributes) == (
        2,
        ids["trace_id"],
        ids["span_id"],
        {"user": "ada"},
    )
    first, second = found["latency"].points[0].exemplars
    assert (first.value, first.trace_id, first.span_id, first.attributes) == (0.5, 0, 0, None)
    assert (second.value, second.span_id) == (3, int(ids["span_id"], 16))


@pytest.mark.parametrize(
    ("words", "unit"),
    [("seconds", "s"), ("ratio", "1"), ("bytes_per_second", "By/s"), ("orders", "orders"), ("", "")],
)
def test_units_are_translated(registry, collect, words, unit):
    prometheus_client.Gauge("g", "", unit=words, registry=registry).set(1)
    assert [metric.unit for metric in collect().values()] == [unit]


def test_what_fails_or_is_not_finite_is_lost_alone_and_told(registry, clock):
    class Broken(Given):
        def collect(self):
            yield families.GaugeMetricFamily("before", "", 1)
            raise OSError

    registry.register(Broken())
    registry.register(Given("no family"))
    prometheus_client.Gauge("nan", "", registry=registry).set(float("nan"))
    prometheus_client.Gauge("after", "", registry=registry).set(2)
    lost = []
    found = collect_prometheus(RESOURCE, registry, clock=clock, lost=lambda *what: lost.append(what))
    assert [metric.name for metric in found] == ["before", "after"]
    assert sorted(lost) == [
        ("prometheus: collector failed", 1),
        ("prometheus: not finite", 1),
        ("prometheus: unreadable", 1),
    ]


def test_the_global_registry_is_read_when_there_is_one():
    names = {metric.name for metric in collect_prometheus(RESOURCE)}
    assert {"python_info", "process_cpu_seconds_total"} <= names


def test_prometheus_client_is_not_imported_for_it():
    script = (
        "import sys\n"
        "from traceo.metrics.prometheus import collect_prometheus\n"
        "from traceo.records import ResourceRecord\n"
        "print(collect_prometheus(ResourceRecord({})), 'prometheus_client' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] False"


def test_the_same_numbers_as_prometheus_shows(registry, collect):
    histogram = prometheus_client.Histogram("h", "", buckets=(1, 2, 3), registry=registry)
    for value in (0.5, 1.5, 2.5, 2.5, 9):
        histogram.observe(value)
    text = prometheus_client.generate_latest(registry).decode()
    ((point,),) = [metric.points for metric in collect().values()]
    below = 0
    for end, count in zip([*point.bounds, float("inf")], point.bucket_counts, strict=True):
        below += count
        label = "+Inf" if end == float("inf") else str(end)
        assert f'h_bucket{{le="{label}"}} {float(below)}' in text


def test_an_exemplar_that_is_not_finite_is_left_out(registry, collect):
    family = families.CounterMetricFamily("c", "")
    family.add_metric([], 1, exemplar=Exemplar({}, float("nan")))
    registry.register(Given(family))
    assert list(collect()["c_total"].points[0].exemplars) == []
