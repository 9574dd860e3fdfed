"""The cost of calls at a steady rate, background work included: CPU time of the whole process."""

import time

__all__ = ["cpu_s", "take_off_bare"]


def cpu_s(call, stop, *, rate, seconds, tick_s, made=0):
    """CPU seconds of `call(number)` at `rate` a second, and of `stop()` after them; and how many there were."""
    per_tick = int(rate * tick_s)
    before = time.process_time()
    due = time.monotonic()
    for _ in range(int(seconds / tick_s)):
        for _ in range(per_tick):
            call(made)
            made += 1
        due += tick_s
        if (pause := due - time.monotonic()) > 0:
            time.sleep(pause)
    stop()
    return {"cpu_s": time.process_time() - before, "made": made}


def take_off_bare(table, figure):
    """Microseconds a call as `figure`; what the call costs without any peer is not a peer's cost."""
    bare = table.get("bare", {})
    base = bare.get("cpu_s", 0.0) / bare["made"] * 1e6 if bare else 0.0
    for peer, row in table.items():
        row[figure] = row["cpu_s"] / row["made"] * 1e6 - (base if peer != "bare" else 0.0)
