"""The application's own ``prometheus_client`` metrics, as records.

By OpenTelemetry's rules for Prometheus ("Prometheus and OpenMetrics Compatibility"): names stay as Prometheus
shows them, units become UCUM, ``_created`` is the start time, and an exemplar's ``trace_id`` and ``span_id``
lead to the span. What has no kind of its own here is told by the parts that Prometheus shows: a summary as
``x_count``, ``x_sum`` and the gauge ``x`` with a quantile; a gauge histogram as gauges. The labels of the
target are ``target_info``. A value that is not finite is left out and counted.

``prometheus_client`` is never imported: where the application has not, there is nothing to tell.
"""

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from traceo.records import (
    ExemplarRecord,
    HistogramPoint,
    MetricRecord,
    NumberPoint,
    ResourceRecord,
    ScopeRecord,
)

__all__ = ["Registry", "collect_prometheus"]

_SCOPE = ScopeRecord("prometheus_client")
_CUMULATIVE = 2

_UNITS = {
    "days": "d", "hours": "h", "minutes": "min", "seconds": "s", "milliseconds": "ms", "microseconds": "us",
    "nanoseconds": "ns", "bytes": "By", "kibibytes": "KiBy", "mebibytes": "MiBy", "gibibytes": "GiBy",
    "kilobytes": "kBy", "megabytes": "MBy", "gigabytes": "GBy", "meters": "m", "volts": "V", "amperes": "A",
    "joules": "J", "watts": "W", "grams": "g", "celsius": "Cel", "hertz": "Hz", "ratio": "1", "percent": "%",
}  # fmt: skip
_PER = {"second": "s", "minute": "min", "hour": "h", "day": "d", "meter": "m"}

Lost = Callable[[str, int], object]


class Registry(Protocol):
    """What is needed of ``prometheus_client.CollectorRegistry``."""

    def collect(self) -> Iterable[Any]:
        """The metric families."""
        ...


def collect_prometheus(
    resource: ResourceRecord,
    registry: Registry | None = None,
    *,
    clock: Callable[[], int] = time.time_ns,
    lost: Lost | None = None,
) -> list[MetricRecord]:
    """All metrics of a registry, by default the global one if the application has imported it.

    A collector that raises loses its own metrics; ``lost`` is told the reason and how many.
    """
    if registry is None:
        registry = getattr(sys.modules.get("prometheus_client"), "REGISTRY", None)
        if registry is None:
            return []
    tell = _nowhere if lost is None else lost
    time_ns = clock()
    found: list[MetricRecord] = []
    for family in _families(registry, tell):
        try:
            found += _records(family, resource, time_ns, tell)
        except Exception:  # a collector of the application's own made it
            tell("prometheus: unreadable", 1)
    return found


def _families(registry: Any, tell: Lost) -> Iterator[Any]:
    """Collector by collector, so that one that raises does not take the others with it."""
    collectors: Any = getattr(registry, "_collector_to_names", None)
    sources: list[Any] = [registry] if collectors is None else list(collectors)
    for source in sources:
        try:
            yield from source.collect()
        except Exception:
            tell("prometheus: collector failed", 1)
    labels = registry.get_target_info() if hasattr(registry, "get_target_info") else None
    if labels:
        yield _Target(labels)


class _Target:
    """The registry's target info as a family."""

    name, documentation, unit, type = "target", "Target metadata", "", "info"

    def __init__(self, labels: dict[str, str]) -> None:
        self.samples = [_TargetSample(labels)]


class _TargetSample:
    name, value, timestamp, exemplar = "target_info", 1.0, None, None

    def __init__(self, labels: dict[str, str]) -> None:
        self.labels = labels


def _records(family: Any, resource: ResourceRecord, time_ns: int, tell: Lost) -> Iterator[MetricRecord]:
    kind, name = family.type, family.name

    def record(named: str, shape: str, points: list[Any], *, is_monotonic: bool = False) -> MetricRecord:
        return MetricRecord(
            resource=resource,
            scope=_SCOPE,
            name=named,
            kind=shape,
            description=family.documentation,
            unit="" if named.endswith("_count") else _unit(family.unit),
            points=points,
            temporality=0 if shape == "gauge" else _CUMULATIVE,
            is_monotonic=is_monotonic,
        )

    if kind == "histogram":
        points = _histograms(family, time_ns, tell)
        if points:
            yield record(name, "histogram", points)
        return
    created = _created(family)
    numbers: dict[str, list[Any]] = {}
    for sample in family.samples:
        if kind in ("counter", "summary") and sample.name == f"{name}_created":
            continue
        if not math.isfinite(sample.value):
            tell("prometheus: not finite", 1)
            continue
        start_ns = created.get(_key(sample.labels), 0) if kind in ("counter", "summary") else 0
        numbers.setdefault(sample.name, []).append(_number(sample, start_ns, time_ns))
    for named, points in numbers.items():
        is_total = kind == "counter" or (kind == "summary" and named != name)
        is_sum = is_total or kind in ("info", "stateset")
        yield record(named, "sum" if is_sum else "gauge", points, is_monotonic=is_total)


def _number(sample: Any, start_ns: int, time_ns: int) -> NumberPoint:
    exemplar = _exemplar(sample.exemplar, time_ns)
    return NumberPoint(
        sample.value,
        _ns(sample.timestamp, time_ns),
        start_ns,
        dict(sample.labels),
        exemplars=() if exemplar is None else [exemplar],
    )


class _Parts:
    """The samples of one histogram."""

    def __init__(self, labels: dict[str, str]) -> None:
        self.labels = labels
        self.buckets: list[tuple[float, float]] = []
        self.exemplars: list[ExemplarRecord] = []
        self.count: float | None = None
        self.sum: float | None = None
        self.timestamp: Any = None


def _histograms(family: Any, time_ns: int, tell: Lost) -> list[HistogramPoint]:
    created, found = _created(family), dict[Any, _Parts]()
    for sample in family.samples:
        labels = {key: value for key, value in sample.labels.items() if key != "le"}
        parts = found.setdefault(_key(labels), _Parts(labels))
        parts.timestamp = sample.timestamp
        suffix = sample.name[len(family.name) :]
        if suffix == "_bucket":
            parts.buckets.append((float(sample.labels["le"]), sample.value))
            exemplar = _exemplar(sample.exemplar, time_ns)
            if exemplar is not None:
                parts.exemplars.append(exemplar)
        elif suffix == "_count":
            parts.count = sample.value
        elif suffix == "_sum":
            parts.sum = sample.value
    points: list[HistogramPoint] = []
    for key, parts in found.items():
        point = _histogram(parts, created.get(key, 0), time_ns)
        if point is None:
            tell("prometheus: unreadable", 1)
        else:
            points.append(point)
    return points


def _histogram(parts: _Parts, start_ns: int, time_ns: int) -> HistogramPoint | None:
    buckets = sorted(parts.buckets)
    count = buckets[-1][1] if parts.count is None and buckets else parts.count
    if count is None or not math.isfinite(count):
        return None
    counts: list[int] = []
    below = 0.0
    for _, value in buckets:  # Prometheus counts all that is at most `le`, OTLP what is in the bucket
        counts.append(max(0, int(value - below)))
        below = value
    has_end = bool(buckets) and math.isinf(buckets[-1][0])
    if buckets and not has_end:
        counts.append(max(0, int(count - below)))
    return HistogramPoint(
        int(count),
        _ns(parts.timestamp, time_ns),
        start_ns,
        parts.labels,
        sum=parts.sum if parts.sum is not None and math.isfinite(parts.sum) else None,
        bucket_counts=counts,
        bounds=[end for end, _ in buckets if not math.isinf(end)],
        exemplars=parts.exemplars,
    )


def _created(family: Any) -> dict[Any, int]:
    """Start times by labels, in unix nanoseconds."""
    name = f"{family.name}_created"
    return {_key(sample.labels): int(sample.value * 1e9) for sample in family.samples if sample.name == name}


def _exemplar(given: Any, time_ns: int) -> ExemplarRecord | None:
    if given is None or not math.isfinite(given.value):
        return None
    labels = dict(given.labels)
    ids = (_id(labels.pop("trace_id", "")), _id(labels.pop("span_id", "")))
    return ExemplarRecord(given.value, _ns(given.timestamp, time_ns), *ids, labels or None)


def _id(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0


def _key(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _ns(timestamp: Any, time_ns: int) -> int:
    """Seconds, as a number or in two parts, as unix nanoseconds."""
    if timestamp is None:
        return time_ns
    if hasattr(timestamp, "nsec"):
        return int(timestamp.sec) * 1_000_000_000 + int(timestamp.nsec)
    return int(timestamp * 1e9)


def _unit(words: str) -> str:
    of, _, per = words.partition("_per_")
    unit = _UNITS.get(of, of)
    return f"{unit}/{_PER.get(per, per)}" if per else unit


def _nowhere(reason: str, count: int) -> None:
    del reason, count
