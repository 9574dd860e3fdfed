"""What is particular to aiohttp's client; what all clients share is in test_http_client.py."""

# ruff: noqa: F811  fixtures are imported by the name that tests take them by
import asyncio

import aiohttp
import pytest
from aiohttp import web

from tests.instrumentation.http_clients import base, parent_of, received  # noqa: F401

CLIENT = 3
UNSET, ERROR = 0, 2


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_stream_is_not_read_and_its_span_has_ended_before(spans, hook, base, session):
    hook("aiohttp")
    async with session.get(f"{base}/endless") as response:
        (span,) = spans.all()
        assert span.attributes["http.response.status_code"] == 200
        assert await response.content.read(4) == b"more"
    assert len(spans.all()) == 1


async def test_cancelled_by_the_app_a_call_is_no_error(spans, hook, base, session):
    hook("aiohttp")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await session.get(f"{base}/slow")
    (span,) = spans.all()
    assert span.attributes["error.type"] == "asyncio.exceptions.CancelledError"
    assert (span.status_code, list(span.events)) == (UNSET, [])


async def test_over_the_total_time_that_the_session_gives_it_is_one(spans, hook, base, session):
    hook("aiohttp")
    with pytest.raises(TimeoutError):
        await session.get(f"{base}/slow", timeout=aiohttp.ClientTimeout(total=0.05))
    (span,) = spans.all()
    assert (span.status_code, span.attributes["error.type"]) == (ERROR, "TimeoutError")
    assert [event.name for event in span.events] == ["exception"]


async def test_the_apps_own_middlewares_stay_and_what_they_send_again_is_a_resend(
    spans, hook, base, received
):
    seen: list[int] = []

    async def again(request, handler):
        response = await handler(request)
        seen.append(response.status)
        return await handler(request) if response.status == 503 else response

    hook("aiohttp")
    async with aiohttp.ClientSession(middlewares=[again, again]) as session:
        async with session.get(f"{base}/flaky") as response:
            assert await response.text() == "up"
        async with session.get(f"{base}/ok", middlewares=[]) as response:
            assert await response.text() == "ok"
    assert seen[:2] == [503, 503]
    statuses = [span.attributes["http.response.status_code"] for span in spans.all()]
    assert statuses == [503, 503, 200, 200]
    assert [span.attributes.get("http.request.resend_count") for span in spans.all()] == [None, 1, 2, None]
    assert [parent_of(headers)[1] for headers in received] == [span.span_id for span in spans.all()]


async def test_calls_at_the_same_time_have_the_same_parent_and_their_own_spans(
    spans, hook, base, received, session
):
    async def get(url: str) -> None:
        async with session.get(url) as response:
            await response.read()

    hook("aiohttp")
    with spans.provider.get_tracer("test").start_as_current_span("outer"):
        await asyncio.gather(*(get(f"{base}/ok?n={n}") for n in range(10)))
    calls = [span for span in spans.all() if span.kind == CLIENT]
    (outer,) = [span for span in spans.all() if span.kind != CLIENT]
    assert {span.parent_span_id for span in calls} == {outer.span_id}
    assert {parent_of(headers)[1] for headers in received} == {span.span_id for span in calls}


async def test_credentials_in_a_url_are_in_no_attribute(spans, hook, base, session):
    hook("aiohttp")
    async with session.get(base.replace("://", "://ada:s3cret@") + "/ok") as response:
        assert response.status == 200
    (span,) = spans.all()
    assert span.attributes["url.full"] == f"{base}/ok"


async def test_the_handshake_of_a_websocket_is_a_request(spans, hook, session):
    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(request.headers["traceparent"])
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/ws", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    hook("aiohttp")
    async with session.ws_connect(f"http://{host}:{port}/ws") as socket:
        told = await socket.receive_str()
    await runner.cleanup()
    (span,) = spans.all()
    assert (span.name, span.attributes["http.response.status_code"], span.status_code) == ("GET", 101, UNSET)
    assert parent_of({"traceparent": told})[1] == span.span_id
