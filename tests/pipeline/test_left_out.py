"""A record that the encoder leaves out is a drop, never a delivery."""

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from traceo.pipeline.health import Counts


def test_a_span_that_cannot_be_encoded_is_counted_as_dropped(pipeline, memory, make_span):
    for fields in ({}, {"status_code": "no number"}, {}):
        pipeline.put_span(make_span(**fields))
    assert pipeline.flush(10)
    (payload,) = memory.payloads("traces")
    spans = ExportTraceServiceRequest.FromString(payload).resource_spans[0].scope_spans[0].spans
    assert len(spans) == 2
    assert pipeline.balance()[0] == Counts(created=3, delivered=2, dropped={"encode_error": 1})


def test_a_batch_of_which_nothing_is_left_is_not_sent(pipeline, memory, make_log):
    pipeline.put_log(make_log(severity="loud"))
    assert pipeline.flush(10)
    assert memory.payloads("logs") == []
    assert pipeline.balance()[1] == Counts(created=1, dropped={"encode_error": 1})
