"""Trace context across a process border: W3C Trace Context and Baggage, or the propagator the user has set.

The default is read and written here by hand (the API's propagators cost several times as much a request);
when ``OTEL_PROPAGATORS`` names others, or the app calls ``set_global_textmap``, those do the work. Follows
W3C Trace Context level 1, section 3, and the API's own limits (512 characters for both headers).
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter, Setter, TextMapPropagator
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    TraceState,
    get_current_span,
    set_span_in_context,
)

from traceo.instrumentation.guard import failed

__all__ = ["Headers", "extract", "inject"]

Headers = Iterable[tuple[bytes, bytes]]

_DEFAULT_FIELDS: Final = {"traceparent", "tracestate", "baggage"}
_LOWER_HEX: Final = frozenset("0123456789abcdef")
_STATE_LIMIT: Final = 512
_BAGGAGE_KEY_PREFIX: Final = "baggage-"

_named = os.environ.get("OTEL_PROPAGATORS", "").replace(" ", "") not in {"", "tracecontext,baggage"}
_known: object = None
_custom: TextMapPropagator | None = None


def extract(base: Context, headers: Headers, first: Mapping[bytes, bytes]) -> tuple[Context, Span | None]:
    """The caller's context: ``base`` with its baggage and remote span, and that span (``None``: no caller).

    ``headers`` are lower-cased name and value pairs, ``first`` the same as a mapping.
    """
    propagator = _user_propagator()
    if propagator is not None:
        context = propagator.extract(_as_lists(headers), base, getter=_GETTER)
        span = get_current_span(context)
        return context, span if span is not get_current_span(base) else None
    if b"baggage" in first:
        base = _baggage(base, headers)
    parent = first.get(b"traceparent")
    if parent is None:
        return base, None
    span_context = _parse(parent, headers if b"tracestate" in first else None)
    if span_context is None:
        return base, None
    span = NonRecordingSpan(span_context)
    return set_span_in_context(span, base), span


def inject(span: Span, context: Context, put: Callable[[str, str], object]) -> None:
    """Write the headers that make ``span`` the callee's parent; ``context`` holds the baggage."""
    propagator = _user_propagator()
    if propagator is not None:
        propagator.inject(put, set_span_in_context(span, context), setter=_SETTER)
        return
    ids = span.get_span_context()
    if ids.is_valid:
        put("traceparent", f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{ids.trace_flags:02x}")
        if ids.trace_state:
            put("tracestate", ids.trace_state.to_header())
    for key in context:
        if key.startswith(_BAGGAGE_KEY_PREFIX):
            # Only now: who sets no baggage does not pay for loading it.
            from opentelemetry.baggage.propagation import W3CBaggagePropagator  # noqa: PLC0415

            W3CBaggagePropagator().inject(put, context, setter=_SETTER)
            return


def _parse(parent: bytes, state_headers: Headers | None) -> SpanContext | None:
    text = parent.decode("latin-1").strip()
    version, _, rest = text.partition("-")
    trace_id, span_id, flags = rest[:32], rest[33:49], rest[50:52]
    if (
        len(version) != 2
        or version == "ff"
        or len(rest) < 52
        or (len(rest) > 52 and (version == "00" or rest[52] != "-"))
        or rest[32] != "-"
        or rest[49] != "-"
        or not _LOWER_HEX.issuperset(version + trace_id + span_id + flags)
    ):
        return None
    trace_number, span_number = int(trace_id, 16), int(span_id, 16)
    if not trace_number or not span_number:
        return None
    state = None
    if state_headers is not None:
        values = [value.decode("latin-1") for name, value in state_headers if name == b"tracestate"]
        if sum(map(len, values)) + len(values) - 1 <= _STATE_LIMIT:
            state = TraceState.from_header(values)
    return SpanContext(
        trace_number, span_number, is_remote=True, trace_flags=TraceFlags(int(flags, 16)), trace_state=state
    )


def _baggage(base: Context, headers: Headers) -> Context:
    from opentelemetry.baggage.propagation import W3CBaggagePropagator  # noqa: PLC0415  rare: not worth its import

    joined = ",".join(value.decode("latin-1") for name, value in headers if name == b"baggage")
    return W3CBaggagePropagator().extract({"baggage": [joined]}, base)


def _user_propagator() -> TextMapPropagator | None:
    """The propagator somebody has chosen, or ``None`` while it is the default."""
    global _named, _known, _custom
    module = sys.modules.get("opentelemetry.propagate")
    if module is None:
        if not _named:
            return None
        _named = False  # one attempt: a wrong name must not cost an import a request
        try:
            import opentelemetry.propagate as module  # noqa: PLC0415  loads entry points; only when it is asked for
        except Exception as error:
            failed("propagation.load", error)
            return None
    current: TextMapPropagator = module.get_global_textmap()
    if current is not _known:
        _known = current
        default = type(current).__module__.startswith("opentelemetry.") and current.fields == _DEFAULT_FIELDS
        _custom = None if default else current
    return _custom


def _as_lists(headers: Headers) -> dict[str, list[str]]:
    carrier: dict[str, list[str]] = {}
    for name, value in headers:
        carrier.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return carrier


class _ListGetter(Getter[dict[str, list[str]]]):
    def get(self, carrier: dict[str, list[str]], key: str) -> list[str] | None:
        return carrier.get(key.lower())

    def keys(self, carrier: dict[str, list[str]]) -> list[str]:
        return list(carrier)


class _PutSetter(Setter[Callable[[str, str], object]]):
    def set(self, carrier: Callable[[str, str], object], key: str, value: str) -> None:
        carrier(key, value)


_GETTER: Final = _ListGetter()
_SETTER: Final = _PutSetter()
