"""A pytest plugin: what your code records, after redaction, as plain values.

Put ``pytest_plugins = ["traceo.testing"]`` in ``conftest.py``, then::

    def test_a_payment_is_recorded(capture):
        pay(7)
        assert [span["name"] for span in capture.spans] == ["pay"]

Everything is real up to the encoder: providers, queue, pipeline thread, redaction (with the policy of the
project's settings). Only the clock, the ids and the destination are made for tests. An application may call
`traceo.init` before or in the test: its spans come here as long as the test runs.

`assert_no_pii` holds a test to telemetry that had nothing to redact; ``pytest --traceo-no-pii`` holds every
test to it. Both name place and type, never a value.
"""

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest
from opentelemetry import trace

from traceo import spans as _spans
from traceo import startup
from traceo.config import load, pyproject_of
from traceo.exporters.memory import Memory
from traceo.exporters.otlp import encode_logs, encode_traces, records_left_out
from traceo.findings import LooksIntoSql, Redaction, found_in, is_allowed
from traceo.logs.tap import tap_logging
from traceo.measured import Measured
from traceo.pipeline.prepare import Parts
from traceo.pipeline.scrub import Scrubber
from traceo.pipeline.worker import Pipeline
from traceo.policy import choose
from traceo.records import AnyValue, Attributes, LogRecord, SpanRecord
from traceo.redaction import Engine, Policy
from traceo.tracing import Resource, TracerProvider, snapshot
from traceo.tracing.span_metrics import SpanMetrics

__all__ = [
    "Capture",
    "FakeClock",
    "FakeIds",
    "Redaction",
    "assert_no_pii",
    "capture",
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_call",
]

_FLUSH_S = 10.0
_LISTED = 20  # places in a failure's message
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
    """What was recorded so far; reading `spans`, `logs`, `metrics` or `redactions` waits for the pipeline.

    Redacts by ``policy``; without one, by the one that the project's settings name (``off`` counts as
    ``default``: there would be nothing to see).
    """

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or _policy_of_the_project()
        self._in_sql: set[Redaction] = set()
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
            span_metrics=SpanMetrics(),
        )
        self.measured = Measured(self.provider)
        self.provider.is_of_a_test = True  # pyright: ignore[reportAttributeAccessIssue]  see traceo.startup

    @property
    def spans(self) -> list[dict[str, object]]:
        """Ended spans in order of their start, as plain dicts without what is empty."""
        self._settle()
        return [_span(span) for span in sorted(self._spans, key=lambda span: (span.start_ns, span.span_id))]

    @property
    def logs(self) -> list[dict[str, object]]:
        """Log lines in order, as plain dicts without what is empty."""
        self._settle()
        return [_log(log) for log in self._logs]

    @property
    def metrics(self) -> list[dict[str, object]]:
        """What was measured by hand and of spans, by name, as plain dicts without times and what is empty.

        A point has its ``attributes`` and a ``value``, or ``count``, ``sum``, ``min``, ``max`` and
        ``buckets`` (upper bound → count, those that are not empty).
        """
        self.pipeline.measure()
        self._settle()
        return self.measured.plain()

    @property
    def redactions(self) -> list[Redaction]:
        """What had to be redacted so far: all of it but lengths and SQL literals that are not personal."""
        self.pipeline.measure()
        self._settle()
        found = self._in_sql | self.measured.redactions
        for span in self._spans:
            found |= found_in(f"span {span.name!r}", span.attributes)
            found |= found_in("resource", span.resource.attributes) | found_in("scope", span.scope.attributes)
        for log in self._logs:
            found |= found_in("log line", log.attributes)
        return sorted(found)

    @property
    def payloads(self) -> list[bytes]:
        """The OTLP trace messages as they would have left."""
        self._settle()
        return self.memory.payloads("traces")

    def _settle(self) -> None:
        """Twice: a batch is watched after its delivery, in a turn that ends before the second is answered."""
        if self.pipeline.flush(_FLUSH_S):
            self.pipeline.flush(_FLUSH_S)

    def _parts(self) -> Parts:
        engine = Engine(self.policy)
        redactor = LooksIntoSql(engine, Engine(self.policy), self._in_sql.add)
        scrubber = Scrubber(redactor)
        return Parts(
            snapshot=snapshot,
            scrubber=scrubber,
            metrics=self.measured.parts(scrubber, redactor),
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


def assert_no_pii(captured: Capture, *, allow: Sequence[str] = ()) -> None:
    """Fail when anything captured so far had to be redacted; the message has places and types, no values.

    ``allow`` excuses what matches one of its globs: a type (``IP``), a place (``attributes.client.address``)
    or both (``attributes.user.email=EMAIL``).
    """
    __tracebackhide__ = True
    redactions = [one for one in captured.redactions if not is_allowed(one, allow)]
    if not redactions:
        return
    shown = [f"  {one}" for one in redactions[:_LISTED]]
    if len(redactions) > _LISTED:
        shown.append(f"  and {len(redactions) - _LISTED} more")
    # AssertionError by hand: an assert statement would print its operands, and so the records.
    raise AssertionError(
        "telemetry would have carried personal data or secrets, had it not been redacted:\n"
        + "\n".join(shown)
    )


def _policy_of_the_project() -> Policy:
    config = load({}, os.environ, pyproject_of(Path.cwd()))
    given = "default" if config.redaction == "off" else config.redaction
    return choose(given, source=config.sources.get("redaction", "default")).policy


@pytest.fixture
def capture() -> Iterator[Capture]:
    """Everything recorded and measured through Traceo, OpenTelemetry's API and `logging` during the test."""
    captured = Capture()
    # The API sets a provider once and has no way to take it back.
    provider = trace._TRACER_PROVIDER  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    trace._TRACER_PROVIDER = captured.provider  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    tracer = _spans.bind(captured.provider.get_tracer("traceo"))
    stop = tap_logging(captured.pipeline.put_log, captured.provider, "DEBUG")
    try:
        with _spans_of_others_to(captured), captured.measured.listening(_meters_of_the_application()):
            yield captured
    finally:
        stop()
        _spans.bind(tracer)
        trace._TRACER_PROVIDER = provider  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        captured.pipeline.shutdown(_FLUSH_S)


_earlier: "WeakSet[TracerProvider]" = WeakSet()


@contextmanager
def _spans_of_others_to(captured: Capture) -> Generator[None]:
    """What was hooked by `traceo.init`, or in an earlier test, reports to the provider of that time."""
    client = startup._client  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  there is no public way
    others: list[Any] = [*_earlier, client.provider if client is not None else None]
    outlets = list({id(one): one._outlets for one in others if one is not None}.values())  # noqa: SLF001
    _earlier.add(captured.provider)
    before = [(one.sink, one.durations) for one in outlets]
    for one in outlets:
        one.sink = captured.pipeline.put_span
        one.durations = captured.provider.span_metrics and captured.provider.span_metrics.durations
    try:
        yield
    finally:
        for one, (sink, durations) in zip(outlets, before, strict=True):
            one.sink, one.durations = sink, durations


def _meters_of_the_application() -> Any:
    """The meter provider that `traceo.init` made, if it was called and there was a use for one."""
    client = startup._client  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  as above
    return client.metering.provider if client is not None and client.metering is not None else None


# The option.

_CAPTURED = pytest.StashKey[Capture]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--traceo-no-pii``."""
    parser.getgroup("traceo").addoption(
        "--traceo-no-pii",
        action="store_true",
        help="fail a test whose telemetry would have carried personal data or secrets but for redaction",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known to ``--strict-markers``."""
    config.addinivalue_line(
        "markers", "traceo_allows(*globs): places or types that --traceo-no-pii lets this test record"
    )


@pytest.fixture(autouse=True)
def _traceo_no_pii(request: pytest.FixtureRequest) -> None:  # pyright: ignore[reportUnusedFunction]  pytest's
    if request.config.getoption("traceo_no_pii"):
        request.node.stash[_CAPTURED] = request.getfixturevalue("capture")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Judge a test that has passed by what it recorded."""
    yield
    captured = item.stash.get(_CAPTURED, None)
    if captured is not None:
        marks = item.iter_markers("traceo_allows")
        assert_no_pii(captured, allow=[str(glob) for mark in marks for glob in mark.args])


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
