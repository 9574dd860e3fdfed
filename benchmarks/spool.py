"""What the spool costs: process CPU of a span that is delivered, one that is written to disk, and one that is sent from there.

The endpoint is there all the time; that it is away is played by the destination's `send`, so that what is measured is the
way to the disk and back. Sent from disk as an application does it that nobody is in a hurry for: a batch, then a rest.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

TITLE = "Spool: process CPU of a span at 4 000/s (µs), and how fast the disk is emptied"
PEERS = ["traceo", "traceo-pure"]
ROUNDS = 3
FIGURE = "spooled_us"
COLUMNS = {
    "delivered_us": "µs delivered",
    "spooled_us": "µs to disk",
    "drained_us": "µs from disk",
    "drained_per_s": "spans/s from disk",
    "disk_bytes": "bytes a span on disk",
    "delivered": "delivered",
    "made": "made",
}

RATE, SECONDS, TICK_S = 4000, 5, 0.005


def measure(peer, endpoint):
    folder = tempfile.mkdtemp()
    os.environ["TRACEO_SPOOL_DIR"] = folder
    try:
        return _measure(peer, endpoint, Path(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(peer, endpoint, folder):
    import traceo

    peer.start(endpoint)
    peer.span(0)
    traceo.flush(30)
    delivered_us, made = _spans(peer, lambda: traceo.flush(30))

    from traceo.exporters.outcome import Outcome
    from traceo.startup import _client

    destination = _client._pipeline.route
    send = destination.send
    destination.send = lambda _: Outcome.retry("away")
    spooled_us, more = _spans(peer, lambda: _wait(lambda: not traceo.status().spans.waiting))
    spooled = traceo.status().spans.spooled
    disk_bytes = sum(path.stat().st_size for path in (folder / "spool").iterdir()) / spooled
    destination.send = send
    before, began = time.process_time(), time.monotonic()
    _wait(lambda: traceo.status().spans.spooled < spooled)  # the next attempt comes when it is due
    before, began = time.process_time(), time.monotonic()
    spooled = traceo.status().spans.spooled
    _wait(lambda: not traceo.status().spans.spooled)
    took_s, cpu_s = time.monotonic() - began, time.process_time() - before
    peer.stop()
    return {
        "delivered_us": delivered_us,
        "spooled_us": spooled_us,
        "drained_us": cpu_s / spooled * 1e6,
        "drained_per_s": spooled / took_s,
        "disk_bytes": disk_bytes,
        "made": 1 + made + more,
    }


def _spans(peer, settle):
    """(CPU µs of the process a span, spans)."""
    per_tick, made = int(RATE * TICK_S), 0
    before, due = time.process_time(), time.monotonic()
    for _ in range(int(SECONDS / TICK_S)):
        for _ in range(per_tick):
            peer.span(made)
            made += 1
        due += TICK_S
        if (pause := due - time.monotonic()) > 0:
            time.sleep(pause)
    settle()
    return (time.process_time() - before) / made * 1e6, made


def _wait(what):
    deadline = time.monotonic() + 120
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)
