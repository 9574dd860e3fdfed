"""The encoder of metrics against opentelemetry-proto, and its two twins against each other."""

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

import traceo
from traceo import records as r
from traceo.exporters import otlp, otlp_metrics, wire

RESOURCE = r.ResourceRecord({"service.name": "shop"}, "https://opentelemetry.io/schemas/1.30.0")
SCOPE = r.ScopeRecord("web", "1.2")


def plain_python():
    """``otlp_metrics.py`` itself, whatever stands in its place."""
    path = Path(traceo.__file__).parent / "exporters" / "otlp_metrics.py"
    spec = importlib.util.spec_from_file_location("otlp_metrics_in_plain_python", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PURE = plain_python()


def both(metrics):
    """The bytes and how many points were left out, the same from both twins."""
    before = otlp.records_left_out()
    data = otlp_metrics.encode_metrics(metrics)
    lost = otlp.records_left_out() - before
    before = wire.losses.records
    assert PURE.encode_metrics(metrics) == data
    assert wire.losses.records - before == lost
    return data, lost


# --- the oracle: protobuf objects


def number(value, as_double, as_int):
    return (
        {as_int: value} if isinstance(value, int) and -(1 << 63) <= value < (1 << 63) else {as_double: value}
    )


def pairs(attributes):
    def value(item):
        kinds = {bool: "bool_value", int: "int_value", str: "string_value", float: "double_value"}
        return AnyValue(**{kinds[type(item)]: item})

    return [KeyValue(key=key, value=value(item)) for key, item in (attributes or {}).items()]


def exemplar(record):
    return pb.Exemplar(
        filtered_attributes=pairs(record.attributes),
        time_unix_nano=record.time_ns,
        span_id=record.span_id.to_bytes(8, "big") if record.span_id else b"",
        trace_id=record.trace_id.to_bytes(16, "big") if record.trace_id else b"",
        **number(record.value, "as_double", "as_int"),
    )


def shared(point):
    return {
        "attributes": pairs(point.attributes),
        "start_time_unix_nano": point.start_ns,
        "time_unix_nano": point.time_ns,
        "exemplars": [exemplar(record) for record in point.exemplars],
        "flags": point.flags,
    }


def number_point(point):
    return pb.NumberDataPoint(**shared(point), **number(point.value, "as_double", "as_int"))


def histogram_point(point):
    return pb.HistogramDataPoint(
        **shared(point),
        count=point.count,
        sum=point.sum,
        min=point.min,
        max=point.max,
        bucket_counts=point.bucket_counts,
        explicit_bounds=point.bounds,
    )


def exponential_point(point):
    def buckets(offset, counts):
        if not offset and not counts:
            return None
        return pb.ExponentialHistogramDataPoint.Buckets(offset=offset, bucket_counts=counts)

    return pb.ExponentialHistogramDataPoint(
        **shared(point),
        count=point.count,
        sum=point.sum,
        min=point.min,
        max=point.max,
        scale=point.scale,
        zero_count=point.zero_count,
        zero_threshold=point.zero_threshold,
        positive=buckets(point.positive_offset, point.positive_counts),
        negative=buckets(point.negative_offset, point.negative_counts),
    )


def expected(record):
    metric = pb.Metric(name=record.name, description=record.description, unit=record.unit)
    temporality = {"aggregation_temporality": record.temporality}
    if record.kind == "gauge":
        metric.gauge.CopyFrom(pb.Gauge(data_points=map(number_point, record.points)))
    elif record.kind == "sum":
        points = map(number_point, record.points)
        metric.sum.CopyFrom(pb.Sum(data_points=points, is_monotonic=record.is_monotonic, **temporality))
    elif record.kind == "histogram":
        metric.histogram.CopyFrom(
            pb.Histogram(data_points=map(histogram_point, record.points), **temporality)
        )
    else:
        points = map(exponential_point, record.points)
        metric.exponential_histogram.CopyFrom(pb.ExponentialHistogram(data_points=points, **temporality))
    return metric


def expected_request(*records):
    return ExportMetricsServiceRequest(
        resource_metrics=[
            pb.ResourceMetrics(
                resource=Resource(attributes=pairs(RESOURCE.attributes)),
                schema_url=RESOURCE.schema_url,
                scope_metrics=[
                    pb.ScopeMetrics(
                        scope=InstrumentationScope(name=SCOPE.name, version=SCOPE.version),
                        metrics=[expected(record) for record in records],
                    )
                ],
            )
        ]
    ).SerializeToString(deterministic=True)


# --- what is encoded

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
nanos = counts = st.integers(0, 2**64 - 1)
flags = st.integers(0, 2**32 - 1)
small = st.integers(-(2**31), 2**31 - 1)
numbers = st.floats() | st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 0.0, -0.0, 2**63, -(2**70), 1])
optional = st.none() | st.floats() | st.just(0.0)
attributes = st.none() | st.dictionaries(
    texts, texts | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(), max_size=3
)
exemplars = st.lists(
    st.builds(
        r.ExemplarRecord, numbers, nanos, st.integers(0, 2**128 - 1), st.integers(0, 2**64 - 1), attributes
    ),
    max_size=2,
)
common = {"exemplars": exemplars, "flags": flags}
spread = {"sum": optional, "min": optional, "max": optional}
many = st.lists(counts, max_size=40)
number_points = st.builds(r.NumberPoint, numbers, nanos, nanos, attributes, **common)
histogram_points = st.builds(
    r.HistogramPoint,
    counts,
    nanos,
    nanos,
    attributes,
    **common,
    **spread,
    bucket_counts=many,
    bounds=st.lists(st.floats(), max_size=40),
)
exponential_points = st.builds(
    r.ExponentialPoint,
    counts,
    nanos,
    nanos,
    attributes,
    **common,
    **spread,
    scale=small,
    zero_count=counts,
    zero_threshold=st.floats() | st.sampled_from([0.0, -0.0]),
    positive_offset=small,
    positive_counts=many,
    negative_offset=small,
    negative_counts=many,
)


def metrics_of(kind, points):
    return st.builds(
        r.MetricRecord,
        resource=st.just(RESOURCE),
        scope=st.just(SCOPE),
        kind=st.just(kind),
        name=texts,
        description=texts,
        unit=texts,
        points=st.lists(points, max_size=3),
        temporality=st.integers(0, 2),
        is_monotonic=st.booleans(),
    )


metrics = (
    metrics_of("gauge", number_points)
    | metrics_of("sum", number_points)
    | metrics_of("histogram", histogram_points)
    | metrics_of("exponential_histogram", exponential_points)
)


@settings(max_examples=300)
@given(metrics)
def test_every_field_of_a_metric_arrives_and_the_bytes_are_protobufs_own(record):
    data, lost = both([record])
    assert (data, lost) == (expected_request(record), 0)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 2047, 2048, 2049])
def test_lengths_at_the_edges_of_a_varint_are_right(size):
    record = a_metric("histogram", r.HistogramPoint(1, 2, bucket_counts=[1] * size, bounds=[0.5] * size))
    assert both([record]) == (expected_request(record), 0)


def a_metric(kind, *points, **fields):
    return r.MetricRecord(resource=RESOURCE, scope=SCOPE, name="m", kind=kind, points=points, **fields)


def test_metrics_are_grouped_by_identity_of_resource_and_scope():
    other = r.ResourceRecord({"service.name": "other"})
    records = [
        a_metric("gauge", r.NumberPoint(1, 1)),
        r.MetricRecord(resource=other, scope=SCOPE, name="o", kind="gauge"),
        a_metric("sum", r.NumberPoint(2, 1)),
    ]
    request = ExportMetricsServiceRequest.FromString(both(records)[0])
    assert [
        [metric.name for scope in resource.scope_metrics for metric in scope.metrics]
        for resource in request.resource_metrics
    ] == [["m", "m"], ["o"]]


@pytest.mark.parametrize(
    "broken",
    [
        r.NumberPoint("many", 1),
        r.NumberPoint(None, 1),
        r.NumberPoint(10**400, 1),
        r.NumberPoint(1, "now"),
        r.NumberPoint(1, 1, exemplars=[object()]),
        r.HistogramPoint(1, 1),
        None,
    ],
)
def test_a_point_that_cannot_be_encoded_is_left_out_alone_and_counted(broken):
    data, lost = both([a_metric("gauge", r.NumberPoint(1, 1), broken, r.NumberPoint(3, 1))])
    assert lost == 1
    assert data == expected_request(a_metric("gauge", r.NumberPoint(1, 1), r.NumberPoint(3, 1)))


@pytest.mark.parametrize("broken", [a_metric("meter"), a_metric("gauge", unit=5)])
def test_a_metric_that_is_none_is_left_out_and_counted(broken):
    data, lost = both([broken, a_metric("gauge")])
    assert (data, lost) == (expected_request(a_metric("gauge")), 1)


def test_an_attribute_that_cannot_be_encoded_is_replaced_and_keeps_its_point():
    data, lost = both([a_metric("gauge", r.NumberPoint(1, 1, attributes={"what": object()}))])
    request = ExportMetricsServiceRequest.FromString(data)
    (point,) = request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points
    assert (point.attributes[0].value.string_value, lost) == (otlp.UNENCODABLE, 0)


def test_the_stock_exporter_of_opentelemetry_encodes_the_same_message():
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.resources import Resource as SdkResource

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], SdkResource({"service.name": "shop"}), shutdown_on_exit=False)
    meter = provider.get_meter("web", "1.2")
    meter.create_counter("orders", "1", "Orders").add(3, {"kind": "book"})
    meter.create_histogram("wait", "s", explicit_bucket_boundaries_advisory=[1.0, 2.0]).record(1.5)
    data = reader.get_metrics_data()
    provider.shutdown()
    resource = r.ResourceRecord({"service.name": "shop"})
    scope = r.ScopeRecord("web", "1.2")
    (orders, wait) = data.resource_metrics[0].scope_metrics[0].metrics
    (order,), (waited,) = orders.data.data_points, wait.data.data_points
    records = [
        r.MetricRecord(
            resource=resource,
            scope=scope,
            name="orders",
            unit="1",
            description="Orders",
            kind="sum",
            is_monotonic=True,
            temporality=2,
            points=[r.NumberPoint(3, order.time_unix_nano, order.start_time_unix_nano, {"kind": "book"})],
        ),
        r.MetricRecord(
            resource=resource,
            scope=scope,
            name="wait",
            unit="s",
            kind="histogram",
            temporality=2,
            points=[
                r.HistogramPoint(
                    1,
                    waited.time_unix_nano,
                    waited.start_time_unix_nano,
                    sum=1.5,
                    min=1.5,
                    max=1.5,
                    bucket_counts=[0, 1, 0],
                    bounds=[1.0, 2.0],
                )
            ],
        ),
    ]
    assert ExportMetricsServiceRequest.FromString(both(records)[0]) == encode_metrics(data)
