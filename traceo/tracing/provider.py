"""The tracer provider: one per application; hands out tracers and knows where their spans go."""

# ruff: noqa: SLF001  provider, tracers and spans are one machine in several files
# pyright: reportPrivateUsage=false

import atexit
import os
import threading
import weakref
from collections.abc import Callable
from logging import getLogger
from time import monotonic, time_ns
from typing import Any

from opentelemetry.trace import NoOpTracer
from opentelemetry.trace import Tracer as ApiTracer
from opentelemetry.trace import TracerProvider as ApiTracerProvider

from traceo.records import Attributes, MetricRecord
from traceo.tracing.ids import RandomIdGenerator
from traceo.tracing.keeping import Keeping
from traceo.tracing.kinship import kin
from traceo.tracing.limits import SpanLimits
from traceo.tracing.processors import SpanProcessors
from traceo.tracing.resource import ResourceLike, default_resource, forked, record_of
from traceo.tracing.sampling import Sampler, sampler_from_environ
from traceo.tracing.scope import InstrumentationScope
from traceo.tracing.self_metrics import CountingSampler, LiveSpans, are_wanted, meter_of
from traceo.tracing.site import Outlets, Site
from traceo.tracing.span import Span
from traceo.tracing.span_metrics import SpanMetrics
from traceo.tracing.tracer import Tracer

__all__ = ["TracerProvider"]

_logger = getLogger("traceo.tracing")


class TracerProvider(ApiTracerProvider):
    """Makes tracers; the keyword arguments of ``opentelemetry.sdk.trace.TracerProvider``, and a few more.

    ``sampler``, ``resource``, ``id_generator``, ``span_limits`` and span processors may be Traceo's or the
    OpenTelemetry SDK's. ``sink`` is called with each sampled span as it ends, in the thread that ends it;
    ``flush`` waits until what the sink took is delivered, for so many seconds or, at shutdown, for as long
    as it sees fit (None). ``clock`` gives unix nanoseconds. ``keep_errors`` and ``keep_slower_than_s`` give
    the sink also traces that the sampler left out, see ``traceo.tracing.keeping``. ``span_metrics`` measures
    spans of all kinds but internal ones, sampled or not; those that are not are recorded for it.
    ``meter_provider`` is for ``traceo.tracing.self_metrics``, off unless its variable is set.

    >>> ended = []
    >>> provider = TracerProvider(sink=ended.append, shutdown_on_exit=False)
    >>> with provider.get_tracer("shop").start_as_current_span("checkout"):
    ...     pass
    >>> ended[0].name
    'checkout'
    """

    def __init__(
        self,
        sampler: Sampler | None = None,
        resource: ResourceLike | None = None,
        shutdown_on_exit: bool = True,  # noqa: FBT001, FBT002  the SDK's signature
        active_span_processor: Any = None,
        id_generator: Any = None,
        span_limits: Any = None,
        *,
        meter_provider: Any = None,
        sink: Callable[[Span], object] | None = None,
        flush: Callable[[float | None], bool] | None = None,
        clock: Callable[[], int] = time_ns,
        keep_errors: bool = False,
        keep_slower_than_s: float = 0.0,
        span_metrics: SpanMetrics | None = None,
        _tracer_configurator: Callable[[Any], Any] | None = None,
    ) -> None:
        self.sampler: Sampler = sampler or sampler_from_environ()
        self.id_generator: Any = id_generator or RandomIdGenerator()
        self._resource: ResourceLike = default_resource() if resource is None else resource
        self._resource_record = record_of(self._resource)
        self._span_limits: SpanLimits = span_limits or SpanLimits()
        self._active_span_processor: Any = active_span_processor or SpanProcessors()
        self._outlets = Outlets(sink)
        if active_span_processor is not None:
            self._outlets.processors = active_span_processor
        self._deciding = self.sampler
        if are_wanted():
            self._count_spans(meter_of(meter_provider))
        self._keeping: Keeping | None = None
        if keep_errors or keep_slower_than_s:
            self._keeping = Keeping(self._outlets, errors=keep_errors, slower_than_s=keep_slower_than_s)
        self._span_metrics = span_metrics
        self._outlets.durations = None if span_metrics is None else span_metrics.durations
        self._flush = flush
        self._clock = clock
        self._configurator = _tracer_configurator
        self._disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        self._lock = threading.Lock()
        self._shut_down = False
        self._tracers: dict[tuple[object, ...], tuple[InstrumentationScope, Tracer]] = {}
        self._atexit_handler: Callable[[], None] | None = None
        if shutdown_on_exit:
            self._atexit_handler = atexit.register(self.shutdown)
        _living.add(self)

    @property
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride]  see traceo.tracing.kinship
        return kin(self, "opentelemetry.sdk.trace", "TracerProvider")

    @property
    def resource(self) -> Any:
        """The resource, of the class it was given."""
        return self._resource

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes | None = None,
    ) -> ApiTracer:
        """The tracer of a scope; the same one for the same name, version, schema URL and attributes."""
        if self._disabled or self._shut_down:
            return NoOpTracer()
        if not instrumenting_module_name:
            instrumenting_module_name = ""
            _logger.error("get_tracer called with missing module name.")
        scope = InstrumentationScope(
            instrumenting_module_name, instrumenting_library_version or "", schema_url, attributes
        )
        key = (scope.name, scope.version, scope.schema_url, repr(sorted(scope.attributes.items())))
        with self._lock:
            known = self._tracers.get(key)
            if known is None:
                known = (scope, Tracer(self._site(scope), self._deciding, self.id_generator))
                self._configure(*known)
                self._tracers[key] = known
        return known[1]  # pyright: ignore[reportReturnType]  a Tracer by registration, see traceo.tracing

    def add_span_processor(self, span_processor: Any) -> None:
        """Add an OpenTelemetry span processor; processors are called in the order they were added."""
        self._active_span_processor.add_span_processor(span_processor)
        self._outlets.processors = self._active_span_processor

    def shutdown(self) -> None:
        """Shut the processors down and flush the sink; once. Tracers got later do nothing."""
        with self._lock:
            if self._shut_down:
                return
            self._shut_down = True
        try:
            self._active_span_processor.shutdown()
        except Exception as error:
            _logger.warning("The span processor failed to shut down (%s).", type(error).__name__)
        self._flush_sink(None)
        if self._atexit_handler is not None:
            atexit.unregister(self._atexit_handler)
            self._atexit_handler = None

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the processors one after the other, then the sink; False if one failed or time ran out."""
        deadline_s = monotonic() + timeout_millis / 1000
        flushed = self._active_span_processor.force_flush(timeout_millis)
        if self._flush is None:
            return flushed
        return self._flush_sink(max(0.0, deadline_s - monotonic())) and flushed is not False

    def _flush_sink(self, timeout_s: float | None) -> bool:
        if self._flush is None:
            return True
        try:
            return self._flush(timeout_s)
        except Exception as error:
            _logger.warning("The pipeline failed to flush (%s).", type(error).__name__)
            return False

    @property
    def keeping(self) -> Keeping | None:
        """What is kept beyond the sampler's choice, with its counts; None when nothing is."""
        return self._keeping

    @property
    def span_metrics(self) -> SpanMetrics | None:
        """What is measured of spans; None when nothing is."""
        return self._span_metrics

    def collect(self) -> list[MetricRecord]:
        """The metrics of this provider's spans. One thread only."""
        return [] if self._span_metrics is None else self._span_metrics.collect(self._resource_record)

    def _site(self, scope: InstrumentationScope) -> Site:
        return Site(
            scope=scope,
            resource=self._resource,
            resource_record=self._resource_record,
            limits=self._span_limits,
            outlets=self._outlets,
            now=self._clock,
            keeping=self._keeping,
        )

    def _count_spans(self, meter: Any) -> None:
        self._deciding = CountingSampler(self.sampler, meter)
        self.add_span_processor(LiveSpans(meter))

    def _configure(self, scope: InstrumentationScope, tracer: Tracer) -> None:
        if self._configurator is None:
            return
        try:
            tracer._enabled = bool(self._configurator(scope).is_enabled)
        except Exception:
            _logger.exception("The tracer configurator failed for %s; its tracer stays enabled.", scope.name)

    def _set_tracer_configurator(self, *, tracer_configurator: Callable[[Any], Any]) -> None:
        self._configurator = tracer_configurator
        with self._lock:
            for scope, tracer in self._tracers.values():
                self._configure(scope, tracer)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self._resource = forked(self._resource)
        self._resource_record = record_of(self._resource)
        if self._span_metrics is not None:
            self._span_metrics.after_fork_in_child()
        for scope, tracer in self._tracers.values():
            tracer._site = self._site(scope)


_living: "weakref.WeakSet[TracerProvider]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for provider in list(_living):
        provider._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
