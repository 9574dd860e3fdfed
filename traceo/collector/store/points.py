"""OTLP metrics to table rows: one pass that also tells which points cannot be used, and why."""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from operator import lt
from typing import Literal, TypeAlias

import msgspec
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from traceo.collector.store.rows import INT64_MAX, NO_SERVICE, attributes, take_redacted
from traceo.collector.store.tables import Row
from traceo.semconv import TRACEO_DROPPED

__all__ = ["KINDS", "MetricKind", "Points", "read_points"]

MetricKind: TypeAlias = Literal["gauge", "sum", "histogram", "exponential_histogram", "summary"]
KINDS: tuple[MetricKind, ...] = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
"""OTLP's names of what a metric can be; their numbers in the table start at 1."""

_Point: TypeAlias = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint

_NO_VALUE_FLAG = 1  # OTLP's DataPointFlags: "no recorded value", a series that ends
_MAX_SCALE = 64  # beyond it a bucket's bounds are not numbers any more; senders stay within -10 … 20
_NOTHING: Row = (None,) * 14
_NO_HISTOGRAM: Row = (None,) * 13
_encode = msgspec.json.Encoder(order="sorted").encode  # equal attributes are one series in any order


class Points(msgspec.Struct, frozen=True):
    """Rows of ``tables.POINTS``, and how many points cannot be stored, by reason."""

    rows: list[Row]
    rejected: Counter[str]

    def complaint(self) -> str:
        """Say in a sentence what was rejected; empty when nothing was."""
        if not self.rejected:
            return ""
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.rejected.items()))
        return f"data points that are not stored: {reasons}"


class _UnusableError(Exception):
    """A point that cannot be stored; its text is the reason."""


def read_points(request: ExportMetricsServiceRequest) -> Points:
    """Read every usable point of a request."""
    points = Points([], Counter())
    for of_resource in request.resource_metrics:
        service, process, resource = _resource(of_resource.resource)
        for of_scope in of_resource.scope_metrics:
            scope = of_scope.scope
            place = (service, process, scope.name, scope.version, resource)
            identity = _scope_identity(process, scope)
            for metric in of_scope.metrics:
                _read_metric(metric, place, identity, points)
    return points


def _resource(resource: Resource) -> tuple[str, int, str]:
    """(service, process hash, JSON): without what changes over the life of a process, its counts of drops."""
    found = attributes(pair for pair in resource.attributes if not pair.key.startswith(TRACEO_DROPPED))
    take_redacted(found)
    service = found.get("service.name")
    encoded = _encode(found)
    process = _number(hashlib.blake2b(encoded, digest_size=8))
    return service if isinstance(service, str) and service else NO_SERVICE, process, encoded.decode()


def _scope_identity(process: int, scope: InstrumentationScope) -> bytes:
    return _encode([process, scope.name, scope.version, attributes(scope.attributes)])


def _read_metric(metric: Metric, place: Row, identity: bytes, points: Points) -> None:
    which = metric.WhichOneof("data")
    if which is None:
        return
    data = getattr(metric, which)
    temporality: int = getattr(data, "aggregation_temporality", 0)
    if not metric.name or (which in _ADDITIVE and temporality not in {1, 2}):
        reason = "without temporality" if metric.name else "without a metric's name"
        points.rejected[reason] += len(data.data_points)
        return
    kind = KINDS.index(which) + 1
    monotonic = int(getattr(data, "is_monotonic", False))
    head = (metric.name, kind, metric.unit, metric.description, temporality, monotonic, *place)
    hashed = hashlib.blake2b(identity, digest_size=8)
    hashed.update(_encode([metric.name, kind, metric.unit, temporality, monotonic]))
    values = _VALUES[which]
    for point in data.data_points:
        try:
            points.rows.append(head + _series(point, hashed) + values(point))
        except _UnusableError as error:
            points.rejected[str(error)] += 1


def _series(point: _Point, hashed: "hashlib.blake2b") -> Row:
    time_ns = point.time_unix_nano
    if not 0 < time_ns <= INT64_MAX:
        raise _UnusableError("without a time")
    found = attributes(point.attributes)
    redacted = take_redacted(found)
    encoded = _encode(found)
    stream = hashed.copy()
    stream.update(encoded)
    exemplars = () if isinstance(point, SummaryDataPoint) else point.exemplars
    return (
        _number(stream),
        min(point.start_time_unix_nano, INT64_MAX),
        time_ns,
        encoded.decode(),
        _encode(redacted).decode() if redacted else "[]",
        _exemplars(exemplars) if exemplars else "[]",
    )


def _number(hashed: "hashlib.blake2b") -> int:
    return int.from_bytes(hashed.digest(), "little", signed=True)


def _exemplars(exemplars: Sequence[Exemplar]) -> str:
    return _encode(
        [
            {
                "time_unix_nano": str(exemplar.time_unix_nano),
                "value": value,
                "trace_id": exemplar.trace_id.hex() if any(exemplar.trace_id) else "",
                "span_id": exemplar.span_id.hex() if any(exemplar.span_id) else "",
                "attributes": attributes(exemplar.filtered_attributes),
            }
            for exemplar in exemplars
            if (value := _number_value(exemplar)) is not None and math.isfinite(value)
        ]
    ).decode()


def _number_value(holder: NumberDataPoint | Exemplar) -> float | None:
    which = holder.WhichOneof("value")
    return None if which is None else float(getattr(holder, which))


def _number_values(point: NumberDataPoint) -> Row:
    value = _number_value(point)
    if point.flags & _NO_VALUE_FLAG:
        return _NOTHING
    if value is None:
        raise _UnusableError("without a value")
    if not math.isfinite(value):
        raise _UnusableError("with a value that is not finite")
    return (value, *_NO_HISTOGRAM)


def _histogram_values(point: HistogramDataPoint) -> Row:
    if point.flags & _NO_VALUE_FLAG:
        return _NOTHING
    counts, bounds = list(point.bucket_counts), list(point.explicit_bounds)
    _check_count(point.count, counts, bare=not bounds)
    # no NaN is less than anything, but one alone is compared with nothing
    rising = all(map(lt, bounds, bounds[1:])) and not (bounds and math.isnan(bounds[0]))
    if len(bounds) != max(len(counts) - 1, 0) or not rising:
        raise _UnusableError("with buckets that do not fit their bounds")
    return (None, point.count, *_statistics(point), bounds, counts, *(None,) * 7)


def _exponential_values(point: ExponentialHistogramDataPoint) -> Row:
    if point.flags & _NO_VALUE_FLAG:
        return _NOTHING
    positive, negative = list(point.positive.bucket_counts), list(point.negative.bucket_counts)
    _check_count(point.count, [point.zero_count, *positive, *negative], bare=False)
    if not -_MAX_SCALE <= point.scale <= _MAX_SCALE:
        raise _UnusableError("with a scale that is out of range")
    zero_threshold = point.zero_threshold if math.isfinite(point.zero_threshold) else 0.0
    return (
        None,
        point.count,
        *_statistics(point),
        None,
        positive,
        None,
        point.scale,
        point.zero_count,
        max(zero_threshold, 0.0),
        point.positive.offset,
        point.negative.offset,
        negative,
    )


def _summary_values(point: SummaryDataPoint) -> Row:
    if point.flags & _NO_VALUE_FLAG:
        return _NOTHING
    _check_count(point.count, [], bare=True)
    pairs = sorted((item.quantile, item.value) for item in point.quantile_values)
    if not all(0 <= quantile <= 1 for quantile, _ in pairs):
        raise _UnusableError("with quantiles that are not from 0 to 1")
    values = [value if math.isfinite(value) else None for _, value in pairs]
    quantiles = [quantile for quantile, _ in pairs]
    return (None, point.count, _finite(point.sum), None, None, quantiles, None, values, *(None,) * 6)


def _check_count(count: int, counts: Sequence[int], *, bare: bool) -> None:
    """OTLP: a point's count is the sum of its buckets' (there may be no buckets where ``bare``)."""
    if count > INT64_MAX or (sum(counts) != count and not (bare and not counts)):
        raise _UnusableError("with a count that is not the sum of its buckets")


def _statistics(point: HistogramDataPoint | ExponentialHistogramDataPoint) -> Row:
    return (
        _finite(point.sum) if point.HasField("sum") else None,
        _finite(point.min) if point.HasField("min") else None,
        _finite(point.max) if point.HasField("max") else None,
    )


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


_ADDITIVE = frozenset(("sum", "histogram", "exponential_histogram"))
_VALUES: dict[str, Callable[..., Row]] = {
    "gauge": _number_values,
    "sum": _number_values,
    "histogram": _histogram_values,
    "exponential_histogram": _exponential_values,
    "summary": _summary_values,
}
