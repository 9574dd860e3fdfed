"""Metrics: what there is, and one of them as series over time."""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import msgspec

from traceo.collector.problems import Problem
from traceo.collector.query.engine import Engine
from traceo.collector.query.exemplars import MetricExemplar, chosen_exemplars
from traceo.collector.query.filters import wrong
from traceo.collector.query.metric_query import Aggregation, MetricQuery, fitting
from traceo.collector.query.metric_series import Question
from traceo.collector.store.metric_uses import hashes
from traceo.collector.store.points import KINDS, MetricKind
from traceo.collector.store.protocols import MetricUse
from traceo.collector.store.store import Store

__all__ = ["Metric", "MetricData", "MetricList", "MetricSeries", "metric", "metrics"]

Temporality: TypeAlias = Literal["delta", "cumulative"]

_S = 1_000_000_000


class Metric(msgspec.Struct, frozen=True):
    """A metric, of all services that send it alike. ``series``: how many attribute sets it has had."""

    name: str
    kind: MetricKind
    unit: str
    description: str
    temporality: Temporality | None
    is_monotonic: bool
    services: list[str]
    attributes: list[str]
    series: int
    last_seen_unix_nano: str


class MetricList(msgspec.Struct, frozen=True):
    """By name."""

    metrics: list[Metric]


class MetricSeries(msgspec.Struct, frozen=True):
    """A line: the values of the keys it is grouped by (null where there is none), and a point for each step.

    A point is the start of its step and the value, null where nothing is known.
    """

    attributes: dict[str, str | None]
    points: list[tuple[str, float | None]]


class MetricData(msgspec.Struct, frozen=True):
    """One metric over time: at most 20 series, the largest; ``omitted`` are the others."""

    name: str
    unit: str
    kind: MetricKind
    description: str
    aggregation: Aggregation
    start_unix_nano: str
    step_s: int
    series: list[MetricSeries]
    omitted: int
    exemplars: list[MetricExemplar]


def metrics(store: Store, service: str | None) -> MetricList:
    """All metrics that have points; of one service, or of all."""
    return MetricList([_metric(uses) for uses in _by_identity(store.metrics(service))])


def metric(engine: Engine, store: Store, query: MetricQuery) -> MetricData:
    """Answer a question about one metric; the newest one of its name, when services differ in kind or unit.

    Raises:
        Problem: 404, no service has it; 400, the aggregation does not fit its kind.
    """
    uses = [use for use in store.metrics(query.service) if use.name == query.name]
    if not uses:
        raise Problem(404, "unknown-metric", "No such metric", "no point of a metric of this name is stored")
    described = max((_metric(found) for found in _by_identity(uses)), key=_last_seen)
    suitable = fitting(described.kind, monotonic=described.is_monotonic)
    aggregation = query.aggregation or suitable[0]
    if aggregation not in suitable:
        raise wrong(
            "aggregation",
            f"{aggregation} says nothing about a metric of kind {described.kind}",
            f"give one of {', '.join(suitable)}",
        )
    question = Question(
        engine.view(), query, kind=described.kind, unit=described.unit, aggregation=aggregation
    )
    found, omitted = question.series()
    order = sorted(found, key=lambda grouped: (-_size(found[grouped]), grouped))
    exemplars = question.exemplars(order) if order and described.kind != "summary" else ()
    return MetricData(
        name=query.name,
        unit=described.unit,
        kind=described.kind,
        description=described.description,
        aggregation=aggregation,
        start_unix_nano=str(query.start_ns),
        step_s=query.step_ns // _S,
        series=[_series(query, grouped, found[grouped]) for grouped in order],
        omitted=omitted,
        exemplars=chosen_exemplars(exemplars, order, query),
    )


def _by_identity(uses: Iterable[MetricUse]) -> list[list[MetricUse]]:
    found: dict[tuple[str, int, str, int, int], list[MetricUse]] = {}
    for use in uses:
        key = (use.name, use.kind, use.unit, use.temporality, use.monotonic)
        found.setdefault(key, []).append(use)
    return [found[key] for key in sorted(found)]


def _metric(uses: Sequence[MetricUse]) -> Metric:
    newest = max(uses, key=lambda use: use.last_ns)
    return Metric(
        name=newest.name,
        kind=KINDS[newest.kind - 1],
        unit=newest.unit,
        description=newest.description,
        temporality=(None, "delta", "cumulative")[newest.temporality],
        is_monotonic=bool(newest.monotonic),
        services=sorted({use.service for use in uses}),
        attributes=sorted({key for use in uses for key in use.keys}),
        series=len(hashes(uses)),
        last_seen_unix_nano=str(newest.last_ns),
    )


def _last_seen(found: Metric) -> int:
    return int(found.last_seen_unix_nano)


def _size(values: dict[int, float]) -> float:
    return sum(abs(value) for value in values.values())


def _series(query: MetricQuery, grouped: str, values: dict[int, float]) -> MetricSeries:
    keys = msgspec.json.decode(grouped, type=list[str | None])
    first = query.start_ns // query.step_ns
    return MetricSeries(
        dict(zip(query.group_by, keys, strict=True)),
        [(str(step * query.step_ns), values.get(step)) for step in range(first, first + query.steps)],
    )
