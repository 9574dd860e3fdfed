"""The metrics of spans as records: what ``traceo.tracing.durations`` has counted."""

import os
from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any

from traceo._version import __version__
from traceo.records import (
    Attributes,
    ExemplarRecord,
    HistogramPoint,
    MetricRecord,
    ResourceRecord,
    ScopeRecord,
)
from traceo.semconv import METRIC_OVERFLOW
from traceo.tracing.durations import Durations, Family, Series

__all__ = ["SpanMetrics", "is_delta_wanted"]

_DELTA, _CUMULATIVE = 1, 2
_SCOPE = ScopeRecord("traceo.spans", __version__)
_OVERFLOW: Attributes = {METRIC_OVERFLOW: True}


def is_delta_wanted() -> bool:
    """What ``OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`` says of histograms and counters."""
    named = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "")
    return named.strip().lower() in {"delta", "lowmemory"}


class SpanMetrics:
    """What a provider measures of its spans, and the way to read it.

    Args:
        on_first: called once a process, when a span is first measured.
        is_delta: tell what has come since the last collection instead of everything so far; ``None`` for what
            OpenTelemetry's variable says.
        limit: the most series of one histogram.
        clock: unix nanoseconds.
    """

    __slots__ = ("_attributes", "_clock", "_is_delta", "_since_ns", "durations")

    def __init__(
        self,
        *,
        on_first: Callable[[], object] | None = None,
        is_delta: bool | None = None,
        limit: int = 2000,
        clock: Callable[[], int] = time_ns,
    ) -> None:
        exemplars = os.environ.get("OTEL_METRICS_EXEMPLAR_FILTER", "").strip().lower() != "always_off"
        self.durations = Durations(limit=limit, on_first=on_first, exemplars=exemplars)
        self._is_delta = is_delta_wanted() if is_delta is None else is_delta
        self._clock = clock
        self._since_ns = clock()
        # One mapping for each series, the same at each collection: redaction remembers it.
        self._attributes: dict[tuple[str, tuple[Any, ...]], Attributes] = {}

    def collect(self, resource: ResourceRecord) -> list[MetricRecord]:
        """Every histogram that has something to tell. Pipeline thread only."""
        now_ns = self._clock()
        found = [self._record(family, resource, now_ns) for family in self.durations.families()]
        if self._is_delta:
            self._since_ns = now_ns
        return [record for record in found if record.points]

    def overflows(self) -> Mapping[str, int]:
        """``instrument{attribute}`` → values that came too late for a series of their own."""
        found: dict[str, int] = {}
        for family in self.durations.families():
            found |= family.overflows()
        return found

    def after_fork_in_child(self) -> None:
        """Start from zero: what was measured before is the parent's."""
        self.durations.after_fork_in_child()
        self._since_ns = self._clock()

    def _record(self, family: Family, resource: ResourceRecord, now_ns: int) -> MetricRecord:
        shape = family.shape
        points = [self._point(family, series, now_ns) for series in family.all()]
        return MetricRecord(
            resource=resource,
            scope=_SCOPE,
            name=shape.metric,
            kind="histogram",
            description=shape.description,
            unit=shape.unit,
            points=[point for point in points if point.count],
            temporality=_DELTA if self._is_delta else _CUMULATIVE,
        )

    def _point(self, family: Family, series: Series, now_ns: int) -> HistogramPoint:
        # Copied at once: the application goes on counting, and what it counts now is for the next time.
        counts, total, smallest, largest = series.snapshot(reset=self._is_delta)
        scale = family.shape.scale
        count = sum(counts)
        return HistogramPoint(
            count,
            now_ns,
            self._since_ns,
            self._named(family, series.key),
            sum=total / scale,
            min=smallest / scale if count else None,
            max=largest / scale if count else None,
            bucket_counts=counts,
            bounds=tuple(bound / scale for bound in family.shape.bounds),
            exemplars=[
                ExemplarRecord(value / scale if scale != 1 else value, time, trace_id, span_id)
                for value, time, trace_id, span_id in series.take_exemplars()
            ],
        )

    def _named(self, family: Family, key: tuple[Any, ...]) -> Attributes:
        if not key:
            return _OVERFLOW
        place = (family.shape.metric, (family.shape.reads, key))
        known = self._attributes.get(place)
        if known is None:
            pairs = zip(family.shape.names, key, strict=True)
            known = {name: value for name, value in pairs if value is not None}
            self._attributes[place] = known
        return known
