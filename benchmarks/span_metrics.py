"""What the metrics of spans cost the application's thread: spans kept and left out, with and without them.

    python benchmarks/span_metrics.py          TRACEO_PURE=1 for plain Python

Thread CPU time in microseconds a span, loop included, medians of interleaved processes; each has one setting.
The peer is opentelemetry-sdk with the same sampler, which has no such metrics.
"""

import json
import logging
import os
import statistics
import subprocess
import sys
import time

ROUNDS = 5
COUNTS = {"always_on": 5_000, "always_off": 40_000}  # what is kept must fit into the queue
KINDS = ("SERVER", "INTERNAL")
SETTINGS = {
    "traceo, with span metrics": ("traceo", ""),
    'traceo, metrics="-spans"': ("traceo", "-spans"),
    "opentelemetry-sdk": ("sdk", ""),
}


def tracer_of(peer, metrics):
    from opentelemetry import trace

    if peer == "traceo":
        import traceo

        logging.getLogger("traceo").setLevel("CRITICAL")  # nothing listens, and nothing shall
        options = {"metrics": metrics} if metrics else {}
        traceo.init(instrument="off", console="off", seal="off", endpoint="http://127.0.0.1:9", **options)
        return trace.get_tracer("bench")
    from opentelemetry.sdk.trace import TracerProvider

    return TracerProvider().get_tracer("bench")


def child(peer, metrics):
    from opentelemetry.trace import SpanKind

    tracer = tracer_of(peer, metrics)
    count = COUNTS[os.environ["OTEL_TRACES_SAMPLER"]]
    told = {}
    attributes = {"http.request.method": "GET", "http.route": "/items/{id}", "http.response.status_code": 200}
    for name in KINDS:
        kind = SpanKind[name]
        start_span = tracer.start_span

        def run(count, kind=kind, start_span=start_span):
            for _ in range(count):
                start_span("GET /items/{id}", kind=kind, attributes=attributes).end()

        run(count // 10)
        before = time.thread_time()
        run(count)
        told[name] = (time.thread_time() - before) / count * 1e6
    print(json.dumps(told), flush=True)
    os._exit(0)


def main():
    for sampler in COUNTS:
        seen = {name: {kind: [] for kind in KINDS} for name in SETTINGS}
        for _ in range(ROUNDS):
            for name, setting in SETTINGS.items():
                done = subprocess.run(
                    [sys.executable, __file__, *setting],
                    env={**os.environ, "OTEL_TRACES_SAMPLER": sampler},
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                )
                for kind, cost_us in json.loads(done.stdout).items():
                    seen[name][kind].append(cost_us)
        print(f"{sampler:28}" + "".join(f"{kind.lower():>12}{'ratio':>8}" for kind in KINDS))
        for name, costs in seen.items():
            line = f"{name:28}"
            for kind in KINDS:
                cost = statistics.median(costs[kind])
                against = statistics.median(seen["opentelemetry-sdk"][kind])
                line += f"{cost:12.2f}{f'1/{against / cost:.1f}':>8}"
            print(line, flush=True)


if __name__ == "__main__":
    child(*sys.argv[1:]) if sys.argv[1:] else main()
