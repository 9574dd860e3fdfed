"""What a stored data point costs the collector, by stage: ``python benchmarks/collector_metrics.py``."""

import io
import time
from collections.abc import Callable

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from traceo.collector.batch import Signal
from traceo.collector.store import arrow
from traceo.collector.store.points import read_points

NOW_NS = 1_790_000_000_000_000_000
SERIES = 1000
ROUNDS = 5
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]


def export(kind: str) -> bytes:
    """One export of ``SERIES`` series with three attributes each, as it arrives."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    for key, value in (("service.name", "shop"), ("service.instance.id", "a" * 36), ("host.name", "web-1")):
        group.resource.attributes.add(key=key).value.string_value = value
    metric = group.scope_metrics.add().metrics.add(name="http.server.request.duration", unit="s")
    data = metric.sum if kind == "sum" else metric.histogram
    data.aggregation_temporality = 2
    for number in range(SERIES):
        point = data.data_points.add(start_time_unix_nano=NOW_NS, time_unix_nano=NOW_NS + number)
        point.attributes.add(key="http.request.method").value.string_value = "GET"
        point.attributes.add(key="http.route").value.string_value = f"/products/{number}"
        point.attributes.add(key="http.response.status_code").value.int_value = 200
        if kind == "sum":
            point.as_int = number
        else:
            counts = [number] * (len(BOUNDS) + 1)
            point.count, point.sum = sum(counts), 1.5
            point.bucket_counts.extend(counts)
            point.explicit_bounds.extend(BOUNDS)
    return request.SerializeToString()


def microseconds(run: Callable[[], object]) -> float:
    """Of the best of some rounds, for one point."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - begin)
    return best / SERIES * 1e6


def measure(kind: str) -> list[str]:
    """A line of the table."""
    body = export(kind)
    request = ExportMetricsServiceRequest.FromString(body)
    rows = read_points(request).rows
    points = arrow.from_rows(Signal.METRICS, rows)
    stages = [
        microseconds(lambda: ExportMetricsServiceRequest.FromString(body)),
        microseconds(lambda: read_points(request)),
        microseconds(lambda: arrow.from_rows(Signal.METRICS, rows)),
        microseconds(lambda: arrow.write_parquet(points, io.BytesIO(), Signal.METRICS)),
    ]
    stored = io.BytesIO()
    arrow.write_parquet(arrow.join([points] * 20), stored, Signal.METRICS)
    size = len(stored.getvalue()) / (20 * SERIES)
    return [kind, *(f"{stage:.2f}" for stage in stages), f"{1e6 / sum(stages):,.0f}", f"{size:.0f}"]


def main() -> None:
    """Print a Markdown table."""
    head = [
        "kind",
        "parse µs",
        "read µs",
        "to Arrow µs",
        "to Parquet µs",
        "points/s",
        "bytes a point on disk",
    ]
    for cells in (head, ["---"] * len(head), *(measure(kind) for kind in ("sum", "histogram"))):
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
