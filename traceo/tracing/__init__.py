"""Tracing: the OpenTelemetry tracing API on slot classes, at a fraction of the SDK's cost.

``TracerProvider`` takes the keyword arguments of the OpenTelemetry SDK's, and its samplers, id generators,
resources and span processors. Our classes are registered with the API's abstract ones rather than derived
from them (an abstract base costs a dict per span), so ``isinstance(span, opentelemetry.trace.Span)``
holds.
"""

from opentelemetry import trace as _api

from traceo.tracing.limits import SpanLimits
from traceo.tracing.provider import TracerProvider
from traceo.tracing.resource import Resource, default_resource
from traceo.tracing.snapshot import snapshot
from traceo.tracing.span import DroppedSpan, Event, Link, Span
from traceo.tracing.tracer import Tracer, current_ids, use_span

__all__ = [
    "DroppedSpan",
    "Event",
    "Link",
    "Resource",
    "Span",
    "SpanLimits",
    "Tracer",
    "TracerProvider",
    "current_ids",
    "default_resource",
    "snapshot",
    "use_span",
]

_api.Span.register(Span)
_api.NonRecordingSpan.register(DroppedSpan)
_api.Tracer.register(Tracer)
