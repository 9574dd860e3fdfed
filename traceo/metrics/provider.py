"""The meter provider: one per application; hands out meters and collects what their instruments measured."""

import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from logging import getLogger
from typing import Any

from opentelemetry.metrics import CallbackOptions, NoOpMeter
from opentelemetry.metrics import MeterProvider as ApiMeterProvider

from traceo.metrics.instruments import Shared
from traceo.metrics.losses import Losses
from traceo.metrics.meter import Meter
from traceo.metrics.output import Output, cell_maker, default_aggregation, is_delta
from traceo.metrics.stream import ALWAYS, NEVER, TRACE_BASED, LockedStream, Stream
from traceo.metrics.views import Aggregation, ExplicitBucketHistogram, ExponentialHistogram, View, view_of
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
        flush: what ``force_flush`` and ``shutdown`` call, with seconds, or None for as long as it takes.

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
        flush: Callable[[float | None], bool] | None = None,
    ) -> None:
        self._resource: ResourceLike = default_resource() if resource is None else resource
        self._resource_record = record_of(self._resource)
        self._losses = Losses()
        self._shared = Shared(self._losses, on_first)
        self._views = self._read(views)
        self._exemplars = _chosen(exemplar_filter, "OTEL_METRICS_EXEMPLAR_FILTER", _FILTERS, "trace_based")
        self._temporality = _chosen(
            temporality,
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            _TEMPORALITIES,
            "cumulative",
        )
        self._histogram = _chosen(
            histogram_aggregation,
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            _HISTOGRAMS,
            "explicit_bucket_histogram",
        )
        self._limit = cardinality_limit
        self._attribute_limit = cardinality_limit if attribute_limit is None else attribute_limit
        self._clock = clock
        self._flush = flush
        self._disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        self._is_shut_down = False
        self._meters: dict[tuple[object, ...], Meter] = {}
        self._lock = threading.RLock()
        self._collecting = threading.RLock()
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
            if meter is None:
                meter = Meter(scope, self._shared, self._outputs)
                self._meters[key] = meter
        return meter

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Have what was measured sent; False if that failed or took longer."""
        return self._flushed(timeout_millis / 1000)

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        """Measure nothing more, and flush; once. ``collect`` still tells what was measured before."""
        with self._lock:
            if self._is_shut_down:
                return
            self._is_shut_down = True
            meters = list(self._meters.values())
        for meter in meters:
            meter.stop(observing=True)
        self._flushed(timeout_millis / 1000)
        for meter in meters:
            meter.stop(observing=False)

    # --- for the pipeline

    def collect(self, timeout_millis: float = 10_000) -> list[MetricRecord]:
        """What every instrument has to say now; asks the callbacks, which are told of the timeout.

        Deltas start anew: each measurement is in exactly one collection.
        """
        with self._collecting:
            meters = list(self._meters.values())
            options = CallbackOptions(timeout_millis)
            for meter in meters:
                for observable in meter.observables():
                    observable.observe(options)
            time_ns = self._clock()
            found: list[MetricRecord] = []
            for meter in meters:
                for output in list(meter.outputs):
                    try:
                        metric = output.collect(self._resource_record, time_ns)
                    except Exception as error:
                        self._losses.count(
                            "internal", output.name, "%s: cannot be collected (%s).", output.name, error
                        )
                        continue
                    if metric is not None:
                        found.append(metric)
        return found

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
        self._lock = threading.RLock()
        self._collecting = threading.RLock()
        self._losses.after_fork_in_child()
        self._shared.after_fork_in_child()
        self._resource = forked(self._resource)
        self._resource_record = record_of(self._resource)
        for meter in self._meters.values():
            meter.after_fork_in_child()

    # --- making

    def _read(self, views: Sequence[Any]) -> tuple[View, ...]:
        found: list[View] = []
        for view in views:
            try:
                found.append(view_of(view))
            except (TypeError, ValueError) as error:
                self._losses.count("view", repr(view)[:200], "A view of metrics is left out: %s.", error)
        return tuple(found)

    def _outputs(
        self,
        *,
        meter: Meter,
        kind: str,
        name: str,
        unit: str,
        description: str,
        bounds: tuple[float, ...] | None,
    ) -> list[Output]:
        outputs: list[Output] = []
        is_matched = False
        for view in self._views:
            if not view.matches(name=name, kind=kind, unit=unit, meter=meter):
                continue
            if kind.startswith("Observable") and isinstance(
                view.aggregation, ExplicitBucketHistogram | ExponentialHistogram
            ):
                self._losses.tell(
                    "view", name, "%s: a view makes a histogram of what callbacks report; not applied.", name
                )
                continue
            is_matched = True
            output = self._output(view, meter, kind, name, unit, description, bounds)
            if output is not None and not self._conflicts(output, outputs, meter):
                outputs.append(output)
        if not is_matched:
            output = self._output(_EVERY, meter, kind, name, unit, description, bounds)
            if output is not None:
                outputs.append(output)
        return outputs

    def _conflicts(self, output: Output, beside: list[Output], meter: Meter) -> bool:
        """Warn when two streams of a meter become one metric; of one instrument only the first is made."""
        for other in (*beside, *meter.outputs):
            if other.name.lower() != output.name.lower() or other.instrument_name == output.instrument_name:
                continue
            self._losses.tell(
                "view", output.name, "%s: views make two metrics of this name; rename one.", output.name
            )
        return any(other.name == output.name and other.kind == output.kind for other in beside)

    def _output(
        self,
        view: View,
        meter: Meter,
        kind: str,
        name: str,
        unit: str,
        description: str,
        bounds: tuple[float, ...] | None,
    ) -> Output | None:
        aggregation = view.aggregation or default_aggregation(kind, self._histogram)
        make = cell_maker(kind, aggregation, bounds)
        if make is None:
            return None
        shown = view.name or name
        limit = self._limit if view.cardinality_limit is None else view.cardinality_limit
        attribute_limit = self._attribute_limit if view.attribute_limit is None else view.attribute_limit
        stream = _Stream(
            make=make,
            clock=self._clock,
            limit=limit,
            attribute_limit=attribute_limit,
            keep=view.attribute_keys,
            exemplars=self._exemplars,
            is_delta=is_delta(kind, aggregation, self._temporality),
            is_observed=kind.startswith("Observable"),
            on_overflow=lambda: self._losses.tell(
                "overflow",
                shown,
                "%s has more than %d series; further ones are counted together. See traceo.status().",
                shown,
                limit,
            ),
        )
        return Output(
            stream=stream,
            aggregation=aggregation,
            instrument_kind=kind,
            instrument_name=name,
            name=shown,
            description=description if view.description is None else view.description,
            unit=unit,
            scope=meter.scope.record,
        )

    def _flushed(self, timeout_s: float | None) -> bool:
        if self._flush is None:
            return True
        try:
            return self._flush(timeout_s) is not False
        except Exception as error:
            _logger.warning("Metrics could not be flushed (%s).", type(error).__name__)
            return False


_EVERY = View(instrument_name="*")

_has_gil = getattr(sys, "_is_gil_enabled", lambda: True)
_Stream = Stream if _has_gil() else LockedStream


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
