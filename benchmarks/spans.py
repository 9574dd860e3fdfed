"""What a span costs the application's thread, and what encoding it costs, against opentelemetry-sdk.

    python benchmarks/spans.py [--json]          TRACEO_PURE=1 for plain Python

Thread CPU time in microseconds a span, medians of interleaved rounds; both hand ended spans to a bounded deque.
"""

import argparse
import json
import statistics
import time
from collections import deque

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace import sampling

from traceo import _compiled
from traceo.exporters.otlp import encode_traces
from traceo.tracing import TracerProvider, snapshot
from traceo.tracing.sampling import ALWAYS_OFF

ATTRIBUTES = {
    "http.request.method": "GET",
    "http.route": "/items/{id}",
    "url.path": "/items/42",
    "http.response.status_code": 200,
    "server.address": "shop.example",
    "server.port": 8080,
    "user_agent.original": "curl/8.0",
    "retry": False,
}
ROUNDS = 7


class Queue(sdk.SpanProcessor):
    """The SDK's cheapest possible way out of the application's thread."""

    def __init__(self):
        self.spans = deque(maxlen=1000)

    def on_end(self, span):
        self.spans.append(span)


def detached(tracer, count):
    for _ in range(count):
        tracer.start_span("GET /items/{id}", attributes=ATTRIBUTES).end()


def current(tracer, count):
    for _ in range(count):
        with tracer.start_as_current_span("GET /items/{id}", attributes=ATTRIBUTES):
            pass


def filled(tracer, count):
    for _ in range(count):
        with tracer.start_as_current_span("GET /items/{id}") as span:
            for key, value in ATTRIBUTES.items():
                span.set_attribute(key, value)


def cost_us(work, spans):
    start = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - start) / spans / 1000


def compare(name, target, theirs, their_spans, ours, our_spans):
    """Interleaved, so that a slow moment of the machine meets both."""
    rounds = [(cost_us(theirs, their_spans), cost_us(ours, our_spans)) for _ in range(ROUNDS)]
    their_us, our_us = (statistics.median(column) for column in zip(*rounds, strict=True))
    return {
        "scenario": name,
        "sdk_us": their_us,
        "traceo_us": our_us,
        "ratio": their_us / our_us,
        "target": target,
    }


def measure():
    pure = set(_compiled.status().values()) != {"compiled"}
    queue, ended = Queue(), deque(maxlen=1000)
    their_provider = sdk.TracerProvider(shutdown_on_exit=False)
    their_provider.add_span_processor(queue)
    theirs = their_provider.get_tracer("bench")
    ours = TracerProvider(shutdown_on_exit=False, sink=ended.append).get_tracer("bench")
    their_off = sdk.TracerProvider(shutdown_on_exit=False, sampler=sampling.ALWAYS_OFF).get_tracer("bench")
    our_off = TracerProvider(shutdown_on_exit=False, sampler=ALWAYS_OFF).get_tracer("bench")

    def spans(name, target, work, their_tracer, our_tracer):
        return compare(
            name, target, lambda: work(their_tracer, 4000), 4000, lambda: work(our_tracer, 20_000), 20_000
        )

    results = [
        spans("started and ended, 8 attributes", 8 if pure else 15, detached, theirs, ours),
        spans("current, 8 attributes at start", 8 if pure else 15, current, theirs, ours),
        spans("current, 8 attributes set one by one", 8 if pure else 15, filled, theirs, ours),
        spans("sampled out, started and ended", 6 if pure else 10, detached, their_off, our_off),
        spans("sampled out, current", 6 if pure else 10, current, their_off, our_off),
    ]
    detached(theirs, 512)
    detached(ours, 512)
    their_spans, records = list(queue.spans)[-512:], [snapshot(span) for span in list(ended)[-512:]]
    results.append(
        compare(
            "encoded as OTLP, batches of 512",
            5 if pure else 30,
            lambda: [encode_spans(their_spans).SerializeToString() for _ in range(2)],
            1024,
            lambda: [encode_traces(records) for _ in range(10)],
            5120,
        )
    )
    return {"modules": _compiled.status(), "results": results}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true")
    report = measure()
    if arguments.parse_args().json:
        print(json.dumps(report, indent=2))
        return
    print(
        f"{'':38} {'sdk µs':>8} {'traceo µs':>10} {'ratio':>7} {'target':>7}   ({', '.join(sorted(set(report['modules'].values())))})"
    )
    for row in report["results"]:
        print(
            f"{row['scenario']:38} {row['sdk_us']:8.2f} {row['traceo_us']:10.3f}  1/{row['ratio']:4.1f}   1/{row['target']}"
        )


if __name__ == "__main__":
    main()
