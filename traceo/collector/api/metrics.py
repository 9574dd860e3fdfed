"""The metric routes of the query API."""
# ruff: noqa: ARG001  parameters are declared for the OpenAPI document and read, all at once, by query.metric_query

import time
from typing import Annotated, Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter

from traceo.collector.api.given import given
from traceo.collector.query.engine import Engine
from traceo.collector.query.filters import check_names
from traceo.collector.query.metric_query import metric_query
from traceo.collector.query.metrics import MetricData, MetricList, metric, metrics
from traceo.collector.store.store import Store

__all__ = ["metric_routes"]


def metric_routes(*, engine: Engine, store: Store) -> list[HTTPRouteHandler]:
    """Make the handlers; they run in threads."""

    @get("/api/traceo/metrics", summary="Metrics", sync_to_thread=True)
    def get_metrics(
        request: Request[Any, Any, Any],
        service: Annotated[str | None, QueryParameter(description="only those this service sends")] = None,
    ) -> MetricList:
        """All metrics that have points, with what they can be grouped by."""
        check_names(given(request), ("service",))
        return metrics(store, service or None)

    @get("/api/traceo/metrics/{name:path}", summary="One metric over time", sync_to_thread=True)
    def get_metric(
        request: Request[Any, Any, Any],
        name: Annotated[str, PathParameter(description="the metric's name")],
        service: Annotated[str | None, QueryParameter(description="only points of this service")] = None,
        start: Annotated[
            str | None,
            QueryParameter(description="unix nanoseconds or RFC 3339; an hour before end if not given"),
        ] = None,
        end: Annotated[
            str | None, QueryParameter(description="unix nanoseconds or RFC 3339; now if not given")
        ] = None,
        step_s: Annotated[
            str | None,
            QueryParameter(
                description="seconds a point stands for, at most 1500 steps; about 120 steps if not given"
            ),
        ] = None,
        aggregation: Annotated[
            str | None,
            QueryParameter(
                description="rate (a second), sum, last, avg, p50, p90, p95, p99 or count; if not given, "
                "rate of what only grows, last of other sums and gauges, p95 of histograms, rate of summaries"
            ),
        ] = None,
        group_by: Annotated[
            list[str] | None,
            QueryParameter(description="key of an attribute of points or resources; repeatable, at most 4"),
        ] = None,
        attribute: Annotated[
            list[str] | None,
            QueryParameter(description="key:value of a point or its resource; repeatable, all must hold"),
        ] = None,
    ) -> MetricData:
        """One metric as series over time, with exemplars that lead to traces.

        Each step has one value: what grew (rate, sum, count), what held (last, avg) or a quantile by
        interpolation in buckets. The end of the range is shown as far as all senders have reported.
        """
        # Litestar keeps the slash before a path; a name may have slashes
        query = metric_query(name.removeprefix("/"), given(request), now_ns=time.time_ns())
        return metric(engine, store, query)

    return [get_metrics, get_metric]
