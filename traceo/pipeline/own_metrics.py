"""What Traceo says of itself: what it redacted, delivered and dropped, as metrics like any other."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from traceo import semconv
from traceo._version import __version__
from traceo.pipeline.health import METRICS
from traceo.pipeline.queue import LOGS, SPANS
from traceo.records import Attributes, MetricRecord, NumberPoint, ResourceRecord, ScopeRecord

if TYPE_CHECKING:
    from traceo.pipeline.worker import Pipeline

__all__ = ["OwnMetrics"]

_DELTA, _CUMULATIVE = 1, 2
_SCOPE = ScopeRecord("traceo", __version__)
_SIGNALS = (SPANS, LOGS, METRICS)

# name → (unit, description)
_COUNTERS = {
    semconv.METRIC_TRACEO_REDACTIONS: ("{redaction}", "Values replaced before they left, by rule."),
    semconv.METRIC_TRACEO_KEY_REDACTIONS: ("{redaction}", "The same, by attribute key."),
    semconv.METRIC_TRACEO_DELIVERED: ("{item}", "Spans, log lines and data points that the endpoint took."),
    semconv.METRIC_TRACEO_DROPPED: ("{item}", "Those that will not be delivered, by reason."),
    semconv.METRIC_TRACEO_BATCHES: ("{batch}", "Batches delivered."),
    semconv.METRIC_TRACEO_RETRIES: ("{attempt}", "Attempts to deliver that failed and were made again."),
}


class OwnMetrics:
    """Reads a pipeline's counters. Pipeline thread only.

    Args:
        pipeline: whose.
        is_delta: tell what has come since the last time instead of everything so far.
        clock: unix nanoseconds.
    """

    __slots__ = ("_attributes", "_clock", "_is_delta", "_pipeline", "_since_ns", "_told")

    def __init__(self, pipeline: "Pipeline", *, is_delta: bool, clock: Callable[[], int]) -> None:
        self._pipeline = pipeline
        self._is_delta = is_delta
        self._clock = clock
        self._attributes: dict[tuple[str, ...], Attributes] = {}
        self.restart()

    def restart(self) -> None:
        """In a forked child, whose pipeline starts from zero."""
        self._since_ns = self._clock()
        self._told: dict[tuple[str, ...], int] = {}

    def collect(self, resource: ResourceRecord) -> list[MetricRecord]:
        """A metric for each counter that has counted, and how much waits."""
        now_ns = self._clock()
        found = [self._counter(resource, name, self._read(name), now_ns) for name in _COUNTERS]
        if self._is_delta:
            self._since_ns = now_ns
        waiting = MetricRecord(
            resource=resource,
            scope=_SCOPE,
            name=semconv.METRIC_TRACEO_QUEUE,
            kind="gauge",
            unit="By",
            description="Estimated memory of the telemetry that waits.",
            points=[NumberPoint(self._pipeline.waiting_bytes, now_ns)],
        )
        return [*(metric for metric in found if metric.points), waiting]

    def _read(self, name: str) -> Mapping[tuple[str, ...], int]:
        """Attribute names and values, flat → count."""
        pipeline, health = self._pipeline, self._pipeline.health
        if name == semconv.METRIC_TRACEO_REDACTIONS:
            return {(semconv.TRACEO_RULE, rule): n for rule, n in pipeline.redactions().items()}
        if name == semconv.METRIC_TRACEO_KEY_REDACTIONS:
            return {(semconv.TRACEO_KEY, key): n for key, n in pipeline.redactions_by_key().items()}
        if name == semconv.METRIC_TRACEO_DELIVERED:
            return {(semconv.TRACEO_SIGNAL, signal): health.delivered[signal] for signal in _SIGNALS}
        if name == semconv.METRIC_TRACEO_DROPPED:
            return {
                (semconv.TRACEO_SIGNAL, signal, semconv.TRACEO_REASON, reason): n
                for signal in _SIGNALS
                for reason, n in health.dropped(signal, pipeline.queue).items()
            }
        return {(): health.batches if name == semconv.METRIC_TRACEO_BATCHES else health.retries}

    def _counter(
        self, resource: ResourceRecord, name: str, counts: Mapping[tuple[str, ...], int], now_ns: int
    ) -> MetricRecord:
        unit, description = _COUNTERS[name]
        points: list[NumberPoint] = []
        for pairs, count in counts.items():
            value = count
            if self._is_delta:
                value -= self._told.get((name, *pairs), 0)
                self._told[(name, *pairs)] = count
            if value:
                points.append(NumberPoint(value, now_ns, self._since_ns, self._named(pairs)))
        return MetricRecord(
            resource=resource,
            scope=_SCOPE,
            name=name,
            kind="sum",
            unit=unit,
            description=description,
            points=points,
            temporality=_DELTA if self._is_delta else _CUMULATIVE,
            is_monotonic=True,
        )

    def _named(self, pairs: tuple[str, ...]) -> Attributes:
        """The same mapping at each collection: redaction remembers it."""
        return self._attributes.setdefault(pairs, dict(zip(pairs[::2], pairs[1::2], strict=True)))
