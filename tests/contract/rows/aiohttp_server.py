import asyncio
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError

from aiohttp import web

from tests.contract.row import Planted, Row


class Calls:
    def __init__(self, base: str) -> None:
        self.base = base

    def good(self, planted: Planted) -> object:
        return self._post(f"/people/{planted.email}?card={planted.card}&token={planted.secret}", planted)

    def bad(self, planted: Planted) -> object:
        return self._post(f"/broken/{planted.email}?card={planted.card}", planted)

    def _post(self, path: str, planted: Planted) -> object:
        request = urllib.request.Request(
            self.base + path,
            data=planted.unspoken.encode(),
            headers={"Authorization": f"Bearer {planted.secret}", "X-Mail": planted.email},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            with error:
                return error.code


@contextmanager
def opened(request) -> Iterator[Calls]:
    del request

    async def people(request: web.Request) -> web.Response:
        return web.Response(text=await request.text())

    async def broken(request: web.Request) -> web.Response:
        raise LookupError(f"nobody called {request.match_info['name']}")

    async def start() -> tuple[web.AppRunner, str]:
        app = web.Application()
        app.router.add_post("/people/{name}", people)
        app.router.add_post("/broken/{name}", broken)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, "http://{}:{}".format(*runner.addresses[0][:2])

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner, base = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield Calls(base)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def objects() -> list[object]:
    return [web.Application]


ROW = Row(
    name="aiohttp-server",
    open=opened,
    good=[("server", "POST /people/{name}")],
    bad=[("server", "POST /broken/{name}")],
    error=("LookupError",),
    is_server=True,
    objects=objects,
)
