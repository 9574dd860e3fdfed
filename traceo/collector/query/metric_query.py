"""What may be asked about a metric, and how its parameters are read."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, get_args

import msgspec

from traceo.collector.query.filters import attribute_from, check_names, single, time_from, wrong

__all__ = ["AGGREGATIONS", "QUANTILES", "Aggregation", "MetricQuery", "fitting", "metric_query"]

Aggregation: TypeAlias = Literal["rate", "sum", "last", "avg", "p50", "p90", "p95", "p99", "count"]
AGGREGATIONS: tuple[Aggregation, ...] = get_args(Aggregation)
QUANTILES: dict[Aggregation, float] = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}

_S = 1_000_000_000
_HOUR_NS = 3600 * _S
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_STEPS = 120  # about as many when nobody says
_MAX_STEPS = 1500
_MAX_KEYS = 4
_LATEST_NS = 2**62  # the year 2116: what is added to times stays within 64 bits
_STEP = re.compile(r"\d{1,7}")
_ONCE = ("service", "start", "end", "step_s", "aggregation")

_OF_HISTOGRAMS: tuple[Aggregation, ...] = ("p95", "p50", "p90", "p99", "rate", "avg", "sum", "count")
_FITTING: dict[str, tuple[Aggregation, ...]] = {
    "gauge": ("last", "avg", "sum", "count"),
    "histogram": _OF_HISTOGRAMS,
    "exponential_histogram": _OF_HISTOGRAMS,
    "summary": ("rate", "avg", "sum", "count", "p50", "p90", "p95", "p99"),
}


class MetricQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A question about one metric. ``start_ns`` (included) and ``end_ns`` (not) are multiples of the step.

    ``aggregation`` None is the metric's own default. A key of ``group_by`` is looked up in a point's
    attributes, then in its resource's, as in ``attributes``, which are compared as text.
    """

    name: str
    service: str | None
    start_ns: int
    end_ns: int
    step_ns: int
    aggregation: Aggregation | None
    group_by: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...]

    @property
    def steps(self) -> int:
        """How many points a series has."""
        return (self.end_ns - self.start_ns) // self.step_ns


def metric_query(name: str, given: Mapping[str, Sequence[str]], *, now_ns: int) -> MetricQuery:
    """Read a question from the query string's values by name; without times, it is about the last hour.

    Raises:
        Problem: 400; says which parameter, what it is and what to give.
    """
    check_names(given, (*_ONCE, "group_by", "attribute"))
    one = {key: single(key, given[key]) for key in _ONCE if key in given}
    end_ns = min(time_from("end", one.get("end")) or now_ns, _LATEST_NS)
    start_ns = time_from("start", one.get("start"))
    start_ns = max(end_ns - _HOUR_NS, 0) if start_ns is None else start_ns
    if start_ns > end_ns:
        raise wrong("start", "it is after end", "give a start that is not after end")
    step_ns = _step(one.get("step_s"), end_ns - start_ns)
    group_by = tuple(dict.fromkeys(key for key in given.get("group_by", ()) if key))
    if len(group_by) > _MAX_KEYS:
        raise wrong("group_by", f"it is given {len(group_by)} times", f"give at most {_MAX_KEYS} keys")
    return MetricQuery(
        name=name,
        service=one.get("service") or None,
        start_ns=start_ns // step_ns * step_ns,
        end_ns=max(-(-end_ns // step_ns), start_ns // step_ns + 1) * step_ns,
        step_ns=step_ns,
        aggregation=_aggregation(one.get("aggregation")),
        group_by=group_by,
        attributes=tuple(attribute_from(text) for text in given.get("attribute", ())),
    )


def fitting(kind: str, *, monotonic: bool) -> tuple[Aggregation, ...]:
    """The aggregations that mean something for a kind of metric; the first is its default."""
    if kind == "sum":
        return ("rate", "sum", "last", "count") if monotonic else ("last", "avg", "rate", "sum", "count")
    return _FITTING[kind]


def _step(text: str | None, span_ns: int) -> int:
    if not text:
        wanted = span_ns / _S / _STEPS
        return next((step for step in _STEPS_S if step >= wanted), math.ceil(wanted / 86_400) * 86_400) * _S
    if not _STEP.fullmatch(text) or int(text) < 1:
        raise wrong("step_s", "it is not a whole number of seconds", "give a number from 1, such as 60")
    step_ns = int(text) * _S
    if span_ns // step_ns > _MAX_STEPS:
        least = -(-span_ns // (_MAX_STEPS * _S))
        raise wrong("step_s", f"it makes more than {_MAX_STEPS} steps", f"give at least {least}")
    return step_ns


def _aggregation(text: str | None) -> Aggregation | None:
    if not text:
        return None
    if text not in AGGREGATIONS:
        raise wrong("aggregation", "it is not known", f"give one of {', '.join(AGGREGATIONS)}")
    return text
