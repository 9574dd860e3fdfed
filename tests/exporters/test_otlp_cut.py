"""Cutting encoded requests gives what encoding the rest would have given; the encoder is the oracle."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from traceo.exporters.otlp import encode_logs, encode_traces
from traceo.exporters.otlp_cut import cut, halves, identity_of
from traceo.exporters.otlp_metrics import encode_metrics
from traceo.records import (
    EventRecord,
    LogRecord,
    MetricRecord,
    NumberPoint,
    ResourceRecord,
    ScopeRecord,
    SpanRecord,
)

RESOURCES = [
    ResourceRecord({"service.name": "shop", "n": 3}, "https://schemas.example/1"),
    ResourceRecord({"service.name": "x" * 300}),
]
SCOPES = [ScopeRecord("a", "1", "https://schemas.example/2", {"k": "v"}), ScopeRecord("")]

places = st.tuples(st.sampled_from(RESOURCES), st.sampled_from(SCOPES))
spans = st.builds(
    lambda place, trace_id, text, status, events: SpanRecord(
        resource=place[0],
        scope=place[1],
        trace_id=trace_id,
        span_id=9,
        name=text,
        start_ns=1,
        end_ns=2**60,
        attributes={"text": text * 30, "flag": True, "share": 0.5},
        status_code=status,
        status_message=text,
        flags=0x101,
        events=[EventRecord("e", 5, {"k": 1})] * events,
    ),
    places,
    st.integers(0, 2**128 - 1),
    st.text(max_size=20),
    st.integers(0, 2),
    st.integers(0, 2),
)
logs = st.builds(
    lambda place, trace_id, time_ns, observed_ns, severity, body: LogRecord(
        resource=place[0],
        scope=place[1],
        trace_id=trace_id,
        time_ns=time_ns,
        observed_ns=observed_ns,
        severity=severity,
        body=body,
        attributes={"k": body},
        flags=1,
    ),
    places,
    st.one_of(st.just(0), st.integers(1, 2**128 - 1)),
    st.integers(0, 2**63),
    st.integers(0, 2**63),
    st.integers(0, 24),
    st.text(max_size=200),
)


@settings(max_examples=100)
@given(st.lists(spans, max_size=8), st.integers(0, 255))
def test_a_cut_request_is_what_encoding_the_rest_gives(records, wanted):
    keeps = [bool(wanted >> number & 1) for number in range(len(records))]
    order = [record for place in _grouped(records) for record in place]
    kept = [record for record, keep in zip(order, keeps, strict=True) if keep]
    flags = iter(keeps)
    assert cut(encode_traces(records), lambda _: next(flags)) == (encode_traces(kept), len(kept))


def _grouped(records):
    groups = {}
    for record in records:
        groups.setdefault(id(record.resource), {}).setdefault(id(record.scope), []).append(record)
    return [scope for scopes in groups.values() for scope in scopes.values()]


@settings(max_examples=60)
@given(st.lists(spans, min_size=1, max_size=9))
def test_two_halves_hold_everything_once(records):
    first, second = halves(encode_traces(records), len(records))
    order = [record for place in _grouped(records) for record in place]
    middle = len(records) // 2
    assert (first, second) == (encode_traces(order[:middle]), encode_traces(order[middle:]))


@settings(max_examples=60)
@given(st.lists(logs, max_size=6))
def test_log_lines_have_their_traces_or_their_time_for_an_id(records):
    seen = []
    cut(encode_logs(records), lambda item: seen.append(identity_of(item, "logs")) or True)
    order = [record for place in _grouped(records) for record in place]
    assert seen == [
        (record.trace_id or record.time_ns or record.observed_ns, record.severity >= 17) for record in order
    ]


@given(st.lists(spans, max_size=4))
def test_spans_have_their_traces(records):
    seen = []
    cut(encode_traces(records), lambda item: seen.append(identity_of(item, "traces")[0]) or True)
    assert seen == [record.trace_id for place in _grouped(records) for record in place]


@given(st.binary(max_size=100))
def test_what_is_no_request_is_refused_or_cut_but_ends(data):
    try:
        cut(data, lambda _: True)
    except (ValueError, IndexError):
        return


def test_what_is_no_request_says_so():
    with pytest.raises(ValueError, match="not an OTLP request"):
        cut(b"\x12\x00", lambda _: True)


def a_metric(name, points):
    return MetricRecord(
        resource=RESOURCES[0],
        scope=SCOPES[0],
        name=name,
        kind="sum",
        description="what",
        unit="1",
        temporality=2,
        is_monotonic=True,
        points=[NumberPoint(n, 1, 0, {"n": n}) for n in range(points)],
    )


@given(st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_halves_of_metrics_are_halves_of_their_points_and_each_says_what_they_are(sizes):
    payload = encode_metrics([a_metric(f"m{number}", size) for number, size in enumerate(sizes)])
    parts = [ExportMetricsServiceRequest.FromString(half) for half in halves(payload, sum(sizes), "metrics")]
    seen = []
    for part in parts:
        for group in part.resource_metrics:
            assert group.resource.attributes[0].key == "service.name"
            for metric in group.scope_metrics[0].metrics:
                assert (metric.description, metric.unit) == ("what", "1")
                assert (metric.sum.aggregation_temporality, metric.sum.is_monotonic) == (2, True)
                seen += [(metric.name, point.as_int) for point in metric.sum.data_points]
    assert seen == [(f"m{number}", n) for number, size in enumerate(sizes) for n in range(size)]
    first = sum(
        len(metric.sum.data_points)
        for group in parts[0].resource_metrics
        for metric in group.scope_metrics[0].metrics
    )
    assert first == sum(sizes) // 2
