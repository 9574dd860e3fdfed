"""The keys of sealed values on their way: ahead of what is sealed under them, and not lost before it."""

import os

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from traceo.exporters.memory import Memory
from traceo.exporters.otlp import encode_logs, encode_traces, records_left_out
from traceo.exporters.outcome import Outcome
from traceo.pipeline.fields import FieldSealer
from traceo.pipeline.prepare import Parts
from traceo.pipeline.scrub import Scrubber
from traceo.pipeline.worker import Pipeline
from traceo.records import ResourceRecord, ScopeRecord, SpanRecord
from traceo.redaction import Action, Engine, KeyRule, Policy
from traceo.sealing import PrivateKeys, RecipientSecret
from traceo.sealing.keyring import FieldKeys, RevealKeys, decode_rows
from traceo.sealing.pseudonym import Pseudonyms

RESOURCE, SCOPE = ResourceRecord({}), ScopeRecord("shop")
POLICY = Policy(keys=(KeyRule("user.email", Action.SEAL),), secret=bytes(32))
MiB = 1024 * 1024


class Gate(Memory):
    """A peer that is away until it opens; in which order it got what."""

    def __init__(self):
        super().__init__()
        self.is_open = True
        self.refuses = ""
        self.order = []

    def send(self, package):
        if not self.is_open:
            return Outcome.retry("away")
        if package.signal == self.refuses:
            return Outcome.refused("not taken", status=400)
        self.order.append(package.signal)
        return super().send(package)


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def holder():
    return RecipientSecret.generate()


@pytest.fixture
def start(gate, holder):
    made = []

    def begin(**settings):
        def assemble():
            engine = Engine(POLICY)
            keys = FieldKeys(lambda: [holder.recipient()])
            sealer = FieldSealer(POLICY, pseudonyms=Pseudonyms(bytes(32)), keys=keys)
            return Parts(
                snapshot=lambda span: span,
                scrubber=Scrubber(engine, sealer),
                encode_traces=encode_traces,
                encode_logs=encode_logs,
                left_out=records_left_out,
                route=gate,
                report=engine.report,
                wrapped_keys=sealer.drain,
            )

        made.append(Pipeline(assemble, **{"queue_bytes": 32 * MiB, "flush_every_s": 3600, **settings}))
        return made[-1]

    yield begin
    for pipeline in made:
        pipeline.shutdown(10)


def span(number, who="ada"):
    return SpanRecord(
        resource=RESOURCE,
        scope=SCOPE,
        trace_id=number,
        span_id=number,
        name="pay",
        attributes={"user.email": f"{who}@example.com", "enduser.id": who, "n": "x" * 2000},
    )


def test_keys_arrive_before_what_is_sealed_under_them_and_once(start, gate, holder):
    pipeline = start()
    for number in range(1, 4):
        pipeline.put_span(span(number))
        assert pipeline.flush(30)
    assert gate.order == ["keys", "traces", "traces", "traces"]
    rows = decode_rows(gate.payloads("keys")[0])
    assert len(rows) == 2
    first = ExportTraceServiceRequest.FromString(gate.payloads("traces")[0])
    sent = {
        pair.key: pair.value.string_value
        for pair in first.resource_spans[0].scope_spans[0].spans[0].attributes
    }
    reveal = RevealKeys(PrivateKeys([holder]), rows)
    assert reveal.open(sent["user.email.sealed"], attribute="user.email") == b"ada@example.com"
    assert str(pipeline.health.key_counts()) == "2 created, 2 delivered, 0 waiting, 0 dropped"


def test_keys_that_are_refused_are_counted(start, gate):
    gate.refuses = "keys"
    pipeline = start()
    pipeline.put_span(span(1))
    assert pipeline.flush(30)
    assert gate.order == ["traces"]
    assert pipeline.health.key_counts().dropped == {"refused_400": 2}


def test_no_keys_are_given_up_when_there_is_no_room_for_everything(start, gate, holder):
    gate.is_open = False
    pipeline = start(queue_bytes=MiB)
    for number in range(1, 2000):
        pipeline.put_span(span(number, who=os.urandom(200).hex()))
        if not number % 100:
            pipeline.flush(0.2)
    gate.is_open = True
    assert pipeline.flush(30)
    spans, _ = pipeline.balance()
    assert sum(spans.dropped.values()) > 0
    assert pipeline.health.key_counts().dropped == {}
    assert gate.order[0] == "keys"
