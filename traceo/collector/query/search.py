"""Which traces match, newest first, and what a list shows of each."""

import msgspec

from traceo.collector.batch import Signal
from traceo.collector.query.engine import Engine, Parameter, View
from traceo.collector.query.filters import Cursor, TraceQuery
from traceo.collector.store.protocols import Segment
from traceo.collector.store.segments import may_hold

__all__ = ["TracePage", "TraceSummary", "search"]

_FIRST_SEGMENTS = 1  # then four times as many, until the page cannot change any more

_FIND = """
SELECT trace_id, min(start_ns) AS at_ns FROM {{rows}} WHERE {where}
GROUP BY trace_id {having} ORDER BY at_ns DESC, trace_id DESC LIMIT ?
"""
# a span that was sent twice counts once
_SUMMARISE = """
SELECT
    trace_id,
    first(name ORDER BY parent_span_id IS NOT NULL, start_ns, span_id),
    first(service ORDER BY parent_span_id IS NOT NULL, start_ns, span_id),
    min(start_ns),
    max(start_ns + duration_ns) - min(start_ns),
    count(*),
    count(*) FILTER (status = 2),
    list_sort(list(DISTINCT service)),
    sum(redactions)
FROM (
    SELECT DISTINCT ON (trace_id, span_id)
        trace_id, span_id, parent_span_id, name, service, start_ns, duration_ns, status, redactions
    FROM {rows} WHERE trace_id IN (SELECT unnest(?))
)
GROUP BY trace_id
"""
_LOG_REDACTIONS = """
SELECT trace_id, sum(redactions) FROM {rows} WHERE trace_id IN (SELECT unnest(?)) GROUP BY trace_id
"""


class TraceSummary(msgspec.Struct, frozen=True):
    """A line of the list. The root is the span without parent, or the earliest one while there is none."""

    trace_id: str
    root_name: str
    root_service: str
    start_unix_nano: str
    duration_ns: int
    spans: int
    errors: int
    services: list[str]
    redactions: int


class TracePage(msgspec.Struct, frozen=True):
    """One page of a search; ``next`` continues it."""

    traces: list[TraceSummary]
    next: str | None


def search(engine: Engine, query: TraceQuery) -> TracePage:
    """Find traces. They are ordered by the start of their earliest matching span, newest first."""
    view = engine.view()
    found = _find(view, query)
    page = found[: query.limit]
    following = str(Cursor(page[-1][1], page[-1][0])) if len(found) > query.limit else None
    return TracePage(_summaries(view, [trace_id for trace_id, _ in page]), following)


def _find(view: View, query: TraceQuery) -> list[tuple[str, int]]:
    """Up to ``limit`` + 1 trace ids with their place in the order."""
    where, parameters = _where(query)
    having = ""
    end_ns = query.end_ns
    if query.cursor is not None:
        # a later span cannot put a trace behind the cursor, so later segments need not be opened
        end_ns = query.cursor.at_ns if end_ns is None else min(end_ns, query.cursor.at_ns)
        having = "HAVING min(start_ns) < ? OR (min(start_ns) = ? AND trace_id < ?)"
        where.append("start_ns <= ?")
        parameters += [end_ns, query.cursor.at_ns, query.cursor.at_ns, query.cursor.trace_id]
    sql = _FIND.format(where=" AND ".join(where) or "true", having=having)
    parameters.append(query.limit + 1)
    segments = view.segments(Signal.TRACES, start_ns=query.start_ns, end_ns=end_ns)
    opened = _FIRST_SEGMENTS
    while True:
        found = view.rows(Signal.TRACES, sql, parameters, segments[:opened])
        if _settled(found, query.limit, segments[opened:]):
            return found
        opened *= 4


def _settled(found: list[tuple[str, int]], limit: int, unopened: list[Segment]) -> bool:
    """Tell whether unopened (older) segments cannot change the page.

    They cannot when the page is full, all of it is later than anything in them, and none of its traces goes
    on there.
    """
    if not unopened:
        return True
    if len(found) <= limit or found[-1][1] <= unopened[0].max_ns:
        return False
    ids = [trace_id for trace_id, _ in found]
    return not any(may_hold(segment, ids) for segment in unopened)


def _where(query: TraceQuery) -> tuple[list[str], list[Parameter]]:
    compared: list[tuple[str, Parameter | None]] = [
        ("service = ?", query.service),
        ("name = ?", query.operation),
        ("start_ns >= ?", query.start_ns),
        ("start_ns <= ?", query.end_ns),
        ("duration_ns >= ?", query.min_duration_ns),
        ("duration_ns <= ?", query.max_duration_ns),
        ("status = ?", query.status),
    ]
    where = [condition for condition, value in compared if value is not None]
    parameters = [value for _, value in compared if value is not None]
    for key, value in query.attributes:
        conditions: list[str] = []
        for column in ("attributes_json", "resource_json"):
            conditions.append(f"({_mentions(column)} AND json_extract_string({column}, ?) = ?)")
            parameters += [*_spellings(key, value), _pointer(key), value]
        where.append(f"({' OR '.join(conditions)})")
    return where, parameters


def _mentions(column: str) -> str:
    # a plain text search is many times cheaper than parsing; only rows that pass it are parsed
    return f"(contains({column}, ?) OR contains({column}, ?))"


def _spellings(key: str, value: str) -> tuple[str, str]:
    """The two ways in which our own writer spells a member: a text, and anything else."""
    return f"{_json(key)}:{_json(value)}", f"{_json(key)}:{value}"


def _pointer(key: str) -> str:
    """RFC 6901: unlike DuckDB's path syntax it can name every key."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _json(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _summaries(view: View, ids: list[str]) -> list[TraceSummary]:
    if not ids:
        return []
    redactions = {
        trace_id: _int(count)
        for trace_id, count in view.rows(
            Signal.LOGS, _LOG_REDACTIONS, [ids], view.segments(Signal.LOGS, traces=ids)
        )
    }
    found = {
        str(row[0]): _summary(row, redactions.get(row[0], 0))
        for row in view.rows(Signal.TRACES, _SUMMARISE, [ids], view.segments(Signal.TRACES, traces=ids))
    }
    return [found[trace_id] for trace_id in ids if trace_id in found]


def _summary(row: tuple[object, ...], log_redactions: int) -> TraceSummary:
    trace_id, name, service, start, duration, spans, errors, services, redactions = row
    return TraceSummary(
        trace_id=str(trace_id),
        root_name=str(name),
        root_service=str(service),
        start_unix_nano=str(start),
        duration_ns=_int(duration),
        spans=_int(spans),
        errors=_int(errors),
        services=msgspec.convert(services, list[str]),
        redactions=_int(redactions) + log_redactions,
    )


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value
