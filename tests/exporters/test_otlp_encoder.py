"""The encoder against opentelemetry-proto, and its two twins against each other."""

import importlib.util
from collections.abc import Mapping, Sequence
from enum import IntEnum
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

import traceo
from traceo import records as r
from traceo.exporters import otlp


def plain_python():
    """``otlp.py`` itself, whatever stands in its place."""
    path = Path(traceo.__file__).parent / "exporters" / "otlp.py"
    spec = importlib.util.spec_from_file_location("otlp_in_plain_python", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PURE = plain_python()
RESOURCE = r.ResourceRecord({"service.name": "shop"}, "https://opentelemetry.io/schemas/1.30.0")
SCOPE = r.ScopeRecord("web", "1.2", "", {"kind": "test"})


def a_span(**fields):
    return r.SpanRecord(**{"resource": RESOURCE, "scope": SCOPE, "trace_id": 1, "span_id": 2, **fields})


def a_log(**fields):
    return r.LogRecord(**{"resource": RESOURCE, "scope": SCOPE, **fields})


def both(encode: str, items):
    """The bytes and the failures counted, the same from both twins."""

    def encoded(twin):
        before = twin.encode_failures(), twin.records_left_out()
        data = getattr(twin, encode)(items)
        return data, twin.encode_failures() - before[0], twin.records_left_out() - before[1]

    ours = encoded(otlp)
    assert ours == encoded(PURE)
    return ours[:2]


def only_span(**fields):
    data, counted = both("encode_traces", [a_span(**fields)])
    request = ExportTraceServiceRequest.FromString(data)
    return request.resource_spans[0].scope_spans[0].spans[0], counted


def whole(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def expected(value) -> AnyValue:
    """The oracle: the protobuf objects this value should become."""
    if value is None:
        return AnyValue()
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        fits = -(1 << 63) <= value < (1 << 63)
        return AnyValue(int_value=value) if fits else AnyValue(string_value=str(value))
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=whole(value))
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    if isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=expected_pairs(value)))
    return AnyValue(array_value=ArrayValue(values=[expected(item) for item in value]))


def expected_pairs(attributes):
    return [KeyValue(key=whole(key), value=expected(value)) for key, value in attributes.items()]


def wire(messages) -> list[bytes]:
    """Bytes compare where NaN would not."""
    return [message.SerializeToString(deterministic=True) for message in messages]


texts = st.text(max_size=200) | st.text(st.characters(categories=["Cs", "L"]), max_size=20)
ints = st.integers() | st.sampled_from(
    [0, -1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 127, 128, 2**14]
)
scalars = st.none() | st.booleans() | ints | st.floats() | texts | st.binary(max_size=200)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(texts, inner, max_size=4)
    ),
    max_leaves=12,
)
attributes = st.none() | st.dictionaries(texts, values, max_size=6)
nanos = st.integers(0, 2**64 - 1)
counts = st.integers(0, 2**32 - 1)
trace_ids, span_ids = st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1)
events = st.builds(r.EventRecord, texts, nanos, attributes, counts)
links = st.builds(r.LinkRecord, trace_ids, span_ids, texts, counts, attributes, counts)
spans = st.builds(
    a_span,
    trace_id=trace_ids,
    span_id=span_ids,
    parent_span_id=st.just(0) | span_ids,
    trace_state=texts,
    flags=counts,
    name=texts,
    kind=st.integers(0, 5),
    start_ns=nanos,
    end_ns=nanos,
    attributes=attributes,
    dropped_attributes=counts,
    events=st.lists(events, max_size=3),
    dropped_events=counts,
    links=st.lists(links, max_size=3),
    dropped_links=counts,
    status_code=st.integers(0, 2),
    status_message=texts,
)
logs = st.builds(
    a_log,
    time_ns=nanos,
    observed_ns=nanos,
    severity=st.integers(0, 24),
    severity_text=texts,
    body=values,
    attributes=attributes,
    dropped_attributes=counts,
    trace_id=st.just(0) | trace_ids,
    span_id=st.just(0) | span_ids,
    flags=counts,
    event_name=texts,
)


@settings(max_examples=250)
@given(attributes)
def test_any_attributes_read_back_as_the_protobuf_objects_they_mean(given_attributes):
    span, _ = only_span(attributes=given_attributes)
    assert wire(span.attributes) == wire(expected_pairs(given_attributes or {}))


@settings(max_examples=150)
@given(spans)
def test_every_field_of_a_span_arrives_and_the_bytes_are_protobufs_own(record):
    data, _ = both("encode_traces", [record])
    request = ExportTraceServiceRequest.FromString(data)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    assert request.SerializeToString(deterministic=True) == data
    assert (span.trace_id, span.span_id) == (
        record.trace_id.to_bytes(16, "big"),
        record.span_id.to_bytes(8, "big"),
    )
    assert span.parent_span_id == (record.parent_span_id.to_bytes(8, "big") if record.parent_span_id else b"")
    assert (span.name, span.trace_state, span.kind) == (
        whole(record.name),
        whole(record.trace_state),
        record.kind,
    )
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (record.start_ns, record.end_ns)
    assert (span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count) == (
        record.dropped_attributes,
        record.dropped_events,
        record.dropped_links,
    )
    assert (span.status.code, span.status.message) == (record.status_code, whole(record.status_message))
    assert span.flags == record.flags
    for event, kept in zip(span.events, record.events, strict=True):
        assert (event.name, event.time_unix_nano) == (whole(kept.name), kept.time_ns)
        assert event.dropped_attributes_count == kept.dropped_attributes
        assert wire(event.attributes) == wire(expected_pairs(kept.attributes or {}))
    for link, kept in zip(span.links, record.links, strict=True):
        assert link.trace_id == kept.trace_id.to_bytes(16, "big")
        assert link.span_id == kept.span_id.to_bytes(8, "big")
        assert (link.trace_state, link.flags) == (whole(kept.trace_state), kept.flags)
        assert link.dropped_attributes_count == kept.dropped_attributes
        assert wire(link.attributes) == wire(expected_pairs(kept.attributes or {}))


@settings(max_examples=150)
@given(logs)
def test_every_field_of_a_log_arrives_and_the_bytes_are_protobufs_own(record):
    data, _ = both("encode_logs", [record])
    request = ExportLogsServiceRequest.FromString(data)
    log = request.resource_logs[0].scope_logs[0].log_records[0]
    assert request.SerializeToString(deterministic=True) == data
    assert (log.time_unix_nano, log.observed_time_unix_nano) == (record.time_ns, record.observed_ns)
    assert (log.severity_number, log.severity_text) == (record.severity, whole(record.severity_text))
    assert wire([log.body]) == wire([expected(record.body)])
    assert wire(log.attributes) == wire(expected_pairs(record.attributes or {}))
    assert log.trace_id == (record.trace_id.to_bytes(16, "big") if record.trace_id else b"")
    assert log.span_id == (record.span_id.to_bytes(8, "big") if record.span_id else b"")
    assert (log.flags, log.event_name) == (record.flags, whole(record.event_name))
    assert log.dropped_attributes_count == record.dropped_attributes


@pytest.mark.parametrize(
    "size", [0, 1, 123, 124, 125, 126, 127, 128, 129, 16_381, 16_384, 2_097_152, 3_000_000]
)
def test_lengths_at_the_edges_of_a_varint_are_right(size):
    span, counted = only_span(name="n" * size, attributes={"k" * size: "v" * size, "list": ["x" * size]})
    assert span.name == "n" * size
    assert [(pair.key, pair.value) for pair in span.attributes] == [
        ("k" * size, AnyValue(string_value="v" * size)),
        ("list", expected(["x" * size])),
    ]
    assert counted == 0


def test_spans_are_grouped_by_identity_of_resource_and_scope_in_order_of_appearance():
    other_resource = r.ResourceRecord({"service.name": "shop"})
    other_scope = r.ScopeRecord("web", "1.2")
    items = [
        a_span(name="a"),
        a_span(name="b", scope=other_scope),
        a_span(name="c", resource=other_resource),
        a_span(name="d"),
    ]
    data, _ = both("encode_traces", items)
    request = ExportTraceServiceRequest.FromString(data)
    assert [
        [[s.name for s in scope.spans] for scope in res.scope_spans] for res in request.resource_spans
    ] == [
        [["a", "d"], ["b"]],
        [["c"]],
    ]
    assert request.resource_spans[0].schema_url == RESOURCE.schema_url
    assert request.resource_spans[0].scope_spans[0].scope.name == "web"


def test_nothing_gives_an_empty_request():
    assert both("encode_traces", []) == (b"", 0)
    assert both("encode_logs", []) == (b"", 0)


class Colour(IntEnum):
    RED = 3


class Raising(Mapping):
    def __getitem__(self, key):
        raise RuntimeError

    def __iter__(self):
        yield "first"
        raise RuntimeError

    def __len__(self):
        return 1


class RaisingList(Sequence):
    def __getitem__(self, index):
        raise RuntimeError

    def __len__(self):
        return 3


class Hostile:
    def __str__(self):
        raise RuntimeError

    __repr__ = __str__


@pytest.mark.parametrize(
    "value",
    [object(), Hostile(), Raising(), RaisingList(), 10**5000, -(10**5000), {1, 2}, 1j, range, print],
    ids=lambda v: type(v).__name__,
)
def test_a_value_that_cannot_be_encoded_is_replaced_and_counted(value):
    span, counted = only_span(attributes={"before": 1, "bad": value, "nested": [1, value], "after": 2})
    marker = AnyValue(string_value=otlp.UNENCODABLE)
    by_key = {pair.key: pair.value for pair in span.attributes}
    assert (by_key["before"], by_key["bad"], by_key["after"]) == (expected(1), marker, expected(2))
    assert by_key["nested"] == AnyValue(array_value=ArrayValue(values=[expected(1), marker]))
    assert counted == 2


def test_subclasses_of_plain_types_are_encoded_as_their_plain_value():
    class Text(str):
        __slots__ = ()

    span, counted = only_span(attributes={Text("key"): Text("value"), "int": Colour.RED, "range": range(2)})
    assert [(pair.key, pair.value) for pair in span.attributes] == [
        ("key", AnyValue(string_value="value")),
        ("int", AnyValue(int_value=3)),
        ("range", expected([0, 1])),
    ]
    assert counted == 0


def test_a_key_that_is_no_string_is_replaced_and_counted():
    span, counted = only_span(attributes={5: "x", "map": {None: 1}})
    assert [pair.key for pair in span.attributes] == [otlp.UNENCODABLE, "map"]
    assert counted == 2


def test_a_key_with_a_lone_surrogate_is_counted_once_whatever_its_value():
    for value in (-1, 1, "x", True, 1.5, None, [1]):
        span, counted = only_span(attributes={"k\ud800": value})
        assert ([pair.key for pair in span.attributes], counted) == (["k\ufffd"], 1)


def test_a_list_that_contains_itself_ends_where_parsers_would_refuse_it():
    endless: list = ["x"]
    endless.append(endless)
    tree: dict = {}
    tree["again"] = tree
    span, counted = only_span(attributes={"list": endless, "map": tree})
    assert counted == 2
    assert len(span.attributes) == 2


def test_attributes_that_cannot_be_read_cost_no_span():
    span, counted = only_span(name="kept", attributes=Raising())
    assert (span.name, list(span.attributes), counted) == ("kept", [], 1)


@pytest.mark.parametrize(
    "broken", [{"name": 5}, {"start_ns": 1.5}, {"trace_id": "x"}, {"events": 7}, {"kind": "server"}]
)
def test_a_record_with_a_field_of_another_type_is_left_out_and_counted(broken):
    before = otlp.records_left_out()
    data, counted = both("encode_traces", [a_span(name="a"), a_span(**broken), a_span(name="z")])
    assert otlp.records_left_out() > before
    spans_read = ExportTraceServiceRequest.FromString(data).resource_spans[0].scope_spans[0].spans
    assert ([span.name for span in spans_read], counted) == (["a", "z"], 1)


def test_ids_and_numbers_beyond_their_size_wrap_instead_of_raising():
    span, counted = only_span(trace_id=2**128 + 5, span_id=-1, start_ns=2**64 + 7, dropped_events=2**32 + 9)
    assert (span.trace_id, span.span_id) == ((5).to_bytes(16, "big"), b"\xff" * 8)
    assert (span.start_time_unix_nano, span.dropped_events_count, counted) == (7, 9, 0)


def test_the_stock_exporter_of_opentelemetry_encodes_the_same_message():
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    from traceo.tracing import Resource, TracerProvider, snapshot

    ended = []
    resource = Resource({"service.name": "shop"}, "https://schema")
    tracer = TracerProvider(sink=ended.append, resource=resource, shutdown_on_exit=False).get_tracer(
        "web", "1", "https://scope"
    )
    with (
        tracer.start_as_current_span(
            "parent", attributes={"a": [1, "x", None], "b": {"c": b"\x00"}}
        ) as parent,
        tracer.start_as_current_span("child", links=[]) as child,
    ):
        child.add_event("happened", {"x": 1.5})
        child.add_link(parent.get_span_context(), {"why": "because"})
        child.set_status(__import__("opentelemetry").trace.StatusCode.ERROR, "no")
    theirs = encode_spans(ended)
    ours = ExportTraceServiceRequest.FromString(otlp.encode_traces([snapshot(span) for span in ended]))
    for request in (theirs, ours):
        for span in request.resource_spans[0].scope_spans[0].spans:
            span.flags &= ~0xFF  # they leave the trace flags out
            for link in span.links:
                link.flags &= ~0xFF
    assert ours == theirs
