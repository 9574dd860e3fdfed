"""Consistent probability sampling: the decision and its probability travel with the trace.

OpenTelemetry's "TraceState: probability sampling" (OTEP 235): a probability p is a rejection threshold T of
56 bits, a trace is kept when its randomness (the last 56 bits of its id, or ``rv`` in the trace state) is at
least T, and a kept span says ``ot=th:<T>`` in its trace state. Every reader of a span knows from it how many
spans it stands for: 2⁵⁶ / (2⁵⁶ - T). The first span of a trace says it in words too, as
``traceo.sampling.probability``.
"""

from collections.abc import Sequence

from opentelemetry.context.context import Context
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span

from traceo.records import Attributes
from traceo.semconv import TRACEO_SAMPLING_PROBABILITY
from traceo.tracing.sampling import NONE, Decision, SamplingResult

__all__ = ["ConsistentRatio", "Stamp", "probability_of"]

_WHOLE = 1 << 56
_LOW_56 = _WHOLE - 1
_DIGITS = 14
_PRECISION = 4  # digits of a threshold after its leading f's: a probability to one part in 30 000 or better


class Stamp:
    """What a kept root span carries: its trace state, and the probability as an attribute."""

    __slots__ = ("attributes", "state")

    def __init__(self, threshold: int) -> None:
        self.state = TraceState([("ot", f"th:{_text(threshold)}")])
        self.attributes = {TRACEO_SAMPLING_PROBABILITY: (_WHOLE - threshold) / _WHOLE}


class ConsistentRatio:
    """Keep ``probability`` (0.0 to 1.0, else ValueError) of the traces, and say so in the trace state.

    As the root of a ``ParentBased`` sampler it costs a comparison. On its own it decides for every span anew.
    """

    __slots__ = ("root_bound", "stamp", "threshold")

    def __init__(self, probability: float) -> None:
        if not 0.0 <= probability <= 1.0:
            raise ValueError("Probability must be in range [0.0, 1.0].")
        self.threshold = _rounded(_WHOLE - round(probability * _WHOLE))
        self.root_bound = NONE if self.threshold == _WHOLE else -1 - self.threshold
        self.stamp = None if self.threshold == _WHOLE else Stamp(self.threshold)

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
        """Keep the trace when its randomness is at least the threshold."""
        parent = get_current_span(parent_context).get_span_context()
        state = parent.trace_state if parent.is_valid else None
        known: str = (state.get("ot") if state else None) or ""
        members = [member for member in known.split(";") if member and not member.startswith("th:")]
        given = next((member[3:] for member in members if member.startswith("rv:")), "")
        randomness = _hexadecimal(given) if len(given) == _DIGITS else None
        if randomness is None:
            randomness = trace_id & _LOW_56
        is_kept = randomness >= self.threshold
        if is_kept:
            members.insert(0, f"th:{_text(self.threshold)}")
        value = ";".join(members)
        if value != known:
            state = state or TraceState()
            state = state.delete("ot") if not value else state.update("ot", value)
        if not is_kept:
            return SamplingResult(Decision.DROP, None, state)
        if not parent.is_valid and self.stamp is not None:
            attributes = {**(attributes or {}), **self.stamp.attributes}
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, state)

    def get_description(self) -> str:
        """The class and its threshold."""
        threshold = "max" if self.threshold == _WHOLE else _text(self.threshold)
        return f"ConsistentRatio{{threshold:{threshold}}}"


def probability_of(trace_state: str) -> float | None:
    """The probability that a trace state (``key=value,…``) says its span was kept with; None if it says none.

    >>> probability_of("ot=th:c,other=1")
    0.25
    """
    for member in trace_state.split(","):
        key, _, value = member.strip().partition("=")
        if key != "ot":
            continue
        for part in value.split(";"):
            name, _, digits = part.partition(":")
            if name == "th" and 0 < len(digits) <= _DIGITS:
                threshold = _hexadecimal(digits.ljust(_DIGITS, "0"))
                return None if threshold is None else (_WHOLE - threshold) / _WHOLE
    return None


def _hexadecimal(digits: str) -> int | None:
    if digits.strip("0123456789abcdef"):
        return None
    return int(digits, 16)


def _text(threshold: int) -> str:
    return f"{threshold:014x}".rstrip("0") or "0"


def _rounded(threshold: int) -> int:
    """To few digits, so that the header stays short; the decision uses the same number."""
    if not 0 < threshold < _WHOLE:
        return threshold
    digits = f"{threshold:014x}"
    exact = len(digits) - len(digits.lstrip("f")) + _PRECISION
    if exact >= _DIGITS:
        return threshold
    unit = 1 << 4 * (_DIGITS - exact)
    return min((threshold + unit // 2) // unit * unit, _WHOLE - 1)
