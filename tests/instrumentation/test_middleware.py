import httpx
import pytest
from fastapi import FastAPI
from flask import Flask

from tests.instrumentation.server_side import environ, ignore, told
from traceo.instrumentation import Options
from traceo.instrumentation.middleware import AsgiMiddleware, WsgiMiddleware

UNSET, ERROR = 0, 2


@pytest.fixture(autouse=True)
def global_provider(spans, monkeypatch):
    """The provider as ``traceo.init()`` leaves it: the global one."""
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", spans.provider)


async def bare(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        return
    if scope["path"] == "/fail":
        raise LookupError("fail")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-cache", b"hit")]})
    await send({"type": "http.response.body", "body": b"bare"})


def bare_wsgi(environ, start_response):
    if environ["PATH_INFO"] == "/fail":
        raise LookupError("fail")
    start_response("200 OK", [("X-Cache", "hit")])
    return iter([b"bare"])


async def get(app, path, **scope):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, **scope)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        return await client.get(path)


async def test_an_asgi_app_of_no_framework_has_spans_and_the_names_it_gives(spans):
    named = AsgiMiddleware(
        bare,
        route=lambda scope: "/prices/{sku}" if scope["path"].startswith("/eu/prices/") else None,
        options=Options(server_response_headers=("x-cache",)),
    )
    assert (await get(named, "/eu/prices/a-1", root_path="/eu")).text == "bare"
    await get(named, "/other")
    await get(AsgiMiddleware(bare), "/fail")
    assert [(span.name, told(span)) for span in spans.all()] == [
        ("GET /eu/prices/{sku}", (200, UNSET, "", [])),
        ("GET", (200, UNSET, "", [])),
        ("GET", (500, ERROR, "LookupError", ["LookupError"])),
    ]
    assert list(spans.all()[0].attributes["http.response.header.x-cache"]) == ["hit"]
    assert spans.all()[0].scope.name == "traceo.instrumentation.asgi"


def test_a_wsgi_app_of_no_framework_has_spans_and_the_names_it_gives(spans):
    named = WsgiMiddleware(
        bare_wsgi, route=lambda environ: "/fail" if environ["PATH_INFO"] == "/fail" else "/prices/<sku>"
    )
    assert list(named(environ(SCRIPT_NAME="/eu", PATH_INFO="/prices/a-1"), ignore)) == [b"bare"]
    with pytest.raises(LookupError):
        named(environ(PATH_INFO="/fail"), ignore)
    assert list(WsgiMiddleware(bare_wsgi)(environ(), ignore)) == [b"bare"]
    assert [(span.name, told(span)) for span in spans.all()] == [
        ("GET /eu/prices/<sku>", (200, UNSET, "", [])),
        ("GET /fail", (500, ERROR, "LookupError", ["LookupError"])),
        ("GET", (200, UNSET, "", [])),
    ]


def test_a_route_that_cannot_be_told_is_no_hindrance(spans):
    from traceo.instrumentation import failures

    before = failures().get("wsgi.route", 0)
    app = WsgiMiddleware(bare_wsgi, route=lambda environ: environ["nothing"])
    assert list(app(environ(), ignore)) == [b"bare"]
    assert failures()["wsgi.route"] == before + 1
    assert [span.name for span in spans.all()] == ["GET"]


async def test_around_a_framework_that_has_a_hook_there_is_one_span_which_it_names(spans, hook):
    hook("fastapi,starlette,flask")
    api, web = FastAPI(), Flask("web")

    @api.get("/items/{item}")
    def item(item: int) -> int:
        return item

    @web.get("/items/<int:item>")
    def page(item):
        return str(item)

    assert (await get(AsgiMiddleware(api), "/items/7")).json() == 7
    assert b"".join(WsgiMiddleware(web)(environ(PATH_INFO="/items/7"), ignore)) == b"7"
    assert [(span.scope.name.rpartition(".")[2], span.name) for span in spans.all() if span.kind == 2] == [
        ("asgi", "GET /items/{item}"),
        ("wsgi", "GET /items/<int:item>"),
    ]


async def test_lifespan_is_passed_on(spans):
    sent = []

    async def receive():
        return {"type": "lifespan.startup"}

    async def send(message):
        sent.append(message["type"])

    await AsgiMiddleware(bare)({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete"]
    assert spans.all() == []


def test_hooks_can_come_and_go(spans, hook):
    web = Flask("web")

    @web.get("/items/<int:item>")
    def page(item):
        return str(item)

    client = web.test_client()
    for _ in range(3):
        installed = hook("flask")
        assert client.get("/items/7").text == "7"
        installed.uninstall()
        assert client.get("/items/8").text == "8"
    assert [span.attributes["url.path"] for span in spans.all()] == ["/items/7"] * 3
