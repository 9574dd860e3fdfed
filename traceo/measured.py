"""What a test's code measures, for `traceo.testing`: real instruments, that start from zero in each test.

An instrument at the top of a module lives as long as its process and stays with the meter provider that it
met first. So the tests of a process share one provider, and an application that has called `traceo.init`
keeps its own; both are emptied before a test.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import _internal as _api  # pyright: ignore[reportPrivateUsage]  has no way back

from traceo.exporters.otlp_metrics import encode_metrics
from traceo.findings import Redaction, found_among, found_in
from traceo.pipeline.collection import MetricParts
from traceo.pipeline.scrub import Redactor, Scrubber
from traceo.pipeline.scrub_metrics import MetricScrubber
from traceo.records import Attributes, ExponentialPoint, HistogramPoint, MetricRecord, NumberPoint
from traceo.tracing import Resource

if TYPE_CHECKING:
    from traceo.metrics.provider import MeterProvider

__all__ = ["Measured"]

_shared: "MeterProvider | None" = None


class Measured:
    """The metrics of one test; the spans measured are those of ``tracer_provider``."""

    def __init__(self, tracer_provider: Any) -> None:
        self._tracer_provider = tracer_provider
        self._providers: list[MeterProvider] = []
        self._records: Sequence[MetricRecord] = ()
        self.redactions: set[Redaction] = set()
        """What had to be redacted in them."""

    def parts(self, scrubber: Scrubber, engine: Redactor) -> MetricParts:
        """For the pipeline."""
        return MetricParts(
            collect=self._collect,
            scrubber=MetricScrubber(scrubber, engine, self._tell),
            encode=encode_metrics,
            watch=self._watch,
        )

    def plain(self) -> list[dict[str, object]]:
        """The last collection by name, as plain dicts without what is empty."""
        return [_metric(record) for record in sorted(self._records, key=lambda one: one.name)]

    @contextmanager
    def listening(self, of_application: "MeterProvider | None") -> Generator[None]:
        """Inside, hear what is measured through OpenTelemetry's API and `traceo.counter` and its kin."""
        global _shared
        before: Any = _api._METER_PROVIDER  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        if before is None:
            if _shared is None:
                from traceo.metrics.provider import MeterProvider  # noqa: PLC0415 - 12 ms, once in a process

                _shared = MeterProvider(resource=Resource({"service.name": "test"}))
                _shared.is_of_a_test = True  # pyright: ignore[reportAttributeAccessIssue]  see traceo.metering
            _set(_shared)
        self._providers = [one for one in (_shared, of_application) if one is not None]
        for provider in self._providers:
            provider.after_fork_in_child()  # which starts from zero
        try:
            yield
        finally:
            if before is None:
                _api._METER_PROVIDER = None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    def _collect(self, timeout_s: float) -> list[MetricRecord]:
        found: list[MetricRecord] = self._tracer_provider.collect()
        for provider in self._providers:
            found += provider.collect(timeout_s * 1000)
        return found

    def _watch(self, records: Sequence[MetricRecord]) -> None:
        self._records = records

    def _tell(self, record: MetricRecord, found: Sequence[str]) -> None:
        self.redactions |= found_among(f"metric {record.name!r}", found)
        self.redactions |= found_in("scope", record.scope.attributes)


def _set(provider: "MeterProvider") -> None:
    _api._METER_PROVIDER = provider  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  set once, by the API
    proxy = _api._PROXY_METER_PROVIDER  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    # Once: it would make each instrument again, and ask each callback once more.
    if proxy._real_meter_provider is not provider:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        proxy.on_set_meter_provider(provider)


def _metric(metric: MetricRecord) -> dict[str, object]:
    return {
        **_without_empty(
            name=metric.name,
            unit=metric.unit,
            description=metric.description,
            kind=metric.kind,
            scope=metric.scope.name,
        ),
        "points": [_point(point) for point in metric.points],
    }


def _point(point: NumberPoint | HistogramPoint | ExponentialPoint) -> dict[str, object]:
    attributes = _without_empty(attributes=_plain(point.attributes))
    if isinstance(point, NumberPoint):
        return {**attributes, "value": point.value}
    values: dict[str, object] = {"count": point.count, "sum": point.sum, "min": point.min, "max": point.max}
    if isinstance(point, HistogramPoint):
        ends = [*point.bounds, float("inf")]
        counts = zip(ends, point.bucket_counts, strict=False)
        values["buckets"] = {end: count for end, count in counts if count}
    return {**attributes, **values}


def _plain(attributes: Attributes | None) -> dict[str, object]:
    return dict(attributes or {})


def _without_empty(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value not in ("", {})}
