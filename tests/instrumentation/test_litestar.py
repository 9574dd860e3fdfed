import asyncio

import httpx
import pytest
from litestar import Litestar, Response, Router, asgi, get, websocket_listener
from litestar.background_tasks import BackgroundTask
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.response import Stream
from litestar.static_files import create_static_files_router
from litestar.testing import TestClient
from litestar.types import Receive, Scope, Send
from opentelemetry import trace
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from tests.instrumentation.server_side import ask, told, until

SERVER = 2
UNSET, ERROR = 0, 2

# The style of parameters that every tested version knows.
pytestmark = pytest.mark.filterwarnings("ignore:.*declared using deprecated")


@get("/users/{user:int}")
async def user(user: int) -> dict[str, int]:
    return {"user": user}


@get("/stock", sync_to_thread=True)
def stock(area: str) -> str:
    return area


@asgi("/raw", is_mount=True, copy_scope=True)
async def raw(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"raw", "more_body": False})


def shop(*more, **settings) -> Litestar:
    admin = Router("/admin/{area:str}", route_handlers=[stock])
    inner = Router("/inner", route_handlers=[raw])
    return Litestar([user, admin, inner, *more], logging_config=None, **settings)


def test_a_request_is_one_server_span_with_stable_names_and_its_template(spans, hook, serve):
    hook("litestar")
    body, attributes = ask(serve(shop()), "/users/7")
    assert body == b'{"user":7}'
    (span,) = spans.wait(1)
    assert (span.name, span.kind, span.status_code, span.parent_span_id) == (
        "GET /users/{user}",
        SERVER,
        UNSET,
        0,
    )
    assert dict(span.attributes) == {**attributes, "http.route": "/users/{user}"}
    assert not span.events


def test_names_are_low_in_cardinality_whatever_is_asked_for(spans, hook, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    hook("litestar")
    files = create_static_files_router(path="/static", directories=[tmp_path])
    with TestClient(shop(files), root_path="/eu") as client:
        for path in (
            "/admin/north/stock",
            "/inner/raw/x/y",
            "/inner/raw",
            "/static/a.txt",
            "/wp-admin/x9.php",
        ):
            client.get(path)
        client.post("/users/7")
        client.request("BREW", "/users/7")
    assert [(span.name, told(span)[0]) for span in spans.all()] == [
        ("GET /eu/admin/{area}/stock", 200),
        ("GET /eu/inner/raw/{path}", 200),
        ("GET /eu/inner/raw/{path}", 200),
        ("GET /eu/static/{file_path}", 200),
        ("GET", 404),
        ("POST", 405),
        ("HTTP", 405),
    ]


def test_an_exception_is_told_once_where_it_made_the_request_fail(spans, hook):
    class OutOfStockError(Exception):
        pass

    def handled(request, error: OutOfStockError) -> Response:
        return Response({}, status_code=503)

    @get("/fail/{kind:str}")
    async def fail(kind: str) -> Response:
        if kind == "502":
            return Response({}, status_code=502)
        if kind == "504":
            raise HTTPException(status_code=504)
        raise {"stock": OutOfStockError, "401": NotAuthorizedException}.get(kind, LookupError)(kind)

    hook("litestar")
    app = shop(fail, exception_handlers={OutOfStockError: handled})
    with TestClient(app, raise_server_exceptions=False) as client:
        for kind in ("401", "502", "504", "stock", "boom"):
            client.get(f"/fail/{kind}")
    assert [told(span) for span in spans.all()] == [
        (401, UNSET, "", []),
        (502, ERROR, "502", []),
        (504, ERROR, "HTTPException", ["HTTPException"]),
        (503, ERROR, "OutOfStockError", ["OutOfStockError"]),
        (500, ERROR, "LookupError", ["LookupError"]),
    ]
    assert {span.name for span in spans.all()} == {"GET /fail/{kind}"}


def test_streams_and_background_tasks_run_in_the_requests_context(spans, hook, serve):
    seen = {}

    def look(where):
        seen[where] = trace.get_current_span().get_span_context().span_id

    async def later() -> None:
        look("background")

    async def parts():
        look("first")
        yield "a"
        look("second")
        yield "b"

    @get("/stream")
    async def stream() -> Stream:
        return Stream(parts(), background=BackgroundTask(later))

    hook("litestar")
    assert httpx.get(f"{serve(shop(stream))}/stream").text == "ab"
    (span,) = spans.wait(1)
    until(lambda: "background" in seen)
    assert seen == dict.fromkeys(("first", "second", "background"), span.span_id)


def test_a_websocket_is_one_span(spans, hook):
    @websocket_listener("/rooms/{room:int}")
    async def echo(data: str, room: int) -> str:
        if data == "boom":
            raise LookupError(data)
        return data

    hook("litestar")
    with TestClient(shop(echo)) as client, client.websocket_connect("/rooms/7") as socket:
        socket.send_text("hi")
        assert socket.receive_text() == "hi"
    (span,) = spans.all()
    assert (span.name, told(span)) == ("GET /rooms/{room}", (101, UNSET, "", []))


async def test_cancellation_passes_through_without_an_error_status(spans, hook):
    started = asyncio.Event()

    @get("/wait")
    async def wait() -> None:
        started.set()
        await asyncio.Event().wait()

    hook("litestar")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(shop(wait)), base_url="http://x") as client:
        task = asyncio.create_task(client.get("/wait"))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    (span,) = spans.all()
    assert (span.name, told(span)) == ("GET /wait", (None, UNSET, "CancelledError", []))


def test_off_restores_the_very_object(spans, hook):
    before = Litestar.__call__
    installed = hook("litestar")
    assert Litestar.__call__ is not before
    installed.uninstall()
    assert Litestar.__call__ is before
    with TestClient(shop()) as client:
        assert client.get("/users/7").json() == {"user": 7}
    assert spans.all() == []


async def test_applications_mounted_in_each_other_are_one_span_with_the_whole_template(spans, hook):
    async def item(request):
        return PlainTextResponse("")

    inside = Starlette(routes=[Route("/items/{item}/", item)])  # Litestar adds the slash

    @asgi("/inside", is_mount=True, copy_scope=True)
    async def mount(scope: Scope, receive: Receive, send: Send) -> None:
        await inside(scope, receive, send)

    hook("litestar,starlette")
    outside = Starlette(routes=[Mount("/tenants/{tenant}", app=shop(mount))])
    for app, path in (
        (outside, "/tenants/acme/users/5"),
        (outside, "/tenants/acme/inside/items/6"),
        (outside, "/tenants/acme/none"),
        (shop(mount), "/inside/items/7"),
    ):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            await client.get(path)
    assert [(span.scope.name.rpartition(".")[2], span.name) for span in spans.all()] == [
        ("starlette", "GET /tenants/{tenant}/users/{user}"),
        ("starlette", "GET /tenants/{tenant}/inside/{path}"),
        ("starlette", "GET /tenants/{tenant}/{path}"),
        ("litestar", "GET /inside/items/{item}/"),
    ]
