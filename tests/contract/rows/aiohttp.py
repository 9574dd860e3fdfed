import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from tests.contract.pages import pages
from tests.contract.row import Planted, Row


class Calls:
    def __init__(self, base: str) -> None:
        self.base = base

    def good(self, planted: Planted) -> object:
        async def call() -> object:
            async with (
                aiohttp.ClientSession() as session,
                session.post(
                    f"{self.base.replace('://', f'://ada:{planted.secret}@')}/echo/{planted.email}",
                    params={"q": planted.card, "token": planted.secret},
                    headers={"X-Mail": planted.email},
                    json={"text": planted.unspoken},
                ) as answer,
            ):
                return answer.status, await answer.json()

        return asyncio.run(call())

    def bad(self, planted: Planted) -> object:
        async def call() -> object:
            url = f"http://127.0.0.1:9/{planted.email}?card={planted.card}"
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                return await answer.text()

        return asyncio.run(call())


@contextmanager
def opened(request) -> Iterator[Calls]:
    yield Calls(request.getfixturevalue("serve")(pages))


ROW = Row(
    name="aiohttp",
    open=opened,
    good=[("client", "POST")],
    bad=[("client", "GET")],
    error=("aiohttp.client_exceptions.ClientConnectorError",),
)
