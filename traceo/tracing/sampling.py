"""Samplers: always on, always off, a ratio of trace ids, and following the parent.

Each of ours comes down to one number per kind of parent: a trace is kept when the low 64 bits of its id
are below the bound. The tracer reads ``bounds`` and decides without a call; ``should_sample`` gives the
same answer in the OpenTelemetry SDK's shape, so that samplers of both makes can be nested in each other.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from opentelemetry.context.context import Context
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span

from traceo.records import Attributes

__all__ = [
    "ALL",
    "ALWAYS_OFF",
    "ALWAYS_ON",
    "DEFAULT_OFF",
    "DEFAULT_ON",
    "NONE",
    "Bounds",
    "Decision",
    "ParentBased",
    "ParentBasedTraceIdRatio",
    "Sampler",
    "SamplingResult",
    "StaticSampler",
    "TraceIdRatioBased",
    "bounds_of",
    "sampler_from_environ",
]

_logger = logging.getLogger("traceo.tracing")

ALL = 1 << 64
NONE = 0
_LOW_64 = ALL - 1


class Bounds(NamedTuple):
    """The bound for a root span and for each kind of parent; ``NONE`` keeps nothing, ``ALL`` everything.

    A negative one is ``-1 - threshold`` of consistent sampling: see ``traceo.tracing.consistent``.
    """

    root: int
    remote_sampled: int
    remote_not_sampled: int
    local_sampled: int
    local_not_sampled: int


class Decision(Enum):
    """What becomes of a span: dropped, recorded for processors only, or recorded and exported."""

    DROP = 0
    RECORD_ONLY = 1
    RECORD_AND_SAMPLE = 2

    def is_recording(self) -> bool:
        """Whether the span records anything."""
        return self is not Decision.DROP

    def is_sampled(self) -> bool:
        """Whether the sampled flag is set."""
        return self is Decision.RECORD_AND_SAMPLE


class SamplingResult:
    """A decision, attributes to start the span with, and the trace state it carries."""

    __slots__ = ("attributes", "decision", "trace_state")

    def __init__(
        self, decision: Decision, attributes: Attributes | None = None, trace_state: TraceState | None = None
    ) -> None:
        self.decision = decision
        # Read-only and a copy: a sampler may hand out one result again and again.
        self.attributes: Attributes = MappingProxyType(dict(attributes or {}))
        self.trace_state = trace_state

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.decision!s}, attributes={self.attributes!s})"


class Sampler(Protocol):
    """The shape of a sampler, ours or the OpenTelemetry SDK's."""

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
        """The decision for a span about to start."""
        ...

    def get_description(self) -> str:
        """A name for people."""
        ...


class _BoundSampler:
    """A sampler whose decision depends on the parent and the trace id alone."""

    __slots__ = ("bounds", "kept")

    def __init__(self, bounds: Bounds, kept: Decision = Decision.RECORD_AND_SAMPLE) -> None:
        self.bounds = bounds
        self.kept = kept

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,  # noqa: ARG002  the shape of every sampler
        kind: SpanKind | None = None,  # noqa: ARG002
        attributes: Attributes | None = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002
        trace_state: TraceState | None = None,  # noqa: ARG002
    ) -> SamplingResult:
        """Keep the trace when the low 64 bits of its id are below the bound for this kind of parent."""
        parent = get_current_span(parent_context).get_span_context()
        if not parent.is_valid:
            bound, state = self.bounds.root, None
        else:
            bound, state = (
                self.bounds[1 + 2 * (not parent.is_remote) + (not parent.trace_flags.sampled)],
                (parent.trace_state),
            )
        if (trace_id & _LOW_64) < bound:
            return SamplingResult(self.kept, attributes, state)
        return SamplingResult(Decision.DROP, None, state)


class StaticSampler(_BoundSampler):
    """Always the same decision, whatever the parent's."""

    __slots__ = ()

    def __init__(self, decision: Decision) -> None:
        super().__init__(Bounds(*[NONE if decision is Decision.DROP else ALL] * 5), decision)

    def get_description(self) -> str:
        """``AlwaysOnSampler`` or ``AlwaysOffSampler``."""
        return "AlwaysOffSampler" if self.kept is Decision.DROP else "AlwaysOnSampler"


class TraceIdRatioBased(_BoundSampler):
    """A ratio of traces, the same ones in every process; ``rate`` from 0.0 to 1.0, else ValueError."""

    __slots__ = ("rate",)

    TRACE_ID_LIMIT = _LOW_64

    def __init__(self, rate: float) -> None:
        if not 0.0 <= rate <= 1.0:
            raise ValueError("Probability must be in range [0.0, 1.0].")
        super().__init__(Bounds(*[self.get_bound_for_rate(rate)] * 5))
        self.rate = rate

    @classmethod
    def get_bound_for_rate(cls, rate: float) -> int:
        """The bound that keeps ``rate`` of all ids."""
        return ALL if rate >= 1.0 else round(rate * ALL)  # ALL itself: the tracer knows it by identity

    @property
    def bound(self) -> int:
        """The bound in use."""
        return self.bounds.root

    def get_description(self) -> str:
        """The class and its rate."""
        return f"TraceIdRatioBased{{{self.rate}}}"


ALWAYS_OFF = StaticSampler(Decision.DROP)
ALWAYS_ON = StaticSampler(Decision.RECORD_AND_SAMPLE)


class ParentBased:
    """Follow the parent, else ask ``root``; each kind of parent may have its own sampler."""

    __slots__ = ("_samplers", "bounds", "stamp")

    def __init__(
        self,
        root: Sampler,
        remote_parent_sampled: Sampler = ALWAYS_ON,
        remote_parent_not_sampled: Sampler = ALWAYS_OFF,
        local_parent_sampled: Sampler = ALWAYS_ON,
        local_parent_not_sampled: Sampler = ALWAYS_OFF,
    ) -> None:
        self._samplers = (
            root,
            remote_parent_sampled,
            remote_parent_not_sampled,
            local_parent_sampled,
            local_parent_not_sampled,
        )
        every = [bounds_of(sampler) for sampler in self._samplers]
        root_bound: int | None = getattr(root, "root_bound", None)
        if root_bound is not None:
            every[0] = Bounds(root_bound, NONE, NONE, NONE, NONE)
        self.stamp: Any = getattr(root, "stamp", None)
        self.bounds: Bounds | None = None
        if all(every):
            self.bounds = Bounds(*[bounds[at] for at, bounds in enumerate(every) if bounds is not None])

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes | None = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,  # noqa: ARG002  the shape of every sampler
    ) -> SamplingResult:
        """The answer of the sampler for this kind of parent."""
        parent = get_current_span(parent_context).get_span_context()
        at = 0
        if parent.is_valid:
            at = 1 + 2 * (not parent.is_remote) + (not parent.trace_flags.sampled)
        return self._samplers[at].should_sample(
            parent_context=parent_context,
            trace_id=trace_id,
            name=name,
            kind=kind,
            attributes=attributes,
            links=links,
        )

    def get_description(self) -> str:
        """The class and its five samplers."""
        names = (
            "root",
            "remoteParentSampled",
            "remoteParentNotSampled",
            "localParentSampled",
            "localParentNotSampled",
        )
        parts = (
            f"{name}:{sampler.get_description()}" for name, sampler in zip(names, self._samplers, strict=True)
        )
        return f"ParentBased{{{','.join(parts)}}}"


class ParentBasedTraceIdRatio(ParentBased):
    """Follow the parent; keep a ratio of the traces that start here."""

    __slots__ = ()

    def __init__(self, rate: float) -> None:
        super().__init__(root=TraceIdRatioBased(rate))


def bounds_of(sampler: Sampler) -> Bounds | None:
    """The bounds of one of our own samplers; None for any other, and for subclasses that override."""
    own = (_BoundSampler.should_sample, ParentBased.should_sample)
    if getattr(type(sampler), "should_sample", None) not in own:
        return None
    if getattr(sampler, "kept", None) is Decision.RECORD_ONLY:
        return None
    return getattr(sampler, "bounds", None)


DEFAULT_OFF = ParentBased(ALWAYS_OFF)
DEFAULT_ON = ParentBased(ALWAYS_ON)

_FIXED: Mapping[str, Sampler] = {
    "always_on": ALWAYS_ON,
    "always_off": ALWAYS_OFF,
    "parentbased_always_on": DEFAULT_ON,
    "parentbased_always_off": DEFAULT_OFF,
}


def sampler_from_environ(environ: Mapping[str, str] | None = None) -> Sampler:
    """The sampler ``OTEL_TRACES_SAMPLER`` and ``…_ARG`` name; parent-based always-on by default."""
    environ = os.environ if environ is None else environ
    name = environ.get("OTEL_TRACES_SAMPLER", "parentbased_always_on").strip().lower()
    if name in _FIXED:
        return _FIXED[name]
    if name not in ("traceidratio", "parentbased_traceidratio"):
        _logger.warning("Couldn't recognize sampler %s.", name)
        return DEFAULT_ON
    kind = TraceIdRatioBased if name == "traceidratio" else ParentBasedTraceIdRatio
    try:
        return kind(float(environ.get("OTEL_TRACES_SAMPLER_ARG", "")))
    except ValueError:
        _logger.warning("Could not convert OTEL_TRACES_SAMPLER_ARG to a ratio. Using default rate 1.0.")
        return kind(1.0)
