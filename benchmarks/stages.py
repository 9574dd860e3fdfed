"""Where Traceo's time goes: CPU of each stage between `end()` and the wire, for batches of 512 spans of eight attributes.

`take` is the queue's work in the pipeline thread, `send` the client's side of one HTTP request; the rest is what its
name says. One attribute of each span is new, so that redaction cannot remember every text.
"""

import statistics
import time

TITLE = "Stages of the pipeline (CPU µs a span)"
PEERS = ["traceo", "traceo-pure"]
ROUNDS = 3
FIGURE = "all_us"
STAGES = ("take", "snapshot", "scrub", "encode", "compress", "seal", "send")
COLUMNS = {**{f"{name}_us": name for name in STAGES}, "all_us": "all stages"}

SPANS, REPEATS = 512, 60


def measure(_peer, endpoint):
    from peers.workload import attributes

    from traceo.exporters.compression import compress
    from traceo.exporters.destination import Destination
    from traceo.exporters.otlp import encode_traces
    from traceo.pipeline.queue import Queue
    from traceo.pipeline.scrub import Scrubber
    from traceo.redaction import Engine, Policy
    from traceo.tracing import TracerProvider, snapshot

    queue = Queue(64 * 1024 * 1024, lambda: None)
    tracer = TracerProvider(sink=queue.put, shutdown_on_exit=False).get_tracer("bench")
    scrub = Scrubber(Engine(Policy.default())).span
    route = Destination(endpoint)
    work = {
        "take": lambda _: queue.take(SPANS, 1 << 20),
        "snapshot": lambda items: [snapshot(item) for item in items],
        "scrub": lambda records: [scrub(record) for record in records],
        "encode": encode_traces,
        "compress": lambda payload: (payload, compress(payload, "zstd"))[0],
        "seal": lambda payload: route.package("traces", payload),
        "send": route.send,
    }
    samples = {name: [] for name in STAGES}
    for repeat in range(REPEATS):
        for number in range(repeat * SPANS, (repeat + 1) * SPANS):
            with tracer.start_as_current_span("GET /api/orders/{order_id}") as current:
                for key, value in attributes(number):
                    current.set_attribute(key, value)
        at = None
        for name in STAGES:
            before = time.thread_time()
            at = work[name](at)
            samples[name].append((time.thread_time() - before) / SPANS * 1e6)
    medians = {name: statistics.median(values) for name, values in samples.items()}
    medians["seal"] -= medians["compress"]  # a package is compressed first
    medians["all"] = sum(medians.values())
    return {f"{name}_us": value for name, value in medians.items()}
