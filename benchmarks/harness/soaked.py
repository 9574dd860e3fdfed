"""The application of the soak: requests of five spans at a steady rate, and how long they took from when they were due.

python soaked.py SECONDS REQUESTS_A_SECOND ENDPOINT|-

Pinned to the first core. Prints one JSON line every ten seconds and one at the end; with ``-`` it runs without Traceo.
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

WINDOW_S = 10.0
TICK_S = 0.005


class Bare:
    """Spans that are none."""

    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    seconds, rate, endpoint = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    if endpoint == "-":
        span = Bare
    else:
        import traceo

        traceo.init(service_name="soak", endpoint=endpoint, console="off", instrument="off")
        span = traceo.span
    with span("warm"):
        pass
    time.sleep(2)
    made = run(span, seconds, rate) + 1
    if endpoint == "-":
        return
    whole = traceo.shutdown(30)
    status = traceo.status()
    print(json.dumps({"made": made, "whole": whole, "status": status.to_dict()}), flush=True)


def run(span, seconds: float, rate: int) -> int:
    per_tick, made = max(1, round(rate * TICK_S)), 0
    begun = due = window = time.monotonic()
    times: list[float] = []
    cpu = time.process_time()
    while due - begun < seconds:
        for number in range(per_tick):
            request(span, made + number)
            times.append(time.monotonic() - due)
        made += per_tick
        due += TICK_S
        now = time.monotonic()
        if now - window >= WINDOW_S:
            window = now
            report(now - begun, times, time.process_time() - cpu, made * 5)
            times.clear()
        elif due > now:
            time.sleep(due - now)
    report(time.monotonic() - begun, times, time.process_time() - cpu, made * 5)
    return made * 5


def request(span, number: int) -> None:
    """Some work, as a request has it, under a span for the request and four for its parts."""
    with span("GET /orders/{id}", **{"http.route": "/orders/{id}", "url.path": f"/orders/{number}"}):
        for part in ("auth", "query", "render", "write"):
            with span(part, number=number, note=f"part {part} of request {number}"):
                hashlib.sha256(b"%d" % number).hexdigest()


def report(at_s: float, times: list[float], cpu_s: float, spans: int) -> None:
    ordered = sorted(times)
    if not ordered:
        return
    rss = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    line = {
        "at_s": round(at_s, 1),
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[int(len(ordered) * 0.99)] * 1000,
        "cpu_s": cpu_s,
        "rss": rss,
        "spans": spans,
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
