"""Redaction of metrics: name, unit, description, scope, resource, attributes of points and of exemplars.

A series is exported again and again, so what was found in it is counted once: the clean attributes of a
series are kept from one collection to the next, as long as it is collected.

Values that a policy seals are redacted here like others: a sealed value is new each time, and would be a new
series each time.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from traceo.pipeline.merging import merge
from traceo.pipeline.scrub import Redactor, Scrubber
from traceo.records import (
    Attributes,
    ExemplarRecord,
    ExponentialPoint,
    HistogramPoint,
    MetricRecord,
    NumberPoint,
)
from traceo.semconv import TRACEO_SUBJECT

__all__ = ["MetricScrubber"]

_Point: TypeAlias = NumberPoint | HistogramPoint | ExponentialPoint
_Known: TypeAlias = dict[int, tuple[Attributes, Attributes | None]]


class MetricScrubber:
    """Makes the records of one collection fit to leave. One thread only.

    Series that redaction has made equal are merged (see `merging`): a backend takes each only once.

    Args:
        scrubber: whose resources and scopes are shared.
        engine: redacts texts and attributes.
        tell: told of each record and of what was found in it, for tests.
    """

    __slots__ = ("_clean", "_engine", "_known", "_scrubber", "_seen", "_tell")

    def __init__(
        self,
        scrubber: Scrubber,
        engine: Redactor,
        tell: Callable[[MetricRecord, Sequence[str]], object] | None = None,
    ) -> None:
        self._scrubber = scrubber
        self._engine = engine
        self._tell = tell
        self._clean: list[tuple[MetricRecord, bool]] = []
        # id → (original, clean), of the last collection and of this one. The original is held so that its id
        # is not given to another object, and let go with its series: what was found in it must not stay.
        self._known: _Known = {}
        self._seen: _Known = {}

    def add(self, record: MetricRecord, drop: Callable[[int], object]) -> None:
        """Scrub one record of a collection; ``drop`` is told how many of its points could not be."""
        try:
            made = self._metric(record, drop)
        except Exception:  # fail closed: what could not be scrubbed does not leave
            drop(len(record.points))
            return
        if made[0].points:
            self._clean.append(made)

    def take(self) -> list[MetricRecord]:
        """The records of the collection, fit to leave: others than were added, of other points."""
        clean, self._clean = self._clean, []
        self._known, self._seen = self._seen, {}
        return merge(clean)

    def _metric(self, metric: MetricRecord, drop: Callable[[int], object]) -> tuple[MetricRecord, bool]:
        """The record fit to leave, and whether redaction has changed one of its series."""
        engine = self._engine
        found: list[str] = []
        resource, scope = self._scrubber.shared(metric.resource, metric.scope)
        made = MetricRecord(
            resource=resource,
            scope=scope,
            name=engine.field(metric.name, "name", found),
            kind=metric.kind,
            description=metric.description and engine.field(metric.description, "description", found),
            unit=metric.unit and engine.field(metric.unit, "unit", found),
            temporality=metric.temporality,
            is_monotonic=metric.is_monotonic,
        )
        changed = False
        points: list[_Point] = []
        for point in metric.points:
            try:
                clean = self._point(point, found)
            except Exception:  # as above
                drop(1)
                continue
            changed = changed or clean.attributes is not point.attributes
            points.append(clean)
        made.points = points
        if self._tell is not None:
            self._tell(made, found)
        return made, changed

    def _point(self, point: _Point, found: list[str]) -> _Point:
        clean = _copy(point)
        clean.attributes = self._attributes(point.attributes, "attributes.", found)
        if point.exemplars:
            clean.exemplars = [
                ExemplarRecord(
                    exemplar.value,
                    exemplar.time_ns,
                    exemplar.trace_id,
                    exemplar.span_id,
                    self._attributes(exemplar.attributes, "exemplars.attributes.", found),
                )
                for exemplar in point.exemplars
            ]
        return clean

    def _attributes(self, attributes: Attributes | None, path: str, found: list[str]) -> Attributes | None:
        if not attributes:
            return attributes
        known = self._known.get(id(attributes)) or self._seen.get(id(attributes))
        if known is None or known[0] is not attributes:
            named = {k: v for k, v in attributes.items() if k != TRACEO_SUBJECT}
            clean = self._engine.attributes(named, path, found)
            if clean is named and len(named) == len(attributes):
                return attributes  # the engine remembers clean texts itself
            known = (attributes, clean)
        self._seen[id(attributes)] = known
        return known[1]


def _copy(point: _Point) -> _Point:
    """Another point of the same values, whose fields may be replaced."""
    kind = type(point)
    made: Any = kind.__new__(kind)
    for name in _FIELDS[kind]:
        setattr(made, name, getattr(point, name))
    return made


def _fields(kind: type) -> tuple[str, ...]:
    # A compiled class has no __slots__ to read; its fields are what it shows.
    return tuple(name for name in dir(kind) if not name.startswith("_"))


_FIELDS: dict[type, tuple[str, ...]] = {
    kind: _fields(kind) for kind in (NumberPoint, HistogramPoint, ExponentialPoint)
}
