"""A pytest plugin: what your code records, after redaction, as plain values.

Put ``pytest_plugins = ["traceo.testing"]`` in ``conftest.py``, then::

    def test_a_payment_is_recorded(capture):
        pay(7)
        assert [span["name"] for span in capture.spans] == ["pay"]

Everything is real up to the encoder: provider, queue, pipeline thread, redaction. Only the clock, the ids
and the destination are made for tests.
"""

from collections.abc import Iterator, Sequence

import pytest
from opentelemetry import trace

from traceo import spans as _spans
from traceo.exporters.memory import Memory
from traceo.exporters.otlp import encode_logs, encode_traces, records_left_out
from traceo.pipeline.prepare import Parts
from traceo.pipeline.scrub import Scrubber
from traceo.pipeline.worker import Pipeline
from traceo.records import AnyValue, Attributes, LogRecord, SpanRecord
from traceo.redaction import Engine, Policy
from traceo.startup import tap_logging
from traceo.tracing import Resource, TracerProvider, snapshot

__all__ = ["Capture", "FakeClock", "FakeIds", "capture"]

_FLUSH_S = 10.0
_STATUS = ("unset", "ok", "error")
_KINDS = ("", "internal", "server", "client", "producer", "consumer")


class FakeClock:
    """Unix nanoseconds that advance by one millisecond each time they are read."""

    def __init__(self, start_ns: int = 1_700_000_000_000_000_000, step_ns: int = 1_000_000) -> None:
        self.now_ns = start_ns
        self.step_ns = step_ns

    def __call__(self) -> int:
        """The time, then a step."""
        now = self.now_ns
        self.now_ns += self.step_ns
        return now


class FakeIds:
    """Ids 1, 2, 3 …, for traces and spans separately: OpenTelemetry's id generator interface."""

    def __init__(self) -> None:
        self._traces = 0
        self._spans = 0

    def generate_trace_id(self) -> int:
        """The next trace id."""
        self._traces += 1
        return self._traces

    def generate_span_id(self) -> int:
        """The next span id."""
        self._spans += 1
        return self._spans


class Capture:
    """What was recorded so far; reading `spans` or `logs` waits for the pipeline."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.memory = Memory()
        self._spans: list[SpanRecord] = []
        self._logs: list[LogRecord] = []
        self.pipeline = Pipeline(self._parts, queue_bytes=32 * 1024 * 1024, flush_every_s=3600)
        self.provider = TracerProvider(
            resource=Resource({"service.name": "test"}),
            id_generator=FakeIds(),
            clock=self.clock,
            sink=self.pipeline.put_span,
            shutdown_on_exit=False,
        )

    @property
    def spans(self) -> list[dict[str, object]]:
        """Ended spans in order of their start, as plain dicts without what is empty."""
        self.pipeline.flush(_FLUSH_S)
        return [_span(span) for span in sorted(self._spans, key=lambda span: (span.start_ns, span.span_id))]

    @property
    def logs(self) -> list[dict[str, object]]:
        """Log lines in order, as plain dicts without what is empty."""
        self.pipeline.flush(_FLUSH_S)
        return [_log(log) for log in self._logs]

    @property
    def payloads(self) -> list[bytes]:
        """The OTLP trace messages as they would have left."""
        self.pipeline.flush(_FLUSH_S)
        return self.memory.payloads("traces")

    def _parts(self) -> Parts:
        engine = Engine(Policy.default())
        return Parts(
            snapshot=snapshot,
            scrubber=Scrubber(engine),
            encode_traces=encode_traces,
            encode_logs=encode_logs,
            left_out=records_left_out,
            route=self.memory,
            report=engine.report,
            watch=self._watch,
        )

    def _watch(self, spans: Sequence[SpanRecord], logs: Sequence[LogRecord], reason: str) -> None:
        del reason
        self._spans += spans
        self._logs += logs


@pytest.fixture
def capture() -> Iterator[Capture]:
    """Everything recorded through Traceo, OpenTelemetry's API and `logging` during the test."""
    captured = Capture()
    # The API sets a provider once and has no way to take it back.
    provider = trace._TRACER_PROVIDER  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    trace._TRACER_PROVIDER = captured.provider  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    tracer = _spans.bind(captured.provider.get_tracer("traceo"))
    stop = tap_logging(captured.pipeline.put_log, captured.provider, "DEBUG")
    try:
        yield captured
    finally:
        stop()
        _spans.bind(tracer)
        trace._TRACER_PROVIDER = provider  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        captured.pipeline.shutdown(_FLUSH_S)


def _span(span: SpanRecord) -> dict[str, object]:
    return _without_empty(
        name=span.name,
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        kind=_KINDS[span.kind],
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        attributes=_plain(span.attributes),
        events=[
            _without_empty(name=event.name, time_ns=event.time_ns, attributes=_plain(event.attributes))
            for event in span.events
        ],
        links=[
            _without_empty(trace_id=link.trace_id, span_id=link.span_id, attributes=_plain(link.attributes))
            for link in span.links
        ],
        status=_STATUS[span.status_code] if span.status_code else "",
        status_message=span.status_message,
        scope=span.scope.name,
    )


def _log(log: LogRecord) -> dict[str, object]:
    return _without_empty(
        severity=log.severity_text,
        body=log.body,
        trace_id=log.trace_id,
        span_id=log.span_id,
        attributes=_plain(log.attributes),
        scope=log.scope.name,
    )


def _plain(attributes: Attributes | None) -> dict[str, AnyValue]:
    return dict(attributes or {})


def _without_empty(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value not in (None, "", 0, [], {})}
