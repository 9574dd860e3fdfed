"""What the application's own thread pays for a span with eight attributes, without what happens later."""

from harness.bursts import median_us, take_off_loop

TITLE = "Application thread: a span with 8 attributes (CPU µs)"
PEERS = ["traceo", "traceo-pure", "opentelemetry", "ddtrace", "logfire", "sentry", "elastic", "bare"]
ROUNDS = 5
FIGURE = "us_per_span"
COLUMNS = {"us_per_span": "µs a span"}

finish = take_off_loop


def measure(peer, endpoint):
    peer.start(endpoint)
    cost = median_us(peer, pause_s=0.05)
    peer.stop()
    return {"us_per_span": cost}
