"""The cost of a call in the application's own thread: CPU time over bursts, the median burst, the loop taken off."""

import time


def median_us(peer, *, pause_s, bursts=40, spans=500):
    """Microseconds a span. `pause_s` between bursts lets the peer's background thread catch up."""
    for i in range(200):
        peer.span(i)
    samples = []
    for burst in range(bursts):
        time.sleep(pause_s)
        before = time.thread_time()
        for i in range(spans):
            peer.span(burst * spans + i)
        samples.append((time.thread_time() - before) / spans * 1e6)
    samples.sort()
    return samples[len(samples) // 2]


def take_off_loop(table):
    """What the loop costs without any peer is not a peer's cost."""
    bare = table.get("bare", {}).get("us_per_span", 0.0)
    for peer, row in table.items():
        if peer != "bare":
            row["us_per_span"] -= bare
