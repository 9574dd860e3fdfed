"""What all spans of one tracer share, and where ended spans go."""

import sys
import threading
from collections.abc import Callable
from logging import getLogger
from typing import Any

from traceo.records import ResourceRecord, ScopeRecord
from traceo.tracing.clock import Clock
from traceo.tracing.durations import Durations
from traceo.tracing.limits import SpanLimits
from traceo.tracing.scope import InstrumentationScope

__all__ = ["Outlets", "Site"]

_logger = getLogger("traceo.tracing")


class Outlets:
    """The destinations of a provider's spans: Traceo's own sink, and OpenTelemetry span processors.

    A third-party processor that raises is reported once and counted in ``failures``; the application never
    sees it.
    """

    __slots__ = ("_lock", "_reported", "durations", "failures", "processors", "sink")

    def __init__(self, sink: Callable[[Any], object] | None) -> None:
        self.sink = sink
        self.processors: Any = (
            None  # a SpanProcessor; None while there is none, so that a span pays one comparison
        )
        self.durations: Durations | None = None  # measures spans, sampled or not; None: nobody wants to know
        self.failures = 0
        self._reported: set[str] = set()
        self._lock = threading.Lock()

    def hand_over(self, span: Any) -> None:
        """Give a sampled, ended span to the sink."""
        try:
            if self.sink is not None:
                self.sink(span)
        except Exception as error:
            self.failed("sink", error)

    def started(self, span: Any, parent_context: Any) -> None:
        """Tell the processors that a span started."""
        try:
            self.processors.on_start(span, parent_context=parent_context)
        except Exception as error:
            self.failed("on_start", error)

    def ended(self, span: Any) -> None:
        """Tell the processors that a span ended."""
        try:
            ending = getattr(self.processors, "_on_ending", None)
            if ending is not None:
                ending(span)
        except Exception as error:
            self.failed("_on_ending", error)
        try:
            self.processors.on_end(span)
        except Exception as error:
            self.failed("on_end", error)

    def failed(self, where: str, error: Exception) -> None:
        """Count a failure and report the first one at ``where``."""
        with self._lock:
            self.failures += 1
            known = where in self._reported
            self._reported.add(where)
        if not known:
            _logger.warning(
                "A span processor failed in %s (%s); further failures are only counted.",
                where,
                type(error).__name__,
            )


class Site:
    """Shared by all spans of a tracer; replaced as a whole when the resource changes."""

    __slots__ = (
        "clock",
        "keeping",
        "limits",
        "now",
        "outlets",
        "resource",
        "resource_record",
        "room",
        "scope",
        "scope_record",
    )

    def __init__(
        self,
        *,
        scope: InstrumentationScope,
        resource: Any,
        resource_record: ResourceRecord,
        limits: SpanLimits,
        outlets: Outlets,
        now: Callable[[], int],
        keeping: Any = None,
    ) -> None:
        self.scope = scope
        self.scope_record: ScopeRecord = scope.record
        self.resource = resource
        self.resource_record = resource_record
        self.limits = limits
        self.outlets = outlets
        self.now = now
        self.clock = Clock(now)  # the same, for compiled code: without a call through Python
        self.keeping = keeping  # traceo.tracing.keeping.Keeping: hold what the sampler leaves out
        # How many plain values a span takes without a closer look at them: none where strings are to be cut.
        count = sys.maxsize if limits.max_span_attributes is None else limits.max_span_attributes
        self.room = count if limits.max_span_attribute_length is None else 0


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
