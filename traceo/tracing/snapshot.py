"""From an ended span to the record that the pipeline redacts and encodes. Runs in the pipeline's thread.

Compiled by Cython with the types in ``snapshot.pxd``, see ``traceo._compiled``.
"""

# ruff: noqa: SLF001  reads the slots of spans directly, for speed
# pyright: reportPrivateUsage=false

from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceState

from traceo.records import AnyValue, EventRecord, LinkRecord, ResourceRecord, ScopeRecord, SpanRecord
from traceo.tracing.span import Span

__all__ = ["snapshot"]

_KINDS = {kind: kind.value + 1 for kind in SpanKind}  # OTLP counts from 1
_CODES = {code: code.value for code in StatusCode}

# OTLP span and link flags, above the eight trace flags.
_HAS_IS_REMOTE = 0x100
_IS_REMOTE = 0x200


def snapshot(span: Any) -> SpanRecord:
    """A fresh record of an ended span.

    Of our own spans it shares the attribute mapping, which no longer changes; of another implementation's
    ``ReadableSpan`` everything is copied. The caller owns the record and may replace its fields.
    """
    if not isinstance(span, Span):
        return _of_foreign(span)
    ours: Span = span
    site = ours._site
    start, end = ours._start_time, ours._end_time or ours._start_time
    record = SpanRecord.__new__(SpanRecord)  # and every field: nineteen keyword arguments cost as much again
    record.resource = site.resource_record
    record.scope = site.scope_record
    record.trace_id = ours._trace_id
    record.span_id = ours._span_id
    record.parent_span_id = ours._parent_id
    record.trace_state = _state(ours._trace_state) if ours._trace_state else ""
    record.flags = ours._flags | _HAS_IS_REMOTE | (ours._origin & _IS_REMOTE)
    record.name = ours._name if type(ours._name) is str else _name(ours._name)
    record.kind = _KINDS.get(ours._kind, 1)
    record.start_ns = start if type(start) is int else _nanos(start)
    record.end_ns = end if type(end) is int else _nanos(end)
    record.attributes = ours._attributes
    record.dropped_attributes = ours._dropped_attributes
    record.events = record.links = ()
    record.dropped_events = record.dropped_links = record.status_code = 0
    record.status_message = ""
    if ours._events is not None:
        record.events = [
            EventRecord(
                _name(event._name), _nanos(event._timestamp), event._attributes, event._dropped_attributes
            )
            for event in ours._events
        ]
        record.dropped_events = ours._events.dropped
    if ours._links is not None:
        record.links = [_link(link) for link in ours._links]
        record.dropped_links = ours._links.dropped
    if ours._status is not None:
        record.status_code = _CODES[ours._status.status_code]
        record.status_message = ours._status.description or ""
    return record


def _of_foreign(span: Any) -> SpanRecord:
    context: SpanContext = span.get_span_context()
    parent: SpanContext | None = span.parent
    return SpanRecord(
        resource=_resource(span.resource),
        scope=_scope(span.instrumentation_scope),
        trace_id=context.trace_id,
        span_id=context.span_id,
        parent_span_id=parent.span_id if parent else 0,
        trace_state=_state(context.trace_state),
        flags=context.trace_flags | _HAS_IS_REMOTE | (_IS_REMOTE if parent and parent.is_remote else 0),
        name=_name(span.name),
        kind=_KINDS.get(span.kind, 1),
        start_ns=_nanos(span.start_time),
        end_ns=_nanos(span.end_time or span.start_time),
        attributes=dict(span.attributes) if span.attributes else None,
        dropped_attributes=span.dropped_attributes,
        events=[
            EventRecord(
                _name(event.name),
                _nanos(event.timestamp),
                dict(event.attributes or {}),
                event.dropped_attributes,
            )
            for event in span.events
        ],
        dropped_events=span.dropped_events,
        links=[_link(link) for link in span.links],
        dropped_links=span.dropped_links,
        status_code=_CODES[span.status.status_code],
        status_message=span.status.description or "",
    )


def _name(name: Any) -> str:
    """The API says str; applications say what they like."""
    if isinstance(name, str):
        return name
    try:
        return str(name)
    except Exception:
        return ""


def _nanos(time: Any) -> int:
    """The API says int; ``time.time() * 1e9`` is a float."""
    if type(time) is int:
        return time
    try:
        return int(time)
    except Exception:
        return 0


def _link(link: Any) -> LinkRecord:
    context: SpanContext = link.context
    attributes: Mapping[str, AnyValue] | None = link.attributes
    return LinkRecord(
        context.trace_id,
        context.span_id,
        _state(context.trace_state),
        context.trace_flags | _HAS_IS_REMOTE | (_IS_REMOTE if context.is_remote else 0),
        dict(attributes) if attributes else None,
        link.dropped_attributes,
    )


def _state(state: TraceState | None) -> str:
    return ",".join(f"{key}={value}" for key, value in state.items()) if state else ""


# The encoder groups by identity: one record for each foreign resource and scope, while they are few.
_MOST = 256
_records: dict[int, tuple[Any, Any]] = {}


def _resource(resource: Any) -> ResourceRecord:
    known = _records.get(id(resource))
    if known is None or known[0] is not resource:
        if len(_records) >= _MOST:
            _records.clear()
        known = (resource, ResourceRecord(dict(resource.attributes), resource.schema_url or ""))
        _records[id(resource)] = known
    return known[1]


def _scope(scope: Any) -> ScopeRecord:
    if scope is None:
        return _NO_SCOPE
    known = _records.get(id(scope))
    if known is None or known[0] is not scope:
        if len(_records) >= _MOST:
            _records.clear()
        attributes = dict(scope.attributes) if scope.attributes else None
        known = (scope, ScopeRecord(scope.name, scope.version or "", scope.schema_url or "", attributes))
        _records[id(scope)] = known
    return known[1]


_NO_SCOPE = ScopeRecord("")


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
