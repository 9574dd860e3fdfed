"""What a measurement costs the application's thread, and what collecting costs, against opentelemetry-sdk.

    python benchmarks/metrics.py [--json]          TRACEO_PURE=1 for plain Python

Thread CPU time in microseconds an operation, medians of interleaved rounds, the loop included; collecting is
told per 1000 series.
"""

import argparse
import json
import statistics
import time

from opentelemetry.sdk.metrics import MeterProvider as SdkMeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation
from opentelemetry.sdk.metrics.view import View as SdkView

from traceo import _compiled
from traceo.metrics import MeterProvider
from traceo.tracing import TracerProvider

THREE = {"http.request.method": "GET", "http.route": "/items/{id}", "http.response.status_code": 200}
EIGHT = {
    **THREE,
    "network.protocol.version": "1.1",
    "server.address": "shop.example",
    "server.port": 8080,
    "url.scheme": "https",
    "error.type": "none",
}
ROUNDS = 9
SERIES = 1000


def bare(counter, count):
    for _ in range(count):
        counter.add(1)


def same_three(counter, count):
    for _ in range(count):
        counter.add(1, THREE)


def fresh_three(counter, count):
    for _ in range(count):
        counter.add(
            1,
            {"http.request.method": "GET", "http.route": "/items/{id}", "http.response.status_code": 200},
        )


def same_eight(counter, count):
    for _ in range(count):
        counter.add(1, EIGHT)


def fresh_eight(counter, count):
    for _ in range(count):
        counter.add(1, {**EIGHT})


def recorded(histogram, count):
    for _ in range(count):
        histogram.record(12.5, THREE)


def in_span(histogram, count):
    with TRACER.start_as_current_span("work"):
        for _ in range(count):
            histogram.record(12.5, THREE)


def overflowing(counter, count):
    for number in range(count):
        counter.add(1, {"user.id": number})


TRACER = TracerProvider(shutdown_on_exit=False).get_tracer("bench")


def cost_us(work, operations):
    start = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - start) / operations / 1000


def compare(name, target, theirs, their_operations, ours, our_operations):
    """Interleaved, so that a slow moment of the machine meets both."""
    theirs()
    ours()
    rounds = [(cost_us(theirs, their_operations), cost_us(ours, our_operations)) for _ in range(ROUNDS)]
    their_us, our_us = (statistics.median(column) for column in zip(*rounds, strict=True))
    return {
        "scenario": name,
        "sdk_us": their_us,
        "traceo_us": our_us,
        "ratio": their_us / our_us,
        "target": target,
    }


def of_sdk(*views):
    reader = InMemoryMetricReader()
    return reader, SdkMeterProvider([reader], views=views, shutdown_on_exit=False)


def measured(name, work, make, *, target=3, views=()):
    """One instrument of each, measured by ``work``."""
    _, provider = of_sdk(*views)
    theirs, ours = (
        getattr(each.get_meter("bench"), make)("bench") for each in (provider, MeterProvider(views=views))
    )
    return compare(name, target, lambda: work(theirs, 3000), 3000, lambda: work(ours, 30_000), 30_000)


def collected(name, make, measure):
    """A thousand series of one instrument, collected; in microseconds per 1000 series."""
    reader, provider = of_sdk()
    our_provider = MeterProvider()
    for each in (provider, our_provider):
        instrument = getattr(each.get_meter("bench"), make)("bench")
        for number in range(SERIES):
            getattr(instrument, measure)(
                1.5, {"http.route": f"/items/{number}", "http.request.method": "GET"}
            )
    return compare(name, 3, reader.get_metrics_data, 1, our_provider.collect, 1)


def measure():
    exponential = (SdkView(instrument_name="*", aggregation=ExponentialBucketHistogramAggregation()),)
    results = [
        measured("counter, no attributes", bare, "create_counter"),
        measured("counter, 3 attributes, same dict", same_three, "create_counter"),
        measured("counter, 3 attributes, fresh dict", fresh_three, "create_counter"),
        measured("counter, 8 attributes, same dict", same_eight, "create_counter"),
        measured("counter, 8 attributes, fresh dict", fresh_eight, "create_counter"),
        measured("histogram, 3 attributes, no span", recorded, "create_histogram"),
        measured("histogram, 3 attributes, sampled span", in_span, "create_histogram"),
        measured("exponential histogram, 3 attributes", recorded, "create_histogram", views=exponential),
        measured("counter, beyond the limit (sdk: none)", overflowing, "create_counter", target=1),
        collected("collecting 1000 sums", "create_counter", "add"),
        collected("collecting 1000 histograms", "create_histogram", "record"),
    ]
    return {"modules": _compiled.status(), "results": results}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true")
    as_json = arguments.parse_args().json
    report = measure()
    if as_json:
        print(json.dumps(report, indent=2))
        return
    how = ", ".join(sorted(set(report["modules"].values())))
    print(f"{'':38} {'sdk µs':>9} {'traceo µs':>10} {'ratio':>7} {'target':>7}   ({how})")
    for row in report["results"]:
        print(
            f"{row['scenario']:38} {row['sdk_us']:9.2f} {row['traceo_us']:10.3f}  1/{row['ratio']:4.1f}   1/{row['target']}"
        )


if __name__ == "__main__":
    main()
