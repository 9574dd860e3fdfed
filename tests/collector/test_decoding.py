import json

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from traceo.collector.batch import Batch, Encoding, Media, Signal
from traceo.collector.receivers.decompress import decompress
from traceo.collector.receivers.opening import Opener
from traceo.collector.receivers.otlp import parse
from traceo.collector.store import arrow
from traceo.collector.store.rows import span_rows
from traceo.errors import EncodeError, OpenError
from traceo.sealing import KeySet

OPENER = Opener(KeySet.create().private_keys(), message_bytes=100_000)
SIGNALS = st.sampled_from(Signal)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "resourceSpans", "scopeSpans", "spans", "traceId", "spanId", "links", "events", "attributes", "key",
            "value", "kvlistValue", "arrayValue", "values", "intValue", "doubleValue", "bytesValue", "kind", "name",
            "startTimeUnixNano", "status", "code", "resource", "scope", "flags", "resourceLogs", "scopeLogs",
            "logRecords", "body", "severityNumber", "entityRefs",
        ]),
        inner,
        max_size=4,
    ),
    max_leaves=25,
)  # fmt: skip


@given(SIGNALS, st.sampled_from(Media), st.sampled_from(Encoding), st.binary(max_size=400))
@settings(max_examples=400)
def test_any_bytes_are_decoded_or_refused(signal, media, encoding, body):
    try:
        OPENER.open(Batch(signal, media, encoding, 0, body))
    except (EncodeError, OpenError):
        return


@given(SIGNALS, st.dictionaries(st.sampled_from(["resourceSpans", "resourceLogs"]), JSON_VALUES, max_size=2))
@settings(max_examples=300)
def test_any_json_is_decoded_or_refused(signal, tree):
    try:
        request = parse(json.dumps(tree).encode(), signal, Media.JSON)
    except EncodeError:
        return
    assert request.IsInitialized()


texts = st.text(max_size=8)
scalars = st.one_of(
    st.builds(lambda v: {"stringValue": v}, texts),
    st.builds(lambda v: {"boolValue": v}, st.booleans()),
    st.builds(lambda v: {"intValue": str(v)}, st.integers(-(2**63), 2**63 - 1)),
    st.builds(lambda v: {"doubleValue": v}, st.floats(allow_nan=False, allow_infinity=False)),
    st.just({}),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.builds(lambda v: {"arrayValue": {"values": v}}, st.lists(inner, max_size=3))
        | st.builds(
            lambda v: {"kvlistValue": {"values": [{"key": k, "value": x} for k, x in v.items()]}},
            st.dictionaries(texts, inner, max_size=3),
        )
    ),
    max_leaves=6,
)
spans = st.builds(
    lambda trace, span, name, attributes, start, took: {
        "traceId": trace.hex(),
        "spanId": span.hex(),
        "name": name,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(min(start + took, 2**64 - 1)),
        "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
    },
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=8, max_size=8),
    texts,
    st.dictionaries(texts, values, max_size=4),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**62),
)


@given(st.lists(spans, max_size=3))
@settings(max_examples=150)
def test_json_and_protobuf_of_one_request_make_the_same_rows_and_every_row_fits_the_table(given_spans):
    text = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": given_spans}]}]}).encode()
    from_json = parse(text, Signal.TRACES, Media.JSON)
    assert isinstance(from_json, ExportTraceServiceRequest)
    from_protobuf = parse(from_json.SerializeToString(), Signal.TRACES, Media.PROTOBUF)
    rows = list(span_rows(from_json))
    assert rows == list(span_rows(from_protobuf))
    whole = [s for s in given_spans if int(s["traceId"], 16) and int(s["spanId"], 16)]
    assert [row[:2] for row in rows] == [(s["traceId"], s["spanId"]) for s in whole]
    if rows:
        assert arrow.from_rows(Signal.TRACES, rows).num_rows == len(rows)
    for row in rows:
        for text in row[-5:]:
            json.loads(text)


def test_a_repeated_key_keeps_its_last_value(make):
    request = make.traces(make.span(attributes={"a": 1}))
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.attributes.add(key="a").value.int_value = 2
    ((*_, attributes, _events, _links, _redacted),) = span_rows(request)
    assert attributes == '{"a":2}'


def test_json_written_by_protobuf_itself_has_base64_ids_and_is_refused_rather_than_misread(make):
    text = json_format.MessageToJson(make.traces(make.span())).encode()
    with pytest.raises(EncodeError, match="Id is not hexadecimal"):
        parse(text, Signal.TRACES, Media.JSON)


@pytest.mark.parametrize("encoding", Encoding)
def test_nothing_grows_over_the_bound(encoding):
    import gzip

    from backports import zstd

    packed = {Encoding.IDENTITY: bytes, Encoding.GZIP: gzip.compress, Encoding.ZSTD: zstd.compress}[encoding]
    assert decompress(packed(bytes(1000)), encoding, limit=1000) == bytes(1000)
    with pytest.raises(EncodeError, match="larger than 999 bytes"):
        decompress(packed(bytes(1000)), encoding, limit=999)
    with pytest.raises(EncodeError, match="larger than 1500 bytes"):
        decompress(packed(bytes(1000)) + packed(bytes(1000)), encoding, limit=1500)
