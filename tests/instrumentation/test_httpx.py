import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route

CLIENT = 3
UNSET, ERROR = 0, 2


@pytest.fixture
def received() -> list[dict[str, str]]:
    """The headers of each request that reached the server."""
    return []


@pytest.fixture
def base(serve, received) -> str:
    async def ok(request):
        received.append(dict(request.headers))
        return PlainTextResponse("ok", headers={"X-Cache": "hit"})

    async def away(request):
        received.append(dict(request.headers))
        return RedirectResponse("/ok?step=2", status_code=302)

    async def missing(request):
        return PlainTextResponse("no", status_code=404)

    async def private(request):
        received.append(dict(request.headers))
        if "authorization" in request.headers:
            return PlainTextResponse("in")
        return PlainTextResponse(
            "", status_code=401, headers={"WWW-Authenticate": 'Digest realm="r", nonce="n"'}
        )

    async def slow(request):
        while (await request.receive())["type"] != "http.disconnect":
            pass
        return PlainTextResponse("")

    routes = {"/ok": ok, "/away": away, "/missing": missing, "/private": private, "/slow": slow}
    return serve(Starlette(routes=[Route(path, function) for path, function in routes.items()]))


def parent_of(headers) -> tuple[int, int, int]:
    _, trace_id, span_id, flags = headers["traceparent"].split("-")
    return int(trace_id, 16), int(span_id, 16), int(flags, 16) & 1


async def request(kind: str, method: str, url: str, **settings) -> httpx.Response:
    if kind == "sync":
        with httpx.Client(trust_env=False) as client:
            return await asyncio.to_thread(lambda: client.request(method, url, **settings))
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.request(method, url, **settings)


both = pytest.mark.parametrize("kind", ["sync", "async"])


@both
async def test_a_call_is_one_client_span_and_the_server_sees_it_as_its_parent(
    spans, hook, base, received, kind
):
    hook("httpx")
    with spans.provider.get_tracer("test").start_as_current_span("outer"):
        response = await request(kind, "GET", f"{base}/ok?mail=ada%40example.com")
    assert response.text == "ok"
    outer, span = spans.all()
    assert (span.name, span.kind, span.status_code, span.parent_span_id) == (
        "GET",
        CLIENT,
        UNSET,
        outer.span_id,
    )
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
        "server.address": "127.0.0.1",
        "server.port": int(base.rpartition(":")[2]),
        "url.full": f"{base}/ok?mail=ada%40example.com",
    }
    assert parent_of(received[0]) == (span.trace_id, span.span_id, 1)


@both
async def test_each_redirect_is_its_own_span_with_its_own_url(spans, hook, base, received, kind):
    hook("httpx")
    await request(kind, "GET", f"{base}/away", follow_redirects=True)
    first, second = spans.all()
    assert [
        (
            span.attributes["url.full"].removeprefix(base),
            span.attributes["http.response.status_code"],
            span.attributes.get("http.request.resend_count"),
        )
        for span in (first, second)
    ] == [("/away", 302, None), ("/ok?step=2", 200, 1)]
    assert [parent_of(headers)[1] for headers in received] == [first.span_id, second.span_id]


@both
async def test_an_authentication_retry_is_a_resend(spans, hook, base, kind):
    hook("httpx")
    response = await request(kind, "GET", f"{base}/private", auth=httpx.DigestAuth("ada", "pw"))
    assert response.text == "in"
    assert [
        (
            span.attributes["http.response.status_code"],
            span.attributes.get("http.request.resend_count"),
            span.status_code,
        )
        for span in spans.all()
    ] == [(401, None, ERROR), (200, 1, UNSET)]


@both
async def test_a_refusal_is_an_error_for_the_client(spans, hook, base, kind):
    hook("httpx")
    await request(kind, "BREW", f"{base}/missing")
    await request(kind, "GET", f"{base}/missing")
    brew, missing = spans.all()
    assert (brew.name, brew.attributes["http.request.method"]) == ("HTTP", "_OTHER")
    assert brew.attributes["http.request.method_original"] == "BREW"
    assert (missing.status_code, missing.attributes["error.type"], list(missing.events)) == (ERROR, "404", [])


@both
async def test_a_connection_error_is_recorded_once_and_raised_unchanged(spans, hook, kind):
    boom = httpx.ConnectError("no route to ada@example.com")

    class Down(httpx.BaseTransport, httpx.AsyncBaseTransport):
        def handle_request(self, request):
            raise boom

        async def handle_async_request(self, request):
            raise boom

    hook("httpx")
    with pytest.raises(httpx.ConnectError) as caught:
        if kind == "sync":
            httpx.Client(transport=Down()).get("http://down.example/x")
        else:
            await httpx.AsyncClient(transport=Down()).get("http://down.example/x")
    assert caught.value is boom
    (span,) = spans.all()
    assert (span.status_code, span.attributes["error.type"]) == (ERROR, "httpx.ConnectError")
    assert [event.attributes["exception.message"] for event in span.events] == ["no route to ada@example.com"]


async def test_a_cancelled_call_ends_its_span(spans, hook, base):
    hook("httpx")
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.get(f"{base}/slow")
    (span,) = spans.all()
    assert span.attributes["error.type"] == "asyncio.exceptions.CancelledError"
    assert (span.status_code, list(span.events)) == (UNSET, [])


async def test_calls_at_the_same_time_have_the_same_parent_and_their_own_spans(spans, hook, base, received):
    hook("httpx")
    with spans.provider.get_tracer("test").start_as_current_span("outer"):
        async with httpx.AsyncClient(trust_env=False) as client:
            await asyncio.gather(*(client.get(f"{base}/ok?n={n}") for n in range(10)))
    calls = [span for span in spans.all() if span.kind == CLIENT]
    (outer,) = [span for span in spans.all() if span.kind != CLIENT]
    assert {span.parent_span_id for span in calls} == {outer.span_id}
    assert {parent_of(headers)[1] for headers in received} == {span.span_id for span in calls}


@both
async def test_an_unsampled_trace_is_not_recorded_and_says_so_downstream(spans, hook, base, received, kind):
    from opentelemetry import context, trace

    hook("httpx")
    ids = trace.SpanContext(7, 8, is_remote=False, trace_flags=trace.TraceFlags(0))
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(ids)))
    try:
        await request(kind, "GET", f"{base}/ok")
    finally:
        context.detach(token)
    assert spans.all() == []
    assert (parent_of(received[0])[0], parent_of(received[0])[2]) == (7, 0)


async def test_baggage_goes_along(spans, hook, base, received):
    from opentelemetry import baggage, context

    hook("httpx")
    token = context.attach(baggage.set_baggage("tier", "gold"))
    try:
        await request("sync", "GET", f"{base}/ok")
    finally:
        context.detach(token)
    assert received[0]["baggage"] == "tier=gold"


async def test_headers_are_captured_only_when_named(spans, hook, base):
    hook("httpx", client_request_headers=("x-tag",), client_response_headers=("x-cache",))
    await request("sync", "GET", f"{base}/ok", headers=[("X-Tag", "1"), ("X-Tag", "2")])
    (span,) = spans.all()
    captured = {k: list(v) for k, v in span.attributes.items() if ".header." in k}
    assert captured == {"http.request.header.x-tag": ["1", "2"], "http.response.header.x-cache": ["hit"]}


@both
async def test_a_failure_of_ours_leaves_the_call_alone(spans, hook, base, received, monkeypatch, kind):
    import traceo.instrumentation.httpx as room

    def broken(*args):
        raise ZeroDivisionError

    hook("httpx")
    for name in ("is_suppressed", "inject", "_add_headers"):
        with monkeypatch.context() as patch:
            patch.setattr(room, name, broken)
            assert (await request(kind, "GET", f"{base}/ok")).text == "ok"
    assert len(received) == 3


async def test_silence_asked_for_by_an_exporter_is_kept(spans, hook, base):
    from opentelemetry import context

    hook("httpx")
    token = context.attach(context.set_value(context._SUPPRESS_INSTRUMENTATION_KEY, True))
    try:
        await request("sync", "GET", f"{base}/ok")
    finally:
        context.detach(token)
    assert spans.all() == []
