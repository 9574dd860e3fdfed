import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import tornado.httpclient
import tornado.httpserver
import tornado.netutil
import tornado.web

from tests.contract.row import Row
from tests.contract.rows.aiohttp_server import Calls


@contextmanager
def opened(request) -> Iterator[Calls]:
    del request

    class People(tornado.web.RequestHandler):
        def post(self, name: str) -> None:
            del name
            self.write(self.request.body)

    class Broken(tornado.web.RequestHandler):
        def post(self, name: str) -> None:
            raise LookupError(f"nobody called {name}")

        def log_exception(self, *args: object) -> None:
            """Nothing on the tests' console."""

    async def start() -> tuple[tornado.httpserver.HTTPServer, str]:
        app = tornado.web.Application(
            [(r"/people/(?P<name>.+)", People), (r"/broken/(?P<name>.+)", Broken)],
            log_function=lambda _: None,
        )
        sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
        server = tornado.httpserver.HTTPServer(app)
        server.add_sockets(sockets)
        return server, f"http://127.0.0.1:{sockets[0].getsockname()[1]}"

    async def stop(server: tornado.httpserver.HTTPServer) -> None:
        server.stop()
        await server.close_all_connections()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server, base = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield Calls(base)
    finally:
        asyncio.run_coroutine_threadsafe(stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def objects() -> list[object]:
    return [
        vars(tornado.web.RequestHandler)["__init__"],
        vars(tornado.httpclient.AsyncHTTPClient)["fetch"],
    ]


ROW = Row(
    name="tornado",
    open=opened,
    good=[("server", "POST /people/{name}")],
    bad=[("server", "POST /broken/{name}")],
    error=("500",),
    is_server=True,
    objects=objects,
    more_keys=("tornado.handler",),  # the class that answered, as its instrumentation calls it
)
