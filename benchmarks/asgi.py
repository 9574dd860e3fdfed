"""What one span per request adds to a trivial ASGI application, driven in process without a server.

CPU time of the whole process per request at a steady 500 requests a second, background work included; the bare
application is taken off.
"""

import asyncio
import time

from harness import paced

TITLE = "ASGI: added to a request by one span (CPU µs)"
PEERS = ["traceo", "traceo-pure", "opentelemetry", "ddtrace", "logfire", "sentry", "elastic", "bare"]
ROUNDS = 3
FIGURE = "us_per_request"
COLUMNS = {"us_per_request": "µs a request", "delivered": "spans delivered", "made": "requests"}

RATE, SECONDS, TICK_S = 500, 6, 0.02

HEADERS = [
    (b"host", b"127.0.0.1:8000"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"),
    (b"accept", b"application/json"),
    (b"accept-encoding", b"gzip, br"),
    (b"connection", b"keep-alive"),
]


def _scope(i):
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": f"/items/{i}",
        "raw_path": f"/items/{i}".encode(),
        "query_string": b"page=2",
        "root_path": "",
        "headers": HEADERS,
        "client": ("127.0.0.1", 51234),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }


async def _receive():
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message):
    pass


def measure(peer, endpoint):
    peer.start(endpoint)
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def item(_request):
        return PlainTextResponse("ok")

    app = peer.asgi(Starlette(routes=[Route("/items/{item_id}", item)]))

    async def drive():
        for i in range(100):
            await app(_scope(i), _receive, _send)
        await asyncio.sleep(1.5)
        made, per_tick = 0, int(RATE * TICK_S)
        before = time.process_time()
        due = time.monotonic()
        for _ in range(int(SECONDS / TICK_S)):
            for _ in range(per_tick):
                await app(_scope(made), _receive, _send)
                made += 1
            due += TICK_S
            if (pause := due - time.monotonic()) > 0:
                await asyncio.sleep(pause)
        return made, before

    made, before = asyncio.run(drive())
    peer.stop()
    return {"cpu_s": time.process_time() - before, "made": made}


def finish(table):
    paced.take_off_bare(table, FIGURE)
