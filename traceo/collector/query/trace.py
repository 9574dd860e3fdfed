"""One whole trace: its spans and its log lines."""

from typing import Any, Literal, TypeAlias, cast

import msgspec

from traceo.collector.batch import Signal
from traceo.collector.query.engine import Engine
from traceo.collector.query.filters import STATUSES

__all__ = [
    "Event",
    "Kind",
    "Link",
    "Log",
    "Redacted",
    "Scope",
    "Span",
    "SpanStatus",
    "Trace",
    "kind_name",
    "trace",
]

Kind: TypeAlias = Literal["internal", "server", "client", "producer", "consumer"]
Object: TypeAlias = dict[str, Any]  # JSON object; OTLP's types, see store.rows.json_value

_KINDS: tuple[Kind, ...] = ("internal", "server", "client", "producer", "consumer")
_SPANS = """
SELECT DISTINCT ON (span_id)
    span_id, parent_span_id, name, service, kind, start_ns, duration_ns, status, status_message, scope_name,
    scope_version, resource_json, attributes_json, events_json, links_json, redacted_json
FROM {rows} WHERE trace_id = ? ORDER BY span_id, duration_ns DESC
"""
_LOGS = """
SELECT
    time_ns, severity, severity_text, body_json, attributes_json, span_id, service, redacted_json, event_name
FROM {rows} WHERE trace_id = ? ORDER BY time_ns
"""


class SpanStatus(msgspec.Struct, frozen=True):
    """OTLP's status."""

    code: Literal["unset", "ok", "error"]
    message: str


class Scope(msgspec.Struct, frozen=True):
    """The instrumentation scope."""

    name: str
    version: str


class Event(msgspec.Struct, frozen=True):
    """A span event."""

    name: str
    time_unix_nano: str
    attributes: Object


class Link(msgspec.Struct, frozen=True):
    """A link to a span, of this trace or another."""

    trace_id: str
    span_id: str
    attributes: Object


class Redacted(msgspec.Struct, frozen=True):
    """Which rule removed something, and where."""

    path: str
    rule: str


class Span(msgspec.Struct, frozen=True):
    """A span. Times are unix nanoseconds as decimal text, durations nanoseconds as numbers."""

    span_id: str
    parent_span_id: str | None
    name: str
    service: str
    kind: Kind
    start_unix_nano: str
    duration_ns: int
    status: SpanStatus
    scope: Scope
    resource: Object
    attributes: Object
    events: list[Event]
    links: list[Link]
    redacted: list[Redacted]


class Log(msgspec.Struct, frozen=True):
    """A log line that belongs to the trace."""

    time_unix_nano: str
    severity_number: int
    severity_text: str
    body: Any
    attributes: Object
    span_id: str | None
    service: str
    redacted: list[Redacted]
    event_name: str


class Trace(msgspec.Struct, frozen=True):
    """A trace: spans in order of their start, logs in order of their time."""

    trace_id: str
    start_unix_nano: str
    duration_ns: int
    spans: list[Span]
    logs: list[Log]


def trace(engine: Engine, trace_id: str) -> Trace | None:
    """Read one trace by its 32 hex digits; None when there is no span of it."""
    view = engine.view()
    rows = view.rows(Signal.TRACES, _SPANS, [trace_id], view.segments(Signal.TRACES, traces=[trace_id]))
    if not rows:
        return None
    rows.sort(key=lambda row: (row[5], row[1] is not None, -row[6], row[0]))
    start: int = rows[0][5]
    end: int = max(row[5] + row[6] for row in rows)
    logs = view.rows(Signal.LOGS, _LOGS, [trace_id], view.segments(Signal.LOGS, traces=[trace_id]))
    return Trace(trace_id, str(start), end - start, [_span(row) for row in rows], [_log(row) for row in logs])


def kind_name(kind: int) -> Kind:
    """OTLP's number as the API's word."""
    return _KINDS[kind - 1]


def _ready(text: str) -> Any:
    # stored as JSON: put into the answer as it is, without reading it
    return msgspec.Raw(text.encode())


def _span(row: Any) -> Span:
    return Span(
        span_id=row[0],
        parent_span_id=row[1],
        name=row[2],
        service=row[3],
        kind=kind_name(row[4]),
        start_unix_nano=str(row[5]),
        duration_ns=row[6],
        status=SpanStatus(cast("Any", STATUSES[row[7]]), row[8]),
        scope=Scope(row[9], row[10]),
        resource=_ready(row[11]),
        attributes=_ready(row[12]),
        events=_ready(row[13]),
        links=_ready(row[14]),
        redacted=_ready(row[15]),
    )


def _log(row: Any) -> Log:
    return Log(
        time_unix_nano=str(row[0]),
        severity_number=row[1],
        severity_text=row[2],
        body=_ready(row[3]),
        attributes=_ready(row[4]),
        span_id=row[5],
        service=row[6],
        redacted=_ready(row[7]),
        event_name=row[8],
    )
