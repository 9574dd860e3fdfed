"""One series of those that redaction has made equal.

A backend refuses a second point of one series and time. Sums, counts and buckets of the parts add up to what
the whole would have counted; of gauges, which have no sum, the latest value stands.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from traceo.records import (
    Attributes,
    ExponentialPoint,
    HistogramPoint,
    MetricRecord,
    NumberPoint,
    ResourceRecord,
    ScopeRecord,
)

__all__ = ["merge"]

_Point: TypeAlias = NumberPoint | HistogramPoint | ExponentialPoint

_MOST_BUCKETS = 160  # of an exponential histogram: OpenTelemetry's default
_MOST_EXEMPLARS = 16


def merge(records: Sequence[tuple[MetricRecord, bool]]) -> list[MetricRecord]:
    """The records with equal instruments, and equal series, made one, in order.

    Each comes with whether redaction has changed its series; where nothing has, nothing can have become
    equal. Points may be changed, attributes are not.
    """
    merged: dict[object, tuple[MetricRecord, bool]] = {}
    for record, has_changed in records:
        key = (
            _of_resource(record.resource),
            _of_scope(record.scope),
            *(record.name, record.unit, record.kind, record.temporality, record.is_monotonic),
        )
        known = merged.get(key)
        if known is None:
            merged[key] = (record, has_changed)
        else:
            known[0].points = [*known[0].points, *record.points]
            merged[key] = (known[0], True)
    for record, has_changed in merged.values():
        if has_changed:
            record.points = _merge_points(record.points, is_gauge=record.kind == "gauge")
    return [record for record, _ in merged.values()]


def _merge_points(points: Sequence[_Point], *, is_gauge: bool) -> list[_Point]:
    series: dict[str, _Point] = {}
    for point in points:
        key = _of(point.attributes)
        known = series.get(key)
        series[key] = point if known is None else _sum(known, point, is_gauge=is_gauge)
    return list(series.values())


def _sum(one: Any, other: Any, *, is_gauge: bool) -> Any:
    if type(one) is not type(other):
        return one  # not of one kind, and so not of one instrument: the encoder would refuse it
    if is_gauge:
        return other if other.time_ns >= one.time_ns else one
    one.start_ns = min(one.start_ns, other.start_ns)
    one.time_ns = max(one.time_ns, other.time_ns)
    one.flags |= other.flags
    one.exemplars = [*one.exemplars, *other.exemplars][:_MOST_EXEMPLARS]
    if type(one) is NumberPoint:
        one.value += other.value
        return one
    one.count += other.count
    one.sum = None if one.sum is None or other.sum is None else one.sum + other.sum
    one.min = _outer(min, one.min, other.min)
    one.max = _outer(max, one.max, other.max)
    if type(one) is HistogramPoint:
        _add_buckets(one, other)
    else:
        _add_exponential(one, other)
    return one


def _outer(choose: Callable[..., float], one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return choose(known) if known else None


def _add_buckets(one: HistogramPoint, other: HistogramPoint) -> None:
    if tuple(one.bounds) == tuple(other.bounds) and len(one.bucket_counts) == len(other.bucket_counts):
        one.bucket_counts = [a + b for a, b in zip(one.bucket_counts, other.bucket_counts, strict=True)]
    else:  # views may differ: without buckets it still counts and sums
        one.bounds = one.bucket_counts = ()


def _add_exponential(one: ExponentialPoint, other: ExponentialPoint) -> None:
    one.zero_count += other.zero_count
    one.zero_threshold = max(one.zero_threshold, other.zero_threshold)
    positive = (_placed(one, "positive"), _placed(other, "positive"))
    negative = (_placed(one, "negative"), _placed(other, "negative"))
    scale = min(one.scale, other.scale)
    while True:
        up = _together(positive, one.scale - scale, other.scale - scale)
        down = _together(negative, one.scale - scale, other.scale - scale)
        if max(len(up[1]), len(down[1])) <= _MOST_BUCKETS:
            break
        scale -= 1
    one.scale = scale
    one.positive_offset, one.positive_counts = up
    one.negative_offset, one.negative_counts = down


def _placed(point: ExponentialPoint, side: str) -> dict[int, int]:
    """Index → count of the buckets that are not empty."""
    counts: Sequence[int] = getattr(point, f"{side}_counts")
    offset: int = getattr(point, f"{side}_offset")
    return {offset + place: count for place, count in enumerate(counts) if count}


def _together(sides: tuple[dict[int, int], dict[int, int]], *shifts: int) -> tuple[int, list[int]]:
    """(offset, counts) of both at a scale that is smaller by their shifts: each step joins two buckets."""
    added: dict[int, int] = {}
    for side, shift in zip(sides, shifts, strict=True):
        for index, count in side.items():
            added[index >> shift] = added.get(index >> shift, 0) + count
    if not added:
        return 0, []
    first, last = min(added), max(added)
    if last - first >= _MOST_BUCKETS:
        return first, [0] * (_MOST_BUCKETS + 1)  # too many to write out; the next scale may do
    return first, [added.get(index, 0) for index in range(first, last + 1)]


def _of(attributes: Attributes | None) -> str:
    """The same text for the same attributes, whatever their order; an int is not a float, nor a bool."""
    return repr(sorted((attributes or {}).items())) if attributes else ""


def _of_resource(resource: ResourceRecord) -> tuple[str, str]:
    return _of(resource.attributes), resource.schema_url


def _of_scope(scope: ScopeRecord) -> tuple[str, str, str, str]:
    return scope.name, scope.version, scope.schema_url, _of(scope.attributes)
