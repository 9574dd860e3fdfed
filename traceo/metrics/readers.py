"""Readers of OpenTelemetry's SDK on our provider: they keep their exporters, our instruments keep their cost.

What was collected becomes the SDK's data classes only here, when a reader asks. The SDK is there then: the
reader is one of its classes.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from traceo.metrics.losses import Losses
from traceo.records import ExponentialPoint, HistogramPoint, MetricRecord, NumberPoint
from traceo.tracing.resource import ResourceLike
from traceo.tracing.scope import InstrumentationScope

__all__ = ["connect", "each_reader", "metrics_data"]


def connect(reader: Any, provider: Any, collect: Callable[[float], Any]) -> None:
    """Have ``reader`` collect by ``collect``, which takes milliseconds and gives ``MetricsData`` or None."""

    def called(_: Any, timeout_millis: float = 10_000) -> Any:
        return collect(timeout_millis)

    reader._set_collect_callback(called)  # noqa: SLF001  the SDK's provider does the same
    set_provider = getattr(reader, "_set_meter_provider", None)
    if set_provider is not None:
        set_provider(provider)


def each_reader(readers: Sequence[Any], what: str, timeout_millis: float, losses: Losses) -> bool:
    """Call ``force_flush`` or ``shutdown`` of each; False if one failed."""
    all_did = True
    for reader in readers:
        try:
            did = getattr(reader, what)(timeout_millis=timeout_millis)
        except Exception as error:
            did = False
            name = type(reader).__name__
            losses.count("reader", name, "%s failed in %s (%s).", name, what, type(error).__name__)
        all_did = all_did and did is not False
    return all_did


def metrics_data(found: Iterable[tuple[InstrumentationScope, MetricRecord]], resource: ResourceLike) -> Any:
    """``opentelemetry.sdk.metrics.export.MetricsData``; None when there is nothing."""
    from opentelemetry.sdk.metrics import export  # noqa: PLC0415  whoever has a reader has the SDK

    scopes: dict[int, tuple[InstrumentationScope, list[Any]]] = {}
    for scope, metric in found:
        scopes.setdefault(id(scope), (scope, []))[1].append(_metric(export, metric))
    if not scopes:
        return None
    return export.MetricsData(
        resource_metrics=[
            export.ResourceMetrics(
                resource=resource,  # pyright: ignore[reportArgumentType]  exporters read its attributes
                scope_metrics=[
                    export.ScopeMetrics(scope=scope, metrics=metrics, schema_url=scope.schema_url)  # pyright: ignore[reportArgumentType]  equal to the SDK's
                    for scope, metrics in scopes.values()
                ],
                schema_url=resource.schema_url,
            )
        ]
    )


def _metric(export: Any, metric: MetricRecord) -> Any:
    points = [_point(export, point) for point in metric.points]
    temporality = export.AggregationTemporality(metric.temporality)
    if metric.kind == "gauge":
        data = export.Gauge(data_points=points)
    elif metric.kind == "sum":
        data = export.Sum(
            data_points=points, aggregation_temporality=temporality, is_monotonic=metric.is_monotonic
        )
    elif metric.kind == "histogram":
        data = export.Histogram(data_points=points, aggregation_temporality=temporality)
    else:
        data = export.ExponentialHistogram(data_points=points, aggregation_temporality=temporality)
    return export.Metric(name=metric.name, description=metric.description, unit=metric.unit, data=data)


def _point(export: Any, point: NumberPoint | HistogramPoint | ExponentialPoint) -> Any:
    shared: dict[str, Any] = {
        "attributes": point.attributes,
        "start_time_unix_nano": point.start_ns or None,
        "time_unix_nano": point.time_ns,
        "exemplars": _exemplars(point.exemplars),
    }
    if isinstance(point, NumberPoint):
        return export.NumberDataPoint(value=point.value, **shared)
    shared |= {
        "count": point.count,
        "sum": 0 if point.sum is None else point.sum,
        "min": float("inf") if point.min is None else point.min,
        "max": float("-inf") if point.max is None else point.max,
    }
    if isinstance(point, HistogramPoint):
        return export.HistogramDataPoint(
            bucket_counts=point.bucket_counts, explicit_bounds=point.bounds, **shared
        )
    return export.ExponentialHistogramDataPoint(
        scale=point.scale,
        zero_count=point.zero_count,
        positive=export.Buckets(offset=point.positive_offset, bucket_counts=point.positive_counts),
        negative=export.Buckets(offset=point.negative_offset, bucket_counts=point.negative_counts),
        flags=point.flags,
        **shared,
    )


def _exemplars(exemplars: Iterable[Any]) -> list[Any]:
    from opentelemetry.sdk.metrics import Exemplar  # noqa: PLC0415  as above

    return [
        Exemplar(each.attributes, each.value, each.time_ns, each.span_id or None, each.trace_id or None)
        for each in exemplars
    ]
