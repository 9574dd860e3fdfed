"""What importing and starting costs: CPU of the main thread, and memory.

Memory is what importing and starting added, and what was added once the first span was delivered: Traceo loads HTTP,
compression, detectors and cryptography in its own thread, when there is something to send.
"""

import time
from pathlib import Path

TITLE = "Import and init (main thread CPU ms, added memory MB)"
PEERS = ["traceo", "traceo-pure", "opentelemetry", "ddtrace", "logfire", "sentry", "elastic"]
ROUNDS = 7
FIGURE = "cpu_ms"
COLUMNS = {
    "cpu_ms": "main thread ms",
    "process_ms": "all threads ms, to the first span delivered",
    "started_mb": "RSS + MB, started",
    "rss_mb": "RSS + MB, first span delivered",
}


def _rss_mb():
    with Path("/proc/self/statm").open() as handle:
        return int(handle.read().split()[1]) * 4096 / 1e6


def measure(peer, endpoint):
    memory = _rss_mb()
    before, whole = time.thread_time(), time.process_time()
    peer.start(endpoint)
    cpu_ms = (time.thread_time() - before) * 1e3
    started = _rss_mb() - memory
    peer.span(1)
    time.sleep(2.5)
    rss, process_ms = _rss_mb() - memory, (time.process_time() - whole) * 1e3
    peer.stop()
    return {"cpu_ms": cpu_ms, "process_ms": process_ms, "started_mb": started, "rss_mb": rss}
