"""The promise itself: of whatever a record can hold, nothing that must not leave is in the encoded bytes."""

from itertools import count

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from traceo.exporters.otlp import encode_logs, encode_traces, records_left_out
from traceo.exporters.otlp_metrics import encode_metrics
from traceo.pipeline.prepare import prepare
from traceo.pipeline.scrub import Scrubber
from traceo.pipeline.scrub_metrics import MetricScrubber
from traceo.records import (
    EventRecord,
    ExemplarRecord,
    ExponentialPoint,
    HistogramPoint,
    LinkRecord,
    LogRecord,
    MetricRecord,
    NumberPoint,
    ResourceRecord,
    ScopeRecord,
    SpanRecord,
)
from traceo.redaction import Engine, Policy

CANARY = "canary"
# Ids are numbers made by us; the rest is never written by our encoder, which the test holds it to.
IDS = {"trace_id", "span_id", "parent_span_id"}
NOT_WRITTEN = {"Resource.entity_refs", "Metric.metadata", "Metric.summary"}


def canaries():
    number = count(1)
    return lambda: f"{CANARY}-{next(number)}@example.com"


def attributes(new):
    """A value of every kind that AnyValue has, and keys that are personal data themselves."""
    return {
        new(): new(),
        "text": f"mail to {new()} please",
        "bytes": new().encode(),
        "array": [new(), [new(), {"deep": new()}], 7, True, 1.5],
        "map": {"inner": new(), new(): new(), "more": {new(): [new()]}},
    }


def shared(new):
    resource = ResourceRecord(attributes(new), f"https://example.com/{new()}")
    return resource, ScopeRecord(new(), new(), f"https://example.com/{new()}", attributes(new))


def a_span(new):
    resource, scope = shared(new)
    return SpanRecord(
        resource=resource,
        scope=scope,
        trace_id=1,
        span_id=2,
        parent_span_id=3,
        trace_state=f"vendor={new()}",
        name=new(),
        attributes=attributes(new),
        events=[EventRecord(new(), 4, attributes(new))],
        links=[LinkRecord(5, 6, f"vendor={new()}", 0, attributes(new))],
        status_code=2,
        status_message=new(),
    )


def a_log(new, body):
    resource, scope = shared(new)
    return LogRecord(
        resource=resource,
        scope=scope,
        severity_text=new(),
        body=body,
        attributes=attributes(new),
        trace_id=1,
        span_id=2,
        event_name=new(),
    )


def metrics(new):
    """One metric of each kind, with an exemplar at each point."""
    shapes = {
        "gauge": NumberPoint(1, 2),
        "sum": NumberPoint(3, 4),
        "histogram": HistogramPoint(1, 5, sum=1.0, bucket_counts=[1, 0], bounds=[2.0]),
        "exponential_histogram": ExponentialPoint(1, 6, positive_counts=[1]),
    }
    resource, scope = shared(new)
    for kind, point in shapes.items():
        point.attributes = attributes(new)
        point.exemplars = [ExemplarRecord(1.5, 7, 8, 9, attributes(new))]
        yield MetricRecord(
            resource=resource,
            scope=scope,
            name=new(),
            kind=kind,
            description=new(),
            unit=new(),
            points=[point],
            temporality=2,
        )


def bodies(new):
    return [new(), new().encode(), [new()], {new(): new()}]


def texts(message: Message):
    """Every ``Message.field`` of the tree that holds text or bytes, with its value."""
    for field, value in message.ListFields():
        for item in [value] if not field.is_repeated else value:
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                yield from texts(item)
            elif field.type in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}:
                yield f"{field.containing_type.name}.{field.name}", item


def text_fields(descriptor: Descriptor, seen: set[str]):
    """Every ``Message.field`` that the schema allows to hold text or bytes."""
    if descriptor.full_name in seen:
        return
    seen.add(descriptor.full_name)
    for field in descriptor.fields:
        path = f"{descriptor.name}.{field.name}"
        if path in NOT_WRITTEN or field.name in IDS:
            continue
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            yield from text_fields(field.message_type, seen)
        elif field.type in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}:
            yield path


def has_canary(value) -> bool:
    return (value if isinstance(value, bytes) else value.encode()).lower().find(CANARY.encode()) >= 0


def export(spans, logs):
    traces, lines = ExportTraceServiceRequest(), ExportLogsServiceRequest()
    traces.ParseFromString(encode_traces(spans))
    lines.ParseFromString(encode_logs(logs))
    return [*texts(traces), *texts(lines)]


def export_metrics(records):
    request = ExportMetricsServiceRequest()
    request.ParseFromString(encode_metrics(records))
    return list(texts(request))


def scrubbed(records):
    """One collection through a scrubber of its own; nothing may fail in it."""
    engine = Engine(Policy.default())
    scrubber = MetricScrubber(Scrubber(engine), engine)
    failed = []
    for record in records:
        scrubber.add(record, failed.append)
    assert failed == []
    return scrubber.take()


@pytest.fixture
def records():
    new = canaries()
    return [a_span(new)], [a_log(new, body) for body in bodies(new)]


def test_the_canaries_reach_every_text_field_of_the_protocol(records):
    reached = {path for path, value in export(*records) if has_canary(value)}
    allowed = set(text_fields(ExportTraceServiceRequest.DESCRIPTOR, set()))
    allowed |= set(text_fields(ExportLogsServiceRequest.DESCRIPTOR, set()))
    assert reached == allowed


def test_no_canary_survives_in_any_field(records):
    scrubber = Scrubber(Engine(Policy.default()))
    spans, logs = records
    left = export([scrubber.span(span) for span in spans], [scrubber.log(log) for log in logs])
    assert [(path, value) for path, value in left if has_canary(value)] == []


def test_the_canaries_reach_every_text_field_of_metrics():
    reached = {path for path, value in export_metrics(list(metrics(canaries()))) if has_canary(value)}
    assert reached == set(text_fields(ExportMetricsServiceRequest.DESCRIPTOR, set()))


def test_no_canary_survives_in_any_field_of_metrics():
    left = export_metrics(scrubbed(list(metrics(canaries()))))
    assert len(left) > 100
    assert [(path, value) for path, value in left if has_canary(value)] == []


def test_the_metrics_that_a_provider_holds_are_not_touched():
    records = list(metrics(canaries()))
    before = export_metrics(records)
    scrubbed(records)
    assert export_metrics(records) == before


def test_what_a_record_shares_with_the_application_is_not_touched(records):
    scrubber = Scrubber(Engine(Policy.default()))
    spans, logs = records
    before = export(spans, logs)
    for span in spans:
        scrubber.span(copy(span))
    for log in logs:
        scrubber.log(log)
    assert export(spans, logs) == before


def copy(span):
    """Another record of the same attributes, events, links, resource and scope."""
    return SpanRecord(**{name: getattr(span, name) for name in dir(span) if not name.startswith("_")})


SAMPLED = "ot=th:c;rv:12345678901234"


def stated(state):
    """What of a trace state leaves, of a span and of its link."""
    resource, scope = ResourceRecord({}), ScopeRecord("s")
    span = SpanRecord(
        resource=resource, scope=scope, trace_id=1, span_id=2, trace_state=state,
        links=[LinkRecord(5, 6, state, 0, None)],
    )  # fmt: skip
    clean = Scrubber(Engine(Policy.default())).span(span)
    assert clean.links[0].trace_state == clean.trace_state
    return clean.trace_state


def test_what_clients_put_into_a_trace_state_is_redacted_and_what_sampling_says_stays():
    said = "shop=4111111111111111,iban=DE89370400440532013000,ssn=078-05-1120"
    assert stated(said) == "shop=[CREDIT_CARD],iban=[IBAN],ssn=[US_SSN]"
    assert stated(f"{SAMPLED},{said}") == f"{SAMPLED},shop=[CREDIT_CARD],iban=[IBAN],ssn=[US_SSN]"
    assert stated(f"{SAMPLED};x:ada@example.com") == f"{SAMPLED};x:[EMAIL]"
    assert stated("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7") == "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"


@given(st.from_regex(r"[0-9a-f]{1,14}", fullmatch=True), st.from_regex(r"[0-9a-f]{14}", fullmatch=True))
def test_no_entry_of_sampling_is_ever_changed(threshold, random):
    for state in (
        f"ot=th:{threshold}",
        f"ot=th:{threshold};rv:{random}",
        f"a=b,ot=rv:{random};th:{threshold}",
    ):
        assert stated(state) == state


def test_what_was_found_is_listed_by_place_and_rule():
    span = SpanRecord(
        resource=ResourceRecord({}),
        scope=ScopeRecord("shop"),
        trace_id=1,
        span_id=2,
        name="pay ada@example.com",
        attributes={"url.path": "/u/ada@example.com", "password": "hunter2"},
        events=[EventRecord("exception", 1, {"exception.message": "no ada@example.com"})],
    )
    clean = Scrubber(Engine(Policy.default())).span(span)
    assert clean.attributes == {
        "url.path": "/u/[EMAIL]",
        "password": "[PASSWORD]",
        "traceo.redacted": (
            "name=EMAIL",
            "events.0.attributes.exception.message=EMAIL",
            "attributes.url.path=EMAIL",
            "attributes.password=key:password",
        ),
    }
    assert clean.name == "pay [EMAIL]"


def test_a_clean_span_keeps_its_attributes_as_they_are():
    attributes = {"http.route": "/checkout", "n": 3}
    span = SpanRecord(
        resource=ResourceRecord({}), scope=ScopeRecord("s"), trace_id=1, span_id=2, attributes=attributes
    )
    assert Scrubber(Engine(Policy.default())).span(span).attributes is attributes


def test_a_resource_is_scrubbed_once_and_stays_one_object():
    scrubber = Scrubber(Engine(Policy.default()))
    resource, scope = ResourceRecord({"owner": "ada@example.com"}), ScopeRecord("s")
    first, second = (
        scrubber.span(SpanRecord(resource=resource, scope=scope, trace_id=1, span_id=n)) for n in (1, 2)
    )
    assert first.resource is second.resource
    assert first.scope is second.scope
    assert first.resource.attributes["owner"] == "[EMAIL]"


def test_a_secret_in_a_resource_is_masked_whatever_namespace_it_is_in():
    resource = ResourceRecord({"service.name": "shop", "service.api_key": "Hunter2walrus9"})
    clean, _ = Scrubber(Engine(Policy.default())).shared(resource, ScopeRecord("s"))
    assert clean.attributes == {
        "service.name": "shop",
        "service.api_key": "[API_KEY]",
        "traceo.redacted": ("resource.service.api_key=key:api_key",),
    }


class Broken:
    """An engine whose every answer is an exception, for the first `fails` records."""

    def __init__(self, fails: int) -> None:
        self.left = fails

    def attributes(self, attributes, path, found):
        if self.left:
            self.left -= 1
            raise RuntimeError
        return attributes

    def field(self, value, path, found):
        return value


def test_a_record_that_cannot_be_scrubbed_is_dropped_and_counted_and_the_others_go():
    resource, scope = ResourceRecord({}), ScopeRecord("s")
    spans = [
        SpanRecord(resource=resource, scope=scope, trace_id=1, span_id=n, attributes={"n": n})
        for n in (1, 2, 3)
    ]
    drops = []
    from traceo.exporters.memory import Memory
    from traceo.pipeline.prepare import Parts

    parts = Parts(
        snapshot=lambda span: span,
        scrubber=Scrubber(Broken(1)),
        encode_traces=encode_traces,
        encode_logs=encode_logs,
        left_out=records_left_out,
        route=Memory(),
        report=dict,
    )
    prepared = prepare(spans, parts, lambda *drop: drops.append(drop))
    assert drops == [("traces", "redaction_error", 1)]
    assert [span.span_id for span in prepared.spans] == [2, 3]
    assert [(batch.signal, batch.count) for batch in prepared.batches] == [("traces", 2)]
