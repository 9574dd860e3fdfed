import pytest

from traceo.exporters.memory import Memory
from traceo.exporters.otlp import encode_logs, encode_traces, records_left_out
from traceo.pipeline.prepare import Parts
from traceo.pipeline.scrub import Scrubber
from traceo.pipeline.worker import Pipeline
from traceo.records import LogRecord, ResourceRecord, ScopeRecord, SpanRecord
from traceo.redaction import Engine, Policy

RESOURCE, SCOPE = ResourceRecord({"service.name": "test"}), ScopeRecord("test")
MiB = 1024 * 1024


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
def assemble(memory):
    """The real parts, with batches that stay in memory."""

    def parts() -> Parts:
        engine = Engine(Policy.default())
        return Parts(
            snapshot=lambda span: span,
            scrubber=Scrubber(engine),
            encode_traces=encode_traces,
            encode_logs=encode_logs,
            left_out=records_left_out,
            route=memory,
            report=engine.report,
        )

    return parts


@pytest.fixture
def pipeline(assemble):
    """A pipeline that delivers into `memory`, and only when asked to."""
    made = Pipeline(assemble, queue_bytes=32 * MiB, flush_every_s=3600)
    yield made
    made.shutdown(10)


@pytest.fixture
def make_span():
    def make(number: int = 1, **fields) -> SpanRecord:
        return SpanRecord(
            resource=RESOURCE,
            scope=SCOPE,
            trace_id=1,
            span_id=number,
            name="work",
            start_ns=1,
            end_ns=2,
            **fields,
        )

    return make


@pytest.fixture
def make_log():
    def make(body="hello", **fields) -> LogRecord:
        return LogRecord(resource=RESOURCE, scope=SCOPE, body=body, **fields)

    return make
