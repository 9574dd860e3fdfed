"""Exemplars of a metric: single measurements that lead to their traces."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import msgspec

from traceo.collector.query.metric_query import MetricQuery

__all__ = ["MetricExemplar", "chosen_exemplars"]

Object: TypeAlias = dict[str, Any]

_MOST = 200


class MetricExemplar(msgspec.Struct, frozen=True):
    """A measurement. Ids are empty when it was made outside of a span; ``series`` is an index.

    ``attributes`` are its own and those of its point, without those its series is grouped by.
    """

    time_unix_nano: str
    value: float
    trace_id: str
    span_id: str
    attributes: Object
    series: int


class _Stored(msgspec.Struct, frozen=True):
    time_unix_nano: str
    value: float
    trace_id: str
    span_id: str
    attributes: Object


def chosen_exemplars(
    rows: Iterable[tuple[str, str, str]], groups: Sequence[str], query: MetricQuery
) -> list[MetricExemplar]:
    """At most 200 exemplars of these groups, in order of time; rows are (group, attributes, exemplars), JSON.

    Those with a trace go first; of each step the largest, then the second of each, and so on: slow ones are
    looked for, but not all in one place. A cumulative stream may tell the same one many times.
    """
    numbers = {grouped: number for number, grouped in enumerate(groups)}
    found: dict[tuple[str, str, str, float], MetricExemplar] = {}
    for grouped, attributes, text in rows:
        number = numbers.get(grouped)
        if number is None:
            continue
        of_point = msgspec.json.decode(attributes, type=Object)
        for one in msgspec.json.decode(text, type=list[_Stored]):
            if query.start_ns <= int(one.time_unix_nano) < query.end_ns:
                key = (one.trace_id, one.span_id, one.time_unix_nano, one.value)
                known = {**of_point, **one.attributes}
                known = {name: value for name, value in known.items() if name not in query.group_by}
                found[key] = MetricExemplar(
                    one.time_unix_nano, one.value, one.trace_id, one.span_id, known, number
                )
    by_step: dict[tuple[int, bool], list[MetricExemplar]] = {}
    for one in sorted(found.values(), key=lambda one: -one.value):
        step = int(one.time_unix_nano) // query.step_ns
        by_step.setdefault((step, not one.trace_id), []).append(one)
    places = [
        (untraced, place, step)
        for (step, untraced), of_step in by_step.items()
        for place in range(len(of_step))
    ]
    best = [by_step[step, untraced][place] for untraced, place, step in sorted(places)[:_MOST]]
    return sorted(best, key=lambda one: int(one.time_unix_nano))
