"""The metrics of one process: where they come from, and how the pipeline gets them.

Light at the start: the meter provider is made when the application imports OpenTelemetry's metrics API (which
`traceo.counter` and its kin do), the metrics of spans need none, and the rest is made by the pipeline thread.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from traceo.errors import ConfigError
from traceo.records import MetricRecord, ResourceRecord

if TYPE_CHECKING:
    from traceo.metrics.provider import MeterProvider
    from traceo.metrics.views import View
    from traceo.pipeline.collection import MetricParts
    from traceo.pipeline.own_metrics import OwnMetrics
    from traceo.pipeline.runtime_metrics import RuntimeMetrics
    from traceo.pipeline.scrub import Redactor, Scrubber
    from traceo.pipeline.worker import Pipeline
    from traceo.tracing.span_metrics import SpanMetrics

__all__ = ["Metering", "interval_s", "sources_of"]

_AUTO = frozenset(("app", "spans", "own"))
_API = "opentelemetry.metrics"


def sources_of(text: str) -> frozenset[str]:
    """The sources that the setting ``metrics`` names; those of ``auto`` unless it names some of them.

    >>> sorted(sources_of("auto")), sorted(sources_of("runtime,-spans")), sorted(sources_of("app"))
    (['app', 'own', 'spans'], ['app', 'own', 'runtime'], ['app'])
    """
    names = set(text.split(","))
    if "off" in names:
        return frozenset()
    excluded = {name[1:] for name in names if name.startswith("-")}
    if "auto" in names or not names & _AUTO:
        names |= _AUTO
    return frozenset({name for name in names if not name.startswith("-")} - excluded - {"auto"})


def interval_s(environ: Mapping[str, str]) -> float:
    """Seconds between two collections: ``OTEL_METRIC_EXPORT_INTERVAL``, in milliseconds, 60000 by default."""
    given = environ.get("OTEL_METRIC_EXPORT_INTERVAL", "").strip()
    if not given:
        return 60.0
    try:
        seconds = float(given) / 1000
    except ValueError:
        seconds = 0.0
    if not 0.01 <= seconds <= 86_400:
        raise ConfigError(
            f"OTEL_METRIC_EXPORT_INTERVAL is {given[:20]!r}; give milliseconds from 10 to 86400000"
        )
    return seconds


class Metering:
    """What is measured in this process.

    Args:
        sources: which metrics are sent, see `sources_of`.
        pipeline: has them delivered.
        service_name: whose they are, where no tracer provider of ours says it.
        notes: what a user should know, for `traceo.status`.
        views: what becomes of the application's own metrics.
    """

    __slots__ = (
        "_cancel",
        "_lost",
        "_made",
        "_notes",
        "_own",
        "_pipeline",
        "_prometheus",
        "_record",
        "_runtime",
        "_service_name",
        "_sources",
        "_span_metrics",
        "_timeout_s",
        "_views",
        "provider",
        "tracer_provider",
    )

    def __init__(
        self,
        sources: frozenset[str],
        pipeline: "Pipeline",
        service_name: str,
        notes: list[str],
        views: "Sequence[View]" = (),
    ) -> None:
        self._sources = sources
        self._pipeline = pipeline
        self._service_name = service_name
        self._made: Any = None
        self._cancel: Callable[[], None] | None = None
        self._timeout_s = 5.0
        self._lost: dict[str, int] = {}
        self._prometheus: Callable[..., list[MetricRecord]] | None = None
        self._notes = notes
        self._views = tuple(views)
        self._record: tuple[Any, ResourceRecord] | None = None
        self._own: OwnMetrics | None = None
        self._runtime: RuntimeMetrics | None = None
        self._span_metrics: SpanMetrics | None = None
        self.provider: MeterProvider | None = None
        """Ours, once there is a use for it."""
        self.tracer_provider: Any = None
        """Whose spans are measured."""

    def span_metrics(self) -> "SpanMetrics | None":
        """What a tracer provider measures its spans with; None when that is not wanted."""
        if "spans" not in self._sources:
            return None
        from traceo.tracing.span_metrics import SpanMetrics  # noqa: PLC0415 - loaded with the provider

        self._span_metrics = SpanMetrics(on_first=self._pipeline.measure)
        return self._span_metrics

    def install(self) -> None:
        """Our meter provider as OpenTelemetry's global one, now or when its API is imported."""
        if self._sources & {"runtime", "prometheus"}:
            self._pipeline.measure()  # they are measured whatever the application does
        if "app" not in self._sources:
            return
        if _API in sys.modules:
            self._set_provider()
            return
        from traceo.instrumentation.hooks import when_imported  # noqa: PLC0415 - loaded with the other hooks

        self._cancel = when_imported(_API, lambda _: self._set_provider())

    def stop(self) -> None:
        """Wait no longer for the application to import the API."""
        if self._cancel is not None:
            self._cancel()

    def _set_provider(self) -> None:
        from opentelemetry import metrics  # noqa: PLC0415 - imported by the application

        there: Any = metrics.get_meter_provider()
        if getattr(there, "is_of_a_test", False):
            return
        # The proxy's class has no public name.
        if type(there).__name__ != "_ProxyMeterProvider":
            kind: type = there.__class__
            self._notes.append(
                f"{kind.__module__}.{kind.__qualname__} was the meter provider before init(): what the "
                "application measures goes there; call traceo.init() first to have it here"
            )
            return
        from traceo.metrics.provider import MeterProvider  # noqa: PLC0415 - another provider spares it

        pipeline = self._pipeline
        self.provider = MeterProvider(
            resource=self._resource(),
            views=self._views,
            on_first=pipeline.measure,
            flush=pipeline.flush,
        )
        metrics.set_meter_provider(self.provider)

    # For the pipeline thread.

    def parts(self, scrubber: "Scrubber", engine: "Redactor") -> "MetricParts | None":
        """What metrics pass through; None when none are sent.

        All that is imported is imported here, while a fork waits: a child could not finish it.
        """
        if not self._sources:
            return None
        from traceo.exporters.otlp_metrics import encode_metrics  # noqa: PLC0415 - only where there are metrics
        from traceo.pipeline.collection import MetricParts  # noqa: PLC0415 - the same
        from traceo.pipeline.scrub_metrics import MetricScrubber  # noqa: PLC0415 - the same
        from traceo.tracing.span_metrics import is_delta_wanted  # noqa: PLC0415 - the same

        is_delta = is_delta_wanted()
        if "own" in self._sources:
            from traceo.pipeline.own_metrics import OwnMetrics  # noqa: PLC0415 - the same

            self._own = OwnMetrics(self._pipeline, is_delta=is_delta, clock=time.time_ns)
        if "runtime" in self._sources:
            from traceo.pipeline.runtime_metrics import RuntimeMetrics  # noqa: PLC0415 - the same

            self._runtime = RuntimeMetrics(is_delta=is_delta, clock=time.time_ns)
        if "prometheus" in self._sources:
            from traceo.metrics.prometheus import collect_prometheus  # noqa: PLC0415 - the same

            self._prometheus = collect_prometheus
        return MetricParts(
            collect=self.collect,
            scrubber=MetricScrubber(scrubber, engine),
            encode=encode_metrics,
            tick=self._tick,
        )

    def _tick(self) -> None:
        if self._runtime is not None:
            with contextlib.suppress(Exception):
                self._runtime.loops.look()

    def collect(self, timeout_s: float = 5.0) -> Sequence[MetricRecord]:
        """Every source's metrics; one that fails is left out, callbacks that take longer are not awaited."""
        self._timeout_s = timeout_s
        found: list[MetricRecord] = []
        sources = (self._of_app, self._of_spans, self._of_prometheus, self._of_runtime, self._of_traceo)
        for read in sources:
            try:
                found += read()
            except Exception as error:
                self._lose(f"{read.__name__[4:]}: {type(error).__name__}", 1)
        if found:
            shared = self._resource_record()
            for record in found:  # of one content, and by this of one group
                record.resource = shared
        return found

    def _of_app(self) -> Sequence[MetricRecord]:
        return self.provider.collect(self._timeout_s * 1000) if self.provider is not None else ()

    def _of_spans(self) -> Sequence[MetricRecord]:
        return self.tracer_provider.collect() if self._span_metrics is not None else ()

    def _of_prometheus(self) -> Sequence[MetricRecord]:
        if self._prometheus is None:
            return ()
        return self._prometheus(self._resource_record(), lost=self._lose)

    def _lose(self, reason: str, count: int) -> None:
        self._lost[reason] = self._lost.get(reason, 0) + count

    def _of_runtime(self) -> Sequence[MetricRecord]:
        return self._runtime.collect(self._resource_record()) if self._runtime is not None else ()

    def _of_traceo(self) -> Sequence[MetricRecord]:
        return self._own.collect(self._resource_record()) if self._own is not None else ()

    def _resource(self) -> Any:
        """That of the spans, so that all signals agree on who emits them."""
        if self.tracer_provider is not None:
            return self.tracer_provider.resource
        if self._made is None:
            from traceo.tracing.resource import default_resource  # noqa: PLC0415 - another provider spares it

            self._made = default_resource(self._service_name or None)
        return self._made

    def _resource_record(self) -> ResourceRecord:
        """One object for one resource: the encoder groups by it."""
        from traceo.tracing.resource import record_of  # noqa: PLC0415 - loaded by now

        resource = self._resource()
        if self._record is None or self._record[0] is not resource:
            self._record = (resource, record_of(resource))
        return self._record[1]

    def overflows(self) -> dict[str, int]:
        """``instrument{attribute}`` → values that came too late for a series of their own."""
        found: dict[str, int] = {}
        for source in (self.provider, self._span_metrics):
            if source is not None:
                found |= source.overflows()
        return found

    def notes(self) -> tuple[str, ...]:
        """What was measured and could not be taken, in words."""
        ignored = dict(self.provider.ignored()) if self.provider is not None else {}
        for reason, count in self._lost.items():
            ignored[reason] = ignored.get(reason, 0) + count
        if not ignored:
            return ()
        counts = ", ".join(f"{reason} {count}" for reason, count in sorted(ignored.items()))
        return (f"metrics ignored: {counts}",)

    def after_fork_in_child(self) -> None:
        """Start from zero. Providers see to it themselves."""
        self._lost = {}
        self._made = None
        for source in (self._own, self._runtime):
            if source is not None:
                source.restart()
