"""Outputs: what one view makes of one instrument, from aggregation to the metric that is sent."""

from collections.abc import Callable
from typing import Any

from traceo.metrics.cells import (
    BucketCell,
    Cell,
    LastCell,
    ObservedSumCell,
    SumCell,
)
from traceo.metrics.exponential import ExponentialCell
from traceo.metrics.stream import Stream
from traceo.metrics.views import (
    Aggregation,
    Drop,
    ExplicitBucketHistogram,
    ExponentialHistogram,
    LastValue,
    Sum,
)
from traceo.records import MetricRecord, ResourceRecord, ScopeRecord

__all__ = ["DEFAULT_BOUNDS", "Output", "cell_maker"]

DEFAULT_BOUNDS = (
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0
)  # fmt: skip
"""The specification's, made for milliseconds."""

_DELTA, _CUMULATIVE = 1, 2

_KINDS: dict[type[Aggregation], str] = {
    Sum: "sum",
    LastValue: "gauge",
    ExplicitBucketHistogram: "histogram",
    ExponentialHistogram: "exponential_histogram",
}


class Output:
    """A stream of measurements, and the metric it is sent as."""

    __slots__ = (
        "aggregation",
        "description",
        "instrument_kind",
        "instrument_name",
        "is_monotonic",
        "kind",
        "name",
        "scope",
        "stream",
        "temporality",
        "unit",
    )

    def __init__(
        self,
        *,
        stream: Stream,
        aggregation: Aggregation,
        instrument_kind: str,
        instrument_name: str,
        name: str,
        description: str,
        unit: str,
        scope: ScopeRecord,
    ) -> None:
        self.stream = stream
        self.aggregation = aggregation
        self.instrument_kind = instrument_kind
        self.instrument_name = instrument_name
        self.name = name
        self.description = description
        self.unit = unit
        self.scope = scope
        self.kind = _KINDS[type(aggregation)]
        self.is_monotonic = self.kind == "sum" and instrument_kind in ("Counter", "ObservableCounter")
        self.temporality = 0 if self.kind == "gauge" else _DELTA if stream.is_delta else _CUMULATIVE

    @property
    def instrument(self) -> tuple[str, str, str]:
        """Which instrument it is of, within its meter."""
        return (self.instrument_name.lower(), self.instrument_kind, self.unit)

    def collect(self, resource: ResourceRecord, time_ns: int) -> MetricRecord | None:
        """The metric of now; None when there is nothing to say."""
        points = self.stream.collect(time_ns)
        if not points:
            return None
        return MetricRecord(
            resource=resource,
            scope=self.scope,
            name=self.name,
            kind=self.kind,
            description=self.description,
            unit=self.unit,
            points=points,
            temporality=self.temporality,
            is_monotonic=self.is_monotonic,
        )


def cell_maker(
    kind: str, aggregation: Aggregation, advised: tuple[float, ...] | None
) -> Callable[[Any, int], Cell] | None:
    """What makes the cells of a stream; None when it is dropped."""
    with_sum = "UpDown" not in kind and "Gauge" not in kind  # a sum of what goes down has no meaning as one
    if isinstance(aggregation, Drop):
        return None
    if isinstance(aggregation, Sum):
        return ObservedSumCell if kind.startswith("Observable") else SumCell
    if isinstance(aggregation, LastValue):
        return LastCell
    if isinstance(aggregation, ExplicitBucketHistogram):
        given = advised if aggregation.boundaries is None else aggregation.boundaries
        bounds = DEFAULT_BOUNDS if given is None else tuple(map(float, given))
        with_min_max = aggregation.record_min_max
        return lambda attributes, start_ns: BucketCell(attributes, start_ns, bounds, with_min_max, with_sum)
    size, scale, with_min_max = aggregation.max_size, aggregation.max_scale, aggregation.record_min_max
    return lambda attributes, start_ns: ExponentialCell(
        attributes, start_ns, size, scale, with_min_max, with_sum
    )
