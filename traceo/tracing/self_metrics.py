"""OpenTelemetry's metrics about tracing itself, for those who ask for them.

``OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED=true`` counts started spans by sampling result and origin of the
parent (``otel.sdk.span.started``), and spans that are open (``otel.sdk.span.live``). That takes the complete
way through the sampler and a span processor: each span costs a few microseconds more.
"""

import os
from collections.abc import Sequence
from typing import Any

from opentelemetry.context.context import Context
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span

from traceo.records import Attributes
from traceo.tracing.sampling import Sampler, SamplingResult

__all__ = ["CountingSampler", "LiveSpans", "are_wanted", "meter_of"]

_PARENT = "otel.span.parent.origin"
_RESULT = "otel.span.sampling_result"


def are_wanted() -> bool:
    """Whether the variable asks for them."""
    return os.environ.get("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "").strip().lower() == "true"


def meter_of(meter_provider: Any) -> Any:
    """A meter of this provider, or of OpenTelemetry's global one."""
    from opentelemetry import metrics  # noqa: PLC0415  tracing does without otherwise

    return (meter_provider or metrics.get_meter_provider()).get_meter("traceo")


class CountingSampler:
    """Decides as ``sampler`` does, and counts."""

    __slots__ = ("_sampler", "_started")

    def __init__(self, sampler: Sampler, meter: Any) -> None:
        self._sampler = sampler
        self._started = meter.create_counter("otel.sdk.span.started", "{span}", "Spans started.")

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes | None = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """The other sampler's decision."""
        result = self._sampler.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )
        parent = get_current_span(parent_context).get_span_context()
        origin = "none" if not parent.is_valid else "remote" if parent.is_remote else "local"
        self._started.add(1, {_PARENT: origin, _RESULT: result.decision.name})
        return result

    def get_description(self) -> str:
        """The other sampler's."""
        return self._sampler.get_description()


class LiveSpans:
    """A span processor that counts spans between their start and their end."""

    __slots__ = ("_live",)

    def __init__(self, meter: Any) -> None:
        self._live = meter.create_up_down_counter("otel.sdk.span.live", "{span}", "Spans that are open.")

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """One more."""
        del parent_context
        self._live.add(1, _result(span))

    def on_end(self, span: Any) -> None:
        """One less."""
        self._live.add(-1, _result(span))

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is held."""
        del timeout_millis
        return True


def _result(span: Any) -> dict[str, str]:
    sampled = span.get_span_context().trace_flags.sampled
    return {_RESULT: "RECORD_AND_SAMPLE" if sampled else "RECORD_ONLY"}
