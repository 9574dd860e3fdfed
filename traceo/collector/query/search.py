"""Which traces match, newest first, and what a list shows of each."""

import msgspec

from traceo.collector.batch import Signal
from traceo.collector.query.engine import Engine, Parameter, View
from traceo.collector.query.filters import Cursor, TraceQuery

__all__ = ["TracePage", "TraceSummary", "search"]

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
    """Find traces. They are ordered by the start of their earliest matching span, newest first.

    Raises:
        StoreError: the writer is several seconds behind.
    """
    view = engine.view()
    where, parameters = _where(query)
    having = ""
    if query.cursor is not None:
        having = "HAVING min(start_ns) < ? OR (min(start_ns) = ? AND trace_id < ?)"
        parameters += [query.cursor.at_ns, query.cursor.at_ns, query.cursor.trace_id]
    parameters.append(query.limit + 1)
    found = view.rows(
        Signal.TRACES,
        _FIND.format(where=" AND ".join(where) or "true", having=having),
        parameters,
        start_ns=query.start_ns,
        end_ns=query.end_ns,
    )
    page = [(str(trace_id), at_ns) for trace_id, at_ns in found[: query.limit]]
    following = None
    if len(found) > query.limit:
        trace_id, at_ns = page[-1]
        following = str(Cursor(_int(at_ns), trace_id))
    return TracePage(_summaries(view, [trace_id for trace_id, _ in page]), following)


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
            parameters += [*_spellings(key, value), f"$.{_json(key)}", value]
        where.append(f"({' OR '.join(conditions)})")
    return where, parameters


def _mentions(column: str) -> str:
    # a plain text search is many times cheaper than parsing; only rows that pass it are parsed
    return f"(contains({column}, ?) OR contains({column}, ?))"


def _spellings(key: str, value: str) -> tuple[str, str]:
    """The two ways in which our own writer spells a member: a text, and anything else."""
    return f"{_json(key)}:{_json(value)}", f"{_json(key)}:{value}"


def _json(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _summaries(view: View, ids: list[str]) -> list[TraceSummary]:
    if not ids:
        return []
    redactions = {
        trace_id: _int(count)
        for trace_id, count in view.rows(Signal.LOGS, _LOG_REDACTIONS, [ids], traces=ids)
    }
    found = {
        str(row[0]): _summary(row, redactions.get(row[0], 0))
        for row in view.rows(Signal.TRACES, _SUMMARISE, [ids], traces=ids)
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
