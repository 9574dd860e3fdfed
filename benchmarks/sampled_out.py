"""What the application's own thread pays for a span that the sampler turns down."""

from harness.bursts import median_us, take_off_loop

TITLE = "Sampled-out span (CPU µs)"
PEERS = ["traceo", "traceo-pure", "opentelemetry", "ddtrace", "logfire", "sentry", "elastic", "bare"]
ROUNDS = 5
FIGURE = "us_per_span"
COLUMNS = {"us_per_span": "µs a span"}

finish = take_off_loop


def measure(peer, endpoint):
    peer.start(endpoint, sampled=False)
    cost = median_us(peer, pause_s=0.01)
    peer.stop()
    return {"us_per_span": cost}
