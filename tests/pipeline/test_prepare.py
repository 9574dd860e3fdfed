"""What goes with a batch besides its items, and what is left out of it under pressure."""

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from traceo.pipeline.prepare import prepare
from traceo.pipeline.shedding import Shed
from traceo.semconv import TRACEO_DROPPED


def resource_of(batch) -> dict:
    kind = ExportTraceServiceRequest if batch.signal == "traces" else ExportLogsServiceRequest
    message = kind.FromString(batch.payload)
    (group,) = message.resource_spans if batch.signal == "traces" else message.resource_logs
    return {item.key: item.value.int_value or item.value.string_value for item in group.resource.attributes}


def test_what_was_dropped_so_far_goes_with_the_resource_of_the_signal(assemble, make_span, make_log):
    dropped = {"traces": {"queue_full": 12, "refused_413": 1}, "logs": {}}
    items = [make_span(1), make_span(2), make_log()]
    prepared = prepare(items, assemble(), lambda *_: None, dropped=lambda signal: dropped[signal])
    traces, logs = prepared.batches
    assert resource_of(traces) == {
        "service.name": "test",
        f"{TRACEO_DROPPED}queue_full": 12,
        f"{TRACEO_DROPPED}refused_413": 1,
    }
    assert resource_of(logs) == {"service.name": "test"}


def test_the_resource_of_the_application_is_not_touched(assemble, make_span):
    span = make_span()
    resource, before = span.resource, dict(span.resource.attributes)
    prepare([span], assemble(), lambda *_: None, dropped=lambda _: {"exit": 1})
    assert resource.attributes == before


def test_traces_that_are_given_up_are_left_out_and_counted_and_errors_stay(assemble, make_span, clock):
    shed, drops = Shed(clock), []
    shed.press(9)
    bad = make_span(2, status_code=2)
    bad.trace_id = 77
    sibling = make_span(3)
    sibling.trace_id = 77
    prepared = prepare([make_span(1), bad, sibling], assemble(), lambda *drop: drops.append(drop), shed=shed)
    assert drops == [("traces", "queue_full", 1)]
    assert [span.span_id for span in prepared.spans] == [2, 3]


def test_an_error_is_remembered_before_there_is_any_pressure(assemble, make_span, clock):
    shed = Shed(clock)
    bad = make_span(2, status_code=2)
    bad.trace_id = 77
    prepare([bad], assemble(), lambda *_: None, shed=shed)
    shed.press(9)
    assert not shed.sheds(77)
