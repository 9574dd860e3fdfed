"""Spans lost at 20 000 a second for 10 seconds, one thread, then a normal end."""

import time

TITLE = "Loss: 20 000 spans/s for 10 s"
PEERS = ["traceo", "traceo-pure", "opentelemetry", "ddtrace", "logfire"]
ROUNDS = 1
FIGURE = "lost"
COLUMNS = {"made": "made", "delivered": "delivered", "lost": "lost", "rate": "reached spans/s"}

RATE, SECONDS, TICK_S = 20_000, 10, 0.005


def measure(peer, endpoint):
    peer.start(endpoint)
    per_tick = int(RATE * TICK_S)
    made = 0
    begun = due = time.monotonic()
    for _ in range(int(SECONDS / TICK_S)):
        for _ in range(per_tick):
            peer.span(made)
            made += 1
        due += TICK_S
        if (pause := due - time.monotonic()) > 0:
            time.sleep(pause)
    seconds = time.monotonic() - begun
    peer.stop()
    return {"made": made, "rate": made / seconds}


def finish(table):
    for row in table.values():
        row["lost"] = row["made"] - row["delivered"]
