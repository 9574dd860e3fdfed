"""What the whole process pays for a delivered span, at a steady 4 000 spans a second.

CPU time of the process from the first span to the end of the last delivery, all threads; the pacing loop's own cost (the
bare peer) is taken off. Divided by the spans that arrived.
"""

import time

from harness import paced

TITLE = "Whole process: a delivered span at 4 000/s (CPU µs)"
PEERS = ["traceo", "traceo-pure", "opentelemetry", "ddtrace", "logfire", "sentry", "elastic", "bare"]
ROUNDS = 3
FIGURE = "us_per_span"
COLUMNS = {
    "us_per_span": "µs a span",
    "delivered": "delivered",
    "made": "made",
    "bytes_per_span": "bytes on the wire",
}

RATE, SECONDS, TICK_S = 4000, 8, 0.005


def measure(peer, endpoint):
    peer.start(endpoint)
    peer.span(0)
    time.sleep(1.5)  # first delivery: imports and key look-up are start-up cost, measured elsewhere
    return paced.cpu_s(peer.span, peer.stop, rate=RATE, seconds=SECONDS, tick_s=TICK_S, made=1)


def finish(table):
    """Loop cost off; per delivered span."""
    bare = table.get("bare", {}).get("cpu_s", 0.0)
    for row in table.values():
        spans = row["delivered"] or row["made"]
        row["us_per_span"] = (row["cpu_s"] - (bare if row["delivered"] else 0.0)) / spans * 1e6
        row["bytes_per_span"] = row["wire_bytes"] / spans
