"""Sinks: who collects. Each has streams of its own, so that the deltas of one are not missing in another's.

Traceo's pipeline is one; a reader of OpenTelemetry's SDK is another, with its own wishes.
"""

from collections.abc import Mapping
from typing import Any

from traceo.metrics.views import Aggregation, LastValue, Sum, aggregation_of

__all__ = ["PreferenceSink", "ReaderSink", "Sink"]


class Sink:
    """What a collector of metrics wants of an instrument, by its kind ("Counter", "ObservableGauge", …)."""

    def __init__(self, histogram: Aggregation) -> None:
        self._histogram = histogram

    def aggregation(self, kind: str) -> Aggregation:
        """What an instrument becomes without a view that says so."""
        if kind == "Histogram":
            return self._histogram
        return LastValue() if kind.endswith("Gauge") else Sum()

    def is_delta(self, kind: str, aggregation: Aggregation) -> bool:
        """Whether each collection starts from nothing."""
        raise NotImplementedError


class PreferenceSink(Sink):
    """By the preference "cumulative", "delta" or "lowmemory", as OpenTelemetry's OTLP exporters read it."""

    def __init__(self, temporality: str, histogram: Aggregation) -> None:
        super().__init__(histogram)
        self._temporality = temporality

    def is_delta(self, kind: str, aggregation: Aggregation) -> bool:
        """Only of what cannot go down; a last value is neither."""
        if isinstance(aggregation, LastValue):
            return False
        if kind in ("Counter", "Histogram"):
            return self._temporality in ("delta", "lowmemory")
        return kind == "ObservableCounter" and self._temporality == "delta"


class ReaderSink(Sink):
    """By what a metric reader of OpenTelemetry's SDK prefers for each class of instrument."""

    def __init__(self, reader: Any, histogram: Aggregation) -> None:
        super().__init__(histogram)
        self.reader = reader
        temporalities: Mapping[Any, Any] = reader._instrument_class_temporality  # noqa: SLF001  no public way
        aggregations: Mapping[Any, Any] = reader._instrument_class_aggregation  # noqa: SLF001
        self._deltas = {_kind(each): int(value) == 1 for each, value in temporalities.items()}
        self._aggregations = {_kind(each): aggregation_of(value) for each, value in aggregations.items()}

    def aggregation(self, kind: str) -> Aggregation:
        """The reader's, unless it leaves it to the SDK."""
        return self._aggregations.get(kind) or super().aggregation(kind)

    def is_delta(self, kind: str, aggregation: Aggregation) -> bool:
        """The reader's."""
        del aggregation
        return self._deltas.get(kind, False)


def _kind(instrument_class: type) -> str:
    return instrument_class.__name__.lstrip("_")
