"""The values of a metric's series, by the queries of `metric_sql`."""

import re
import time
from typing import Any, TypeAlias, cast

from traceo.collector.batch import Signal
from traceo.collector.query import metric_sql
from traceo.collector.query.engine import Parameter, View
from traceo.collector.query.metric_query import QUANTILES, Aggregation, MetricQuery
from traceo.collector.query.quantiles import Bucket, quantile
from traceo.collector.store.points import KINDS

__all__ = ["Found", "Question"]

Found: TypeAlias = dict[str, dict[int, float]]
"""Group → step (its start in steps since 1970) → value."""

_S = 1_000_000_000
_LOOK_AROUND_NS = 600 * _S  # points outside the range that tell what grew at its ends
_MOST_SERIES = 20
_HISTOGRAMS = (KINDS.index("histogram") + 1, KINDS.index("exponential_histogram") + 1)
_SUMMARY = KINDS.index("summary") + 1
_NAMED = re.compile(r"\$([a-z_0-9]+)")


class Question:
    """One request's queries, all of one view."""

    def __init__(
        self, view: View, query: MetricQuery, *, kind: str, unit: str, aggregation: Aggregation
    ) -> None:
        self._view = view
        self._query = query
        self._aggregation: Aggregation = aggregation
        number = KINDS.index(kind) + 1
        self._kinds = list(_HISTOGRAMS) if number in _HISTOGRAMS else [number]
        self._is_sum = kind == "sum"
        reach = max(_LOOK_AROUND_NS, query.step_ns)
        self._now_ns = time.time_ns()
        self._parameters: dict[str, Parameter] = {
            "name": query.name,
            "unit": unit,
            "kinds": self._kinds,
            "service": query.service or "",
            "since": max(query.start_ns - reach, 0),
            "until": query.end_ns + reach,
            "start": query.start_ns,
            "end": query.end_ns,
            "step": query.step_ns,
            "most": _MOST_SERIES,
        }
        grouped = [self._bound(_pointer(key)) for key in query.group_by]
        self._grouped = f"to_json([{', '.join(_looked_up(name) for name in grouped)}]::VARCHAR[])::VARCHAR"
        wanted = [
            f"coalesce({_looked_up(self._bound(_pointer(key)))} = ${self._bound(value)}, false)"
            for key, value in query.attributes
        ]
        self._wanted = " AND ".join(wanted) or "true"

    def series(self) -> tuple[Found, int]:
        """Values by group, and how many groups were left out."""
        aggregation = self._aggregation
        if aggregation in QUANTILES:
            if self._kinds == [_SUMMARY]:
                return self._summary_quantiles(QUANTILES[aggregation])
            return self._quantiles(QUANTILES[aggregation])
        if aggregation == "count" and self._kinds[0] <= 2:
            return self._ask(metric_sql.POINTS, "value AS amount")
        if aggregation == "rate" or self._kinds[0] > 2 or (self._is_sum and aggregation == "sum"):
            return self._growth()
        combined = {
            "last": f"{'sum' if self._is_sum else 'avg'}(amount) FILTER (is_last)",
            "sum": "sum(amount) FILTER (is_last)",
            "avg": "sum(amount * weight) / sum(weight)",
        }
        return self._ask(metric_sql.HELD, "value AS amount", combined[aggregation])

    def exemplars(self, groups: list[str]) -> list[tuple[str, str, str]]:
        """Group, attributes and exemplars (JSON) of points of these groups."""
        self._parameters |= {"groups": groups, "end": self._query.end_ns}
        sql = metric_sql.EXEMPLARS.format(grouped=self._grouped, wanted=self._wanted)
        return cast("list[tuple[str, str, str]]", self._rows(sql))

    def _growth(self) -> tuple[Found, int]:
        histogram = self._kinds[0] > 2
        columns = (
            "count::DOUBLE AS amount, total, true AS grows"
            if histogram
            else "value AS amount, NULL::DOUBLE AS total, monotonic = 1 AS grows"
        )
        values = {
            "rate": "grown",
            "count": "grown",
            "sum": "grown_total" if histogram else "grown",
            "avg": "grown_total / nullif(grown, 0)",
        }
        complete_ns = self._complete_until()
        self._parameters["end"] = min(self._query.end_ns, complete_ns)
        found, omitted = self._ask(metric_sql.GROWTH, columns, values[self._aggregation])
        if self._aggregation != "rate":
            return found, omitted
        step = self._query.step_ns
        return {
            grouped: {
                at: value * _S / (min((at + 1) * step, complete_ns) - at * step)
                for at, value in steps.items()
            }
            for grouped, steps in found.items()
        }, omitted

    def _quantiles(self, rank: float) -> tuple[Found, int]:
        columns = "count::DOUBLE AS amount, total, true AS grows"
        self._parameters["end"] = min(self._query.end_ns, self._complete_until())
        sizes, omitted = self._ask(metric_sql.GROWTH, columns, "grown")
        if not sizes:
            return {}, 0
        self._parameters["groups"] = list(sizes)
        buckets: dict[tuple[str, int], list[Bucket]] = {}
        kinds = self._kinds
        for kind, sql in zip(_HISTOGRAMS, (metric_sql.EXPLICIT, metric_sql.EXPONENTIAL), strict=True):
            self._parameters["kinds"] = [kind]
            for grouped, step, low, high, weight in self._rows(self._fill(sql, "count")):
                bucket = _bounded(low, high, weight)
                if bucket is not None:
                    buckets.setdefault((grouped, step), []).append(bucket)
        self._parameters["kinds"] = kinds
        found: Found = {grouped: {} for grouped in sizes}
        for (grouped, step), held in buckets.items():
            value = quantile(held, rank)
            if value is not None:
                found[grouped][step] = value
        return found, omitted

    def _summary_quantiles(self, rank: float) -> tuple[Found, int]:
        self._parameters["rank"] = rank
        columns = "quantile_values[list_position(bounds, $rank)] AS amount"
        # quantiles of several processes cannot be put together; the largest is a bound for all
        return self._ask(metric_sql.HELD, columns, "max(amount) FILTER (is_last)")

    def _ask(self, sql: str, columns: str, v: str = "") -> tuple[Found, int]:
        found: Found = {}
        groups = 0
        for grouped, groups, step, value in self._rows(self._fill(sql, columns, v)):  # noqa: B007
            of_group = found.setdefault(grouped, {})
            if value is not None:
                of_group[step] = value
        return found, groups - len(found)

    def _fill(self, sql: str, columns: str, v: str = "") -> str:
        return sql.format(grouped=self._grouped, wanted=self._wanted, columns=columns, v=v)

    def _complete_until(self) -> int:
        """The time up to which all processes that still export have done so.

        What comes after it would look like a fall, and is not shown.
        """
        query = self._query
        reach = max(_LOOK_AROUND_NS, query.step_ns)
        if query.end_ns + reach < self._now_ns:
            return query.end_ns
        parameters = self._parameters | {"since": self._now_ns - reach}
        latest = [query.end_ns]
        for last_ns, usual_ns in self._rows(metric_sql.LATEST, parameters):
            if self._now_ns - last_ns < 2.5 * (usual_ns or 60 * _S):
                latest.append(last_ns)
        return max(min(latest), query.start_ns)

    def _rows(self, sql: str, parameters: dict[str, Parameter] | None = None) -> list[tuple[Any, ...]]:
        given = self._parameters if parameters is None else parameters
        segments = self._view.segments(
            Signal.METRICS, start_ns=cast("int", given["since"]), end_ns=cast("int", given["until"])
        )
        used = set(_NAMED.findall(sql))
        chosen = {name: value for name, value in given.items() if name in used}
        return self._view.rows(Signal.METRICS, sql, chosen, segments)

    def _bound(self, value: str) -> str:
        """Make a parameter; its name."""
        name = f"given_{len(self._parameters)}"
        self._parameters[name] = value
        return name


def _pointer(key: str) -> str:
    """RFC 6901: unlike DuckDB's path syntax it can name every key."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _looked_up(name: str) -> str:
    found = (f"json_extract_string({column}, ${name})" for column in ("attributes_json", "resource_json"))
    return f"coalesce({', '.join(found)})"


def _bounded(low: float | None, high: float | None, weight: float) -> Bucket | None:
    """A bucket with both ends; None when neither is known."""
    if high is not None and high == float("inf"):
        high = None
    if low is None and high is None:
        return None
    if high is None:
        high = cast("float", low)
    elif low is None or low == float("-inf"):
        low = 0.0 if high > 0 else high
    return (min(cast("float", low), high), high, weight)
