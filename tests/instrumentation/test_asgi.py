import asyncio
import socket
import subprocess
import sys

import httpx
import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from tests.instrumentation.server_side import ask
from traceo.instrumentation import failures
from traceo.instrumentation.http_server import MARK

SERVER, CLIENT = 2, 3
UNSET, ERROR = 0, 2


async def item(request):
    return JSONResponse({"id": request.path_params["id"]})


async def call(app, scope_type="http", **scope):
    """The app on one request without a server; gives the messages it sent."""
    sent = []

    incoming = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive():
        message = next(incoming, None)
        return message or await asyncio.Event().wait()  # a client that stays

    async def send(message):
        sent.append(message)

    full = {
        "type": scope_type,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": ("10.0.0.9", 4711),
        "server": ("10.0.0.1", 8000),
        **scope,
    }
    await app(full, receive, send)
    return sent


def test_a_request_is_one_server_span_with_stable_names_and_its_route(spans, hook, serve):
    hook("starlette")
    body, attributes = ask(serve(Starlette(routes=[Route("/items/{id:int}", item)])), "/items/7")
    assert body == b'{"id":7}'
    (span,) = spans.wait(1)
    assert (span.name, span.kind, span.status_code, span.parent_span_id) == (
        "GET /items/{id}",
        SERVER,
        UNSET,
        0,
    )
    assert dict(span.attributes) == {**attributes, "http.route": "/items/{id}"}
    assert not span.events


async def test_a_callers_trace_goes_on_and_without_one_a_trace_begins(spans, hook):
    hook("starlette")
    app = Starlette(routes=[Route("/items/{id}", item)])
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await call(app, path="/items/1", headers=[(b"traceparent", parent), (b"tracestate", b"a=1")])
    with spans.provider.get_tracer("test").start_as_current_span("server start-up"):
        await call(app, path="/items/2")

    joined, started, new = spans.all()
    assert (joined.trace_id, joined.parent_span_id) == (
        0x0AF7651916CD43DD8448EB211C80319C,
        0xB7AD6B7169203331,
    )
    assert joined.trace_state == "a=1"
    assert new.parent_span_id == 0
    assert new.trace_id != started.trace_id


@pytest.mark.parametrize(
    "parent",
    [
        b"",
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        b"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        b"00-00000000000000000000000000000000-b7ad6b7169203331-01",
        b"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        b"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333\xff-01",
    ],
)
async def test_a_broken_traceparent_begins_a_new_trace(spans, hook, parent):
    hook("starlette")
    await call(
        Starlette(routes=[Route("/items/{id}", item)]), path="/items/1", headers=[(b"traceparent", parent)]
    )
    (span,) = spans.all()
    assert span.parent_span_id == 0


async def test_a_traceparent_of_a_later_version_is_read(spans, hook):
    hook("starlette")
    parent = b"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes"
    await call(
        Starlette(routes=[Route("/items/{id}", item)]), path="/items/1", headers=[(b"traceparent", parent)]
    )
    (span,) = spans.all()
    assert span.parent_span_id == 0xB7AD6B7169203331


async def test_baggage_of_the_caller_is_there_for_the_app(spans, hook):
    from opentelemetry import baggage

    seen = []

    async def read(request):
        seen.append(baggage.get_all())
        return PlainTextResponse("")

    hook("starlette")
    await call(
        Starlette(routes=[Route("/", read)]), headers=[(b"baggage", b"tier=gold"), (b"baggage", b"region=eu")]
    )
    assert seen == [{"tier": "gold", "region": "eu"}]


async def test_an_unknown_method_and_an_unmatched_path_keep_the_name_low_in_cardinality(spans, hook):
    hook("starlette")
    app = Starlette(routes=[Route("/items/{id}", item)])
    await call(app, method="BREW", path="/items/1")
    await call(app, path="/wp-admin/x93.php")
    brewed, lost = spans.all()
    assert brewed.name == "HTTP /items/{id}"
    assert brewed.attributes["http.request.method"] == "_OTHER"
    assert brewed.attributes["http.request.method_original"] == "BREW"
    assert brewed.attributes["http.response.status_code"] == 405
    assert lost.name == "GET"
    assert "http.route" not in lost.attributes
    assert (lost.attributes["http.response.status_code"], lost.status_code) == (404, UNSET)


async def test_mounted_applications_give_one_span_with_the_whole_template(spans, hook, tmp_path):
    hook()
    (tmp_path / "a.txt").write_text("a")
    inner = FastAPI()

    @inner.get("/orders/{order}")
    async def order(order: str, tenant: str = ""):
        return {}

    deep = Starlette(routes=[Mount("/deep", app=inner)])
    app = Starlette(
        routes=[Mount("/tenants/{tenant}", app=deep), Mount("/static", app=StaticFiles(directory=tmp_path))]
    )
    await call(app, path="/tenants/acme/deep/orders/9")
    await call(app, path="/tenants/acme/deep/nothing")
    await call(app, path="/static/a.txt")
    assert [span.name for span in spans.all()] == [
        "GET /tenants/{tenant}/deep/orders/{order}",
        "GET /tenants/{tenant}/deep/{path}",
        "GET /static/{path}",
    ]


async def test_fastapi_routes_of_included_routers_and_sub_applications_are_whole(spans, hook):
    hook()
    users, admin = APIRouter(), APIRouter(prefix="/admin")

    @users.get("/users/{user}")
    def user(user: int):
        return {}

    admin.include_router(users, prefix="/{area}")
    app, sub = FastAPI(), FastAPI()
    app.include_router(admin)
    sub.include_router(users)
    app.mount("/sub", sub)

    @app.get("/plain")
    def plain():
        return {}

    for path in ("/admin/x/users/5", "/sub/users/6", "/plain", "/openapi.json"):
        await call(app, root_path="/api", path="/api" + path)
    assert [span.name for span in spans.all()] == [
        "GET /api/admin/{area}/users/{user}",
        "GET /api/sub/users/{user}",
        "GET /api/plain",
        "GET /api/openapi.json",
    ]


async def test_a_middleware_that_copies_the_scope_does_not_hide_the_route(spans, hook):
    class Copy:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            await self.app(dict(scope), receive, send)

    hook("starlette")
    await call(Starlette(routes=[Route("/items/{id}", item)], middleware=[Middleware(Copy)]), path="/items/1")
    assert [span.name for span in spans.all()] == ["GET /items/{id}"]


async def test_an_unhandled_exception_is_recorded_once_and_reaches_the_server_unchanged(spans, hook):
    boom = LookupError("no stock for ada@example.com")

    async def fail(request):
        raise boom

    hook()
    app = FastAPI()
    app.add_api_route("/fail", fail_endpoint(boom))
    for target, path in ((Starlette(routes=[Route("/fail", fail)]), "/fail"), (app, "/fail")):
        with pytest.raises(LookupError) as caught:
            await call(target, path=path)
        assert caught.value is boom
        assert boom.__context__ is None
    for span in spans.all():
        assert (span.status_code, span.name) == (ERROR, "GET /fail")
        assert span.attributes["http.response.status_code"] == 500
        assert span.attributes["error.type"] == "LookupError"
        assert [(event.name, event.attributes["exception.type"]) for event in span.events] == [
            ("exception", "LookupError")
        ]
        assert [event.time_ns <= span.end_ns for event in span.events] == [True]


def fail_endpoint(error):
    def endpoint():
        raise error

    return endpoint


async def test_status_is_an_error_from_500_on_and_a_handled_exception_tells_why(spans, hook):
    hook()
    app = FastAPI()

    class OutOfStockError(Exception):
        pass

    @app.exception_handler(OutOfStockError)
    async def handled(request, error):
        return JSONResponse({}, status_code=503)

    @app.get("/{status}")
    async def status(status: int):
        if status == 503:
            raise OutOfStockError
        if status == 404:
            raise HTTPException(404)
        return JSONResponse({}, status_code=status)

    for path in ("/200", "/404", "/503", "/502"):
        await call(app, path=path)
    told = [
        (
            span.attributes["http.response.status_code"],
            span.status_code,
            span.attributes.get("error.type", "").rpartition(".")[2],
            len(span.events),
        )
        for span in spans.all()
    ]
    assert told == [
        (200, UNSET, "", 0),
        (404, UNSET, "", 0),
        (503, ERROR, "OutOfStockError", 1),
        (502, ERROR, "502", 0),
    ]


async def test_the_span_ends_with_the_body_and_not_with_the_background_task(spans, hook):
    ended_at = {}

    async def chunks():
        yield "a"
        ended_at["first chunk"] = len(spans.all())
        yield "b"

    async def later():
        ended_at["background"] = len(spans.all())

    async def stream(request):
        return StreamingResponse(chunks(), background=BackgroundTask(later))

    hook("starlette")
    await call(Starlette(routes=[Route("/", stream)]))
    assert ended_at == {"first chunk": 0, "background": 1}


async def test_cancellation_passes_through_and_is_told_without_an_error_status(spans, hook):
    started = asyncio.Event()

    async def wait(request):
        started.set()
        await asyncio.Event().wait()

    hook("starlette")
    task = asyncio.create_task(call(Starlette(routes=[Route("/wait", wait)]), path="/wait"))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (span,) = spans.all()
    assert (span.name, span.status_code, list(span.events)) == ("GET /wait", UNSET, [])
    assert span.attributes["error.type"] == "asyncio.exceptions.CancelledError"


def test_a_client_that_hangs_up_ends_the_span_of_a_stream(spans, hook, serve):
    async def endless():
        while True:
            yield b"x" * 65536
            await asyncio.sleep(0)

    async def stream(request):
        return StreamingResponse(endless())

    hook("starlette")
    base = serve(Starlette(routes=[Route("/stream", stream)]))
    host, port = base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(100)
    (span,) = spans.wait(1)
    assert (span.name, span.status_code) == ("GET /stream", UNSET)


async def test_a_websocket_is_one_span_from_handshake_to_close(spans, hook):
    async def echo(websocket):
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.receive_text()

    hook()
    app = Starlette(routes=[WebSocketRoute("/rooms/{room}", echo)])
    incoming = iter(
        [
            {"type": "websocket.connect"},
            {"type": "websocket.receive", "text": "hi"},
            {"type": "websocket.disconnect", "code": 1000},
        ]
    )
    sent = []

    async def receive():
        return next(incoming)

    async def send(message):
        sent.append(message["type"])

    scope = {
        "type": "websocket",
        "path": "/rooms/7",
        "headers": [],
        "scheme": "ws",
        "query_string": b"",
        "root_path": "",
    }
    with pytest.raises(Exception) as caught:
        await app(scope, receive, send)
    assert type(caught.value).__name__ == "WebSocketDisconnect"
    assert sent == ["websocket.accept", "websocket.send"]
    (span,) = spans.all()
    assert (span.name, span.status_code, list(span.events)) == ("GET /rooms/{room}", UNSET, [])
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "http.response.status_code": 101,
        "http.route": "/rooms/{room}",
        "network.protocol.name": "websocket",
        "network.protocol.version": "1.1",
        "url.path": "/rooms/7",
        "url.scheme": "ws",
    }
    assert MARK not in scope


async def test_lifespan_makes_no_span(spans, hook):
    hook()
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent = []

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message["type"])

    await FastAPI()({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert spans.all() == []


async def test_headers_are_captured_only_when_named(spans, hook):
    async def answer(request):
        return PlainTextResponse("", headers={"X-Cache": "hit"})

    hook("starlette", server_request_headers=("x-tag", "x-absent"), server_response_headers=("x-cache",))
    await call(
        Starlette(routes=[Route("/", answer)]),
        headers=[(b"x-tag", b"1"), (b"x-tag", b"2"), (b"authorization", b"Bearer t")],
    )
    (span,) = spans.all()
    captured = {k: list(v) for k, v in span.attributes.items() if ".header." in k}
    assert captured == {"http.request.header.x-tag": ["1", "2"], "http.response.header.x-cache": ["hit"]}


async def test_the_host_header_names_the_server_and_the_socket_serves_without_one(spans, hook):
    hook("starlette")
    app = Starlette(routes=[Route("/", item)])
    for host in (b"shop.example:8443", b"shop.example", b"[2001:db8::1]:81", b"[2001:db8::1]", b""):
        await call(app, path="/x", headers=[(b"host", host)] if host else [])
    assert [
        (span.attributes["server.address"], span.attributes.get("server.port")) for span in spans.all()
    ] == [
        ("shop.example", 8443),
        ("shop.example", None),
        ("2001:db8::1", 81),
        ("2001:db8::1", None),
        ("10.0.0.1", 8000),
    ]


async def test_concurrent_requests_keep_their_own_current_span(spans, hook):
    gate = asyncio.Event()
    tracer = spans.provider.get_tracer("test")

    async def work(request):
        with tracer.start_as_current_span(f"before {request.path_params['id']}"):
            pass
        await gate.wait()
        with tracer.start_as_current_span(f"after {request.path_params['id']}"):
            pass
        return PlainTextResponse("")

    hook("starlette")
    app = Starlette(routes=[Route("/{id}", work)])
    tasks = [asyncio.create_task(call(app, path=f"/{n}")) for n in range(20)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*tasks)
    servers = {span.span_id: span.attributes["url.path"] for span in spans.all() if span.kind == SERVER}
    inner = [span for span in spans.all() if span.kind != SERVER]
    assert len(servers) == 20
    assert len(inner) == 40
    assert all(servers[span.parent_span_id] == "/" + span.name.split()[1] for span in inner)


async def test_nothing_is_recorded_when_the_caller_did_not_sample_but_the_ids_go_on(spans, hook):
    from opentelemetry import trace

    seen = []

    async def look(request):
        seen.append(trace.get_current_span().get_span_context())
        return PlainTextResponse("")

    hook("starlette")
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    await call(Starlette(routes=[Route("/", look)]), headers=[(b"traceparent", parent)])
    assert spans.all() == []
    assert f"{seen[0].trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert int(seen[0].trace_flags) == 0


async def test_silence_asked_for_up_the_stack_is_kept(spans, hook):
    from opentelemetry import context

    hook("starlette")
    token = context.attach(context.set_value(context._SUPPRESS_INSTRUMENTATION_KEY, True))
    try:
        await call(Starlette(routes=[Route("/items/{id}", item)]), path="/items/1")
    finally:
        context.detach(token)
    assert spans.all() == []


async def test_a_failure_of_ours_leaves_the_answer_and_is_counted_and_logged_once(
    spans, hook, caplog, monkeypatch
):
    import traceo.instrumentation.asgi as room

    def broken(*args):
        raise ZeroDivisionError("secret detail")

    hook("starlette")
    app = Starlette(routes=[Route("/items/{id}", item)])
    before = failures()
    for name in ("extract", "_add_addresses"):
        with monkeypatch.context() as patch:
            patch.setattr(room, name, broken)
            sent = await call(app, path="/items/1")
            assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    count = failures()["asgi.request"] - before.get("asgi.request", 0)
    assert count == 2
    ours = [record for record in caplog.records if "asgi.request" in record.getMessage()]
    assert len(ours) <= 1
    assert "secret detail" not in caplog.text


async def test_a_failure_while_the_answer_is_sent_or_the_span_ends_leaves_both(spans, hook, monkeypatch):
    import traceo.instrumentation.asgi as room

    hook("starlette")
    calls = []

    async def once(request):
        calls.append(request)
        return PlainTextResponse("fine")

    def broken(self, *args):
        raise ZeroDivisionError

    app = Starlette(routes=[Route("/", once)])
    for name in ("_listen", "_being_handled"):
        with monkeypatch.context() as patch:
            patch.setattr(room._Exchange, name, broken)
            if name == "_being_handled":
                with pytest.raises(ZeroDivisionError):  # proves that the place is reached
                    room._Exchange._being_handled(None)
            sent = await call(app)
            assert sent[1]["body"] == b"fine"
    assert len(calls) == 2
    assert len(spans.all()) == 2


async def test_the_middleware_stack_is_what_the_app_built(spans, hook):
    class Mine(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            return await call_next(request)

    def build():
        return Starlette(routes=[Route("/items/{id}", item)], middleware=[Middleware(Mine)])

    def chain(app):
        names, layer = [], app.build_middleware_stack()
        while layer is not None:
            names.append(type(layer).__name__)
            layer = getattr(layer, "app", None) if not names[-1].endswith("Router") else None
        return names

    plain = chain(build())
    hook()
    app = build()
    await call(app, path="/items/1")
    assert chain(app) == plain
    assert [span.name for span in spans.all()] == ["GET /items/{id}"]


def test_fastapi_over_a_real_hop_has_the_client_span_as_its_parent(spans, hook, serve):
    hook()
    back, front = FastAPI(), FastAPI()

    @back.get("/prices/{sku}")
    async def price(sku: str):
        return {"sku": sku}

    back_url = serve(back)

    @front.get("/carts/{cart}")
    async def cart(cart: int):
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{back_url}/prices/a-{cart}")).json()

    @front.get("/sync/{cart}")
    def cart_sync(cart: int):
        return httpx.get(f"{back_url}/prices/b-{cart}").json()

    front_url = serve(front)
    with httpx.Client() as client:
        assert client.get(f"{front_url}/carts/3").json() == {"sku": "a-3"}
        assert client.get(f"{front_url}/sync/4").json() == {"sku": "b-4"}
    found = spans.wait(8)
    by_id = {span.span_id: span for span in found}

    def path_up(span):
        names = []
        while span is not None:
            names.append((span.kind, span.name))
            span = by_id.get(span.parent_span_id)
        return names

    leaves = [span for span in found if span.name == "GET /prices/{sku}"]
    assert [path_up(leaf) for leaf in leaves] == [
        [(SERVER, "GET /prices/{sku}"), (CLIENT, "GET"), (SERVER, "GET /carts/{cart}"), (CLIENT, "GET")],
        [(SERVER, "GET /prices/{sku}"), (CLIENT, "GET"), (SERVER, "GET /sync/{cart}"), (CLIENT, "GET")],
    ]
    assert len({span.trace_id for span in found}) == 2


def test_frameworks_are_hooked_in_the_middle_of_their_import():
    code = """
from opentelemetry.trace import NoOpTracerProvider
from traceo.instrumentation import Selection, failures, install

names = "django,fastapi,flask,litestar,starlette"
installed = install(Selection.parse(names), tracer_provider=NoOpTracerProvider())
assert installed.names == ()
import django.core.wsgi, fastapi, flask, litestar
print(",".join(sorted(installed.names)) == names, failures())
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "True {}\n"
