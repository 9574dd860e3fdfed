"""A server that notes what reaches it, and each client library as one function that sends a request to it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.instrumentation.conftest import serving

__all__ = ["ALL", "Client", "base", "parent_of", "received"]


_received: list[dict[str, str]] = []


@pytest.fixture
def received() -> list[dict[str, str]]:
    """The headers of each request that reached the server."""
    _received.clear()
    return _received


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The server's address."""
    methods = ["GET", "HEAD", "POST", "BREW"]
    with serving() as serve:
        yield serve(Starlette(routes=[Route(path, page, methods=methods) for path, page in _PAGES.items()]))


def _noting(answer: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def route(request: Request) -> Response:
        _received.append(dict(request.headers))
        return answer(request)

    return route


def _private(request: Request) -> Response:
    if "authorization" in request.headers:
        return PlainTextResponse("in")
    challenge = {"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth"'}
    return PlainTextResponse("", status_code=401, headers=challenge)


def _flaky(request: Request) -> Response:
    del request
    return PlainTextResponse("up", 200) if len(_received) > 2 else PlainTextResponse("down", 503)


async def _slow(request: Request) -> Response:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return PlainTextResponse("")


async def _endless(request: Request) -> Response:
    del request

    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b"more"
            await asyncio.sleep(0)

    return StreamingResponse(chunks())


_PAGES = {
    "/ok": _noting(lambda _: PlainTextResponse("ok", headers={"X-Cache": "hit"})),
    "/away": _noting(lambda _: RedirectResponse("/ok?step=2", status_code=302)),
    "/missing": _noting(lambda _: PlainTextResponse("no", status_code=404)),
    "/private": _noting(_private),
    "/flaky": _noting(_flaky),
    "/slow": _slow,
    "/endless": _endless,
}


def parent_of(headers) -> tuple[int, int, int]:
    """Trace id, span id and sampled flag that the server was told."""
    _, trace_id, span_id, flags = headers["traceparent"].split("-")
    return int(trace_id, 16), int(span_id, 16), int(flags, 16) & 1


@dataclass(frozen=True)
class Client:
    """``send(method, url, headers)`` follows redirects and gives status and text."""

    name: str
    row: str
    send: Callable[..., Awaitable[tuple[int, str]]]
    refused: str
    """``error.type`` where nobody listens."""

    def __str__(self) -> str:
        return self.name


async def _httpx(method: str, url: str, headers=None, *, library=httpx) -> tuple[int, str]:
    with library.Client(trust_env=False, follow_redirects=True) as client:
        response = await asyncio.to_thread(lambda: client.request(method, url, headers=headers))
    return response.status_code, response.text


async def _httpx_async(method: str, url: str, headers=None, *, library=httpx) -> tuple[int, str]:
    async with library.AsyncClient(trust_env=False, follow_redirects=True) as client:
        response = await client.request(method, url, headers=headers)
    return response.status_code, response.text


async def _httpx2(method: str, url: str, headers=None) -> tuple[int, str]:
    return await _httpx(method, url, headers, library=httpx2)


async def _httpx2_async(method: str, url: str, headers=None) -> tuple[int, str]:
    return await _httpx_async(method, url, headers, library=httpx2)


async def _requests(method: str, url: str, headers=None) -> tuple[int, str]:
    def run() -> tuple[int, str]:
        with requests.Session() as session:
            session.trust_env = False
            response = session.request(method, url, headers=headers)
            return response.status_code, response.text

    return await asyncio.to_thread(run)


async def _urllib3(method: str, url: str, headers=None) -> tuple[int, str]:
    def run() -> tuple[int, str]:
        with contextlib.closing(_Pool()) as pool:
            response = pool.request(
                method, url, headers=headers, retries=urllib3.Retry(connect=0, redirect=3)
            )
            return response.status, response.data.decode()

    return await asyncio.to_thread(run)


class _Pool(urllib3.PoolManager):
    def close(self) -> None:
        self.clear()


async def _aiohttp(method: str, url: str, headers=None) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as response:
        return response.status, await response.text()


ALL = [
    Client("httpx", "httpx", _httpx, "httpx.ConnectError"),
    Client("httpx async", "httpx", _httpx_async, "httpx.ConnectError"),
    Client("httpx2", "httpx2", _httpx2, "httpx2.ConnectError"),
    Client("httpx2 async", "httpx2", _httpx2_async, "httpx2.ConnectError"),
    Client("requests", "requests", _requests, "requests.exceptions.ConnectionError"),
    Client("requests over urllib3", "requests,urllib3", _requests, "urllib3.exceptions.NewConnectionError"),
    Client("urllib3", "urllib3", _urllib3, "urllib3.exceptions.NewConnectionError"),
    Client("aiohttp", "aiohttp", _aiohttp, "aiohttp.client_exceptions.ClientConnectorError"),
]
