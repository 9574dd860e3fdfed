"""The meter provider: one per application; hands out meters and collects what their instruments measured."""

import os
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from logging import getLogger
from typing import Any

from opentelemetry.metrics import CallbackOptions, NoOpMeter
from opentelemetry.metrics import MeterProvider as ApiMeterProvider

from traceo import native
from traceo.metrics.asking import Asker, Round
from traceo.metrics.instruments import Shared
from traceo.metrics.losses import Losses
from traceo.metrics.meter import Meter
from traceo.metrics.observing import Observable
from traceo.metrics.readers import connect, each_reader, metrics_data
from traceo.metrics.sinks import PreferenceSink, ReaderSink, Sink
from traceo.metrics.stream import ALWAYS, NEVER, TRACE_BASED
from traceo.metrics.views import Aggregation, ExplicitBucketHistogram, ExponentialHistogram
from traceo.metrics.wiring import Wiring
from traceo.records import Attributes, MetricRecord
from traceo.tracing.resource import ResourceLike, default_resource, forked, record_of
from traceo.tracing.scope import InstrumentationScope

__all__ = ["MeterProvider"]

_logger = getLogger("traceo")

_FILTERS = {"always_off": NEVER, "trace_based": TRACE_BASED, "always_on": ALWAYS}
_HISTOGRAMS: dict[str, Aggregation] = {
    "explicit_bucket_histogram": ExplicitBucketHistogram(),
    "base2_exponential_bucket_histogram": ExponentialHistogram(),
}
_TEMPORALITIES = {"cumulative": "cumulative", "delta": "delta", "lowmemory": "lowmemory"}

# Names made up at run time would make them without end.
_MOST_METERS = 1_000

# So many offenders are worth a look.
_MOST_OFFENDERS = 20


class MeterProvider(ApiMeterProvider):
    """Makes meters, and collects.

    Args:
        resource: what emits the metrics; Traceo's or the OpenTelemetry SDK's.
        views: Traceo's or the OpenTelemetry SDK's; one that is neither is left out with a warning.
        exemplar_filter: "trace_based", "always_on" or "always_off"; None for
            ``OTEL_METRICS_EXEMPLAR_FILTER``.
        temporality: "cumulative", "delta" or "lowmemory"; None for
            ``OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE``.
        histogram_aggregation: "explicit_bucket_histogram" or "base2_exponential_bucket_histogram"; None for
            ``OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION``.
        cardinality_limit: the most series of one stream, the overflow series not counted.
        attribute_limit: the most distinct values of one attribute in a stream; None for no limit of its own.
        clock: unix nanoseconds.
        on_first: called once a process, when the first instrument measures or one with callbacks is made.
        flush: what ``force_flush`` and ``shutdown`` call, with seconds.
        metric_readers: readers of OpenTelemetry's SDK. Each collects for itself, as it prefers, and hands
            everything to its own exporter as it is: nothing is redacted on that way. ``collect`` is left to
            them, and gives nothing.

    >>> provider = MeterProvider()
    >>> provider.get_meter("shop").create_counter("orders").add(2, {"country": "IN"})
    >>> [point.value for metric in provider.collect() for point in metric.points]
    [2]
    """

    def __init__(
        self,
        *,
        resource: ResourceLike | None = None,
        views: Sequence[Any] = (),
        exemplar_filter: str | None = None,
        temporality: str | None = None,
        histogram_aggregation: str | None = None,
        cardinality_limit: int = 2000,
        attribute_limit: int | None = None,
        clock: Callable[[], int] = time.time_ns,
        on_first: Callable[[], object] | None = None,
        flush: Callable[[float], bool] | None = None,
        metric_readers: Sequence[Any] = (),
    ) -> None:
        self._resource: ResourceLike = default_resource() if resource is None else resource
        self._resource_record = record_of(self._resource)
        self._losses = Losses()
        self._shared = Shared(self._losses, on_first)
        self._asker = Asker(self._losses)
        self._wiring = Wiring(
            views=views,
            exemplars=_chosen(exemplar_filter, "OTEL_METRICS_EXEMPLAR_FILTER", _FILTERS, "trace_based"),
            limit=cardinality_limit,
            attribute_limit=cardinality_limit if attribute_limit is None else attribute_limit,
            clock=clock,
            losses=self._losses,
        )
        self._histogram: Aggregation = _chosen(
            histogram_aggregation,
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            _HISTOGRAMS,
            "explicit_bucket_histogram",
        )
        preference: str = _chosen(
            temporality,
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            _TEMPORALITIES,
            "cumulative",
        )
        self._own = PreferenceSink(preference, self._histogram)
        self._readers = tuple(metric_readers)
        readers = [ReaderSink(reader, self._histogram) for reader in metric_readers]
        self._sinks: tuple[Sink, ...] = (*readers,) if readers else (self._own,)
        self._clock = clock
        self._flush = flush
        self._disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        self._is_shut_down = False
        self._meters: dict[tuple[object, ...], Meter] = {}
        self._lock = native.reentrant_lock()
        self._collecting = native.reentrant_lock()
        for sink in readers:
            connect(sink.reader, self, partial(self._collect_for, sink))
        _living.add(self)

    # --- the API

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes | None = None,
    ) -> Any:
        """The meter of a scope; the same one for the same name, version, schema URL and attributes."""
        if self._disabled or self._is_shut_down:
            return NoOpMeter(name, version, schema_url)
        if not name:
            name = ""
            self._losses.tell("meter", "", "get_meter was called without a name.")
        scope = InstrumentationScope(name, version, schema_url, attributes)
        key = (scope.name, scope.version or "", scope.schema_url, repr(sorted(scope.attributes.items())))
        with self._lock:
            meter = self._meters.get(key)
            if meter is None and len(self._meters) >= _MOST_METERS:
                meter = NoOpMeter(name, version, schema_url)
            elif meter is None:
                meter = Meter(scope, self._shared, self._wiring, self._sinks)
                self._meters[key] = meter
        if isinstance(meter, NoOpMeter):
            self._losses.count(
                "too many meters",
                "",
                "There are %d meters; what further ones measure is ignored. Name meters after libraries.",
                _MOST_METERS,
            )
        return meter

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Have what was measured sent; False if that failed or took longer."""
        are_read = each_reader(self._readers, "force_flush", timeout_millis, self._losses)
        return self._flushed(timeout_millis / 1000) and are_read

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        """Measure nothing more, and flush; once. ``collect`` still tells what was measured before."""
        with self._lock:
            if self._is_shut_down:
                return
            self._is_shut_down = True
            meters = list(self._meters.values())
        for meter in meters:
            meter.stop(observing=True)
        each_reader(self._readers, "shutdown", timeout_millis, self._losses)
        self._flushed(timeout_millis / 1000)
        for meter in meters:
            meter.stop(observing=False)

    # --- for the pipeline

    def collect(self, timeout_millis: float = 10_000) -> list[MetricRecord]:
        """What every instrument has to say now; asks the callbacks, and waits for them so long.

        Deltas start anew: each measurement is in exactly one collection.
        """
        return [metric for _, metric in self._collect(self._own, timeout_millis)]

    def _collect(self, sink: Sink, timeout_millis: float) -> list[tuple[InstrumentationScope, MetricRecord]]:
        with self._collecting:
            meters = list(self._meters.values())
            self._observe([each for meter in meters for each in meter.observables()], sink, timeout_millis)
            resource, time_ns = self._resource_record, self._clock()
            return [
                (meter.scope, metric) for meter in meters for metric in meter.collect(sink, resource, time_ns)
            ]

    def overflows(self) -> Mapping[str, int]:
        """The attributes to blame for overflow series, the worst first.

        ``instrument{attribute}`` → how many of its values came too late to get a series (an estimate, exact
        to about 1 %); ``instrument{*}`` where only the combinations of values were too many.
        """
        counts: dict[str, int] = {}
        for meter in list(self._meters.values()):
            for output in list(meter.outputs):
                for attribute, count in output.stream.cardinality.beyond().items():
                    key = f"{output.name}{{{attribute}}}"
                    counts[key] = max(count, counts.get(key, 0))
        worst = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return dict(worst[:_MOST_OFFENDERS])

    def overflowed(self) -> int:
        """Measurements that went to overflow series."""
        return sum(
            output.stream.cardinality.overflowed
            for meter in list(self._meters.values())
            for output in list(meter.outputs)
        )

    def ignored(self) -> Mapping[str, int]:
        """Measurements, callbacks and instruments that were ignored, by reason."""
        return self._losses.counts()

    def after_fork_in_child(self) -> None:
        """Start from zero, with locks of our own: the parent's sums are the parent's."""
        self._lock = native.reentrant_lock()
        self._collecting = native.reentrant_lock()
        self._losses.after_fork_in_child()
        self._shared.after_fork_in_child()
        self._asker.after_fork_in_child()
        self._resource = forked(self._resource)
        self._resource_record = record_of(self._resource)
        for meter in self._meters.values():
            meter.after_fork_in_child()

    def _observe(self, observables: Sequence[Observable], sink: Sink, timeout_millis: float) -> None:
        def ask(time: Round) -> None:
            for each in observables:
                each.observe(options, sink, time)

        options = CallbackOptions(timeout_millis)
        if observables:
            self._asker.ask(ask, timeout_millis / 1000)

    def _collect_for(self, sink: Sink, timeout_millis: float) -> Any:
        return metrics_data(self._collect(sink, timeout_millis), self._resource)

    def _flushed(self, timeout_s: float) -> bool:
        if self._flush is None:
            return True
        try:
            return self._flush(timeout_s) is not False
        except Exception as error:
            _logger.warning("Metrics could not be flushed (%s).", type(error).__name__)
            return False


def _chosen(given: str | None, variable: str, choices: Mapping[str, Any], default: str) -> Any:
    """The choice given, else the variable's, else the default; a wrong one is told and is the default."""
    text = os.environ.get(variable, "") if given is None else given
    name = text.strip().lower() or default
    if name not in choices:
        _logger.warning("%s is not one of %s; %s is used.", variable, ", ".join(choices), default)
        name = default
    return choices[name]


_living: "weakref.WeakSet[MeterProvider]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for provider in list(_living):
        provider.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
