import socket
import subprocess
import sys
from pathlib import Path

import django
import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from tests import django_shop
from tests.instrumentation.server_side import ask, environ, told, until
from tests.wsgi_server import serving
from traceo.instrumentation import failures

SERVER = 2
UNSET, ERROR = 0, 2


@pytest.fixture
def wsgi_app():
    from django.core.handlers.wsgi import WSGIHandler

    django_shop.seen.clear()
    return WSGIHandler()


@pytest.fixture
def asgi_app():
    from django.core.handlers.asgi import ASGIHandler

    django_shop.seen.clear()
    return ASGIHandler()


@pytest.fixture(params=["wsgi", "asgi"])
def shop(request, serve):
    """The base URL of the same project under each kind of server."""
    app = request.getfixturevalue(f"{request.param}_app")
    if request.param == "asgi":
        yield serve(app)
        return
    with serving(app) as base:
        yield base


def test_a_request_is_one_server_span_with_stable_names_and_its_route(spans, hook, shop):
    hook("django")
    body, attributes = ask(shop, "/users/7/")
    assert body == b'{"user": 7}'
    (span,) = spans.wait(1)
    assert (span.name, span.kind, span.status_code, span.parent_span_id) == (
        "GET /users/<int:user>/",
        SERVER,
        UNSET,
        0,
    )
    if "network.peer.port" not in span.attributes:
        attributes.pop("network.peer.port")
    assert dict(span.attributes) == {**attributes, "http.route": "/users/<int:user>/"}
    assert not span.events
    assert django_shop.seen == {"middleware": span.span_id, "view": span.span_id}


def test_routes_are_whole_and_from_a_slash_on(spans, hook, shop):
    hook("django")
    for path in (
        "/",
        "/admin/north/stock/",
        "/admin/x/old/4",
        "/articles/2026/",
        "/none/3",
        "/admin/x/stock",
    ):
        httpx.get(shop + path)
    assert [span.name for span in spans.wait(6)] == [
        "GET /",
        "GET /admin/<slug:area>/stock/",
        r"GET /admin/<slug:area>/old/(?P<item>\d+)",
        "GET /articles/(?P<year>[0-9]{4})/",
        "GET",
        "GET",
    ]


@pytest.mark.parametrize("view", ["/users/7/", "/async/users/7/"])
def test_sync_and_async_views_run_in_the_callers_trace(spans, hook, shop, view):
    hook("django")
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert httpx.get(shop + view, headers={"traceparent": parent}).json() == {"user": 7}
    (span,) = spans.wait(1)
    assert (span.trace_id, span.parent_span_id) == (0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331)
    assert django_shop.seen["view"] == span.span_id


def test_an_exception_is_told_once_where_it_made_the_request_fail(spans, hook, shop):
    hook("django")
    kinds = (
        "fail/403",
        "fail/404",
        "fail/502",
        "fail/stock",
        "fail/boom",
        "fail-async",
        "door-fails",
        "door-shut",
    )
    statuses = [httpx.get(f"{shop}/{kind}").status_code for kind in kinds]
    assert statuses == [403, 404, 502, 503, 500, 500, 500, 403]
    assert [told(span) for span in spans.wait(8)] == [
        (403, UNSET, "", []),
        (404, UNSET, "", []),
        (502, ERROR, "502", []),
        (503, ERROR, "OutOfStockError", ["OutOfStockError"]),
        (500, ERROR, "LookupError", ["LookupError"]),
        (500, ERROR, "LookupError", ["LookupError"]),
        (500, ERROR, "LookupError", ["LookupError"]),
        (403, UNSET, "", []),
    ]


def test_an_exception_that_django_lets_through_reaches_the_server_unchanged(spans, hook, wsgi_app):
    from django.test import override_settings

    hook("django")
    with override_settings(DEBUG_PROPAGATE_EXCEPTIONS=True), pytest.raises(LookupError) as caught:
        wsgi_app(environ(PATH_INFO="/fail/boom"), None)
    assert caught.value.__context__ is None
    (span,) = spans.all()
    assert (span.name, told(span)) == ("GET /fail/<str:kind>", (500, ERROR, "LookupError", ["LookupError"]))


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # Django's own, for the sync one
@pytest.mark.parametrize("path", ["/stream", "/stream-async"])
def test_a_stream_runs_in_the_requests_context(spans, hook, shop, path):
    hook("django")
    assert httpx.get(shop + path).text == "ab"
    (span,) = spans.wait(1)
    assert (span.name, told(span)) == (f"GET {path}", (200, UNSET, "", []))
    parts = {where: ran for where, ran in django_shop.seen.items() if where.startswith("part")}
    assert parts == {"part a": span.span_id, "part b": span.span_id}


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_a_file_is_served_as_without_us(spans, hook, shop):
    hook("django")
    answer = httpx.get(f"{shop}/file")
    assert answer.content == Path(django_shop.__file__).read_bytes()
    (span,) = spans.wait(1)
    assert (span.name, told(span)) == ("GET /file", (200, UNSET, "", []))


def test_signals_at_both_ends_run_in_the_requests_context(spans, hook, shop):
    from django.core.signals import request_finished, request_started

    def started(**kwargs):
        django_shop.seen["started"] = django_shop.span_id()

    def finished(**kwargs):
        django_shop.seen["finished"] = django_shop.span_id()

    request_started.connect(started)
    request_finished.connect(finished)
    try:
        hook("django")
        httpx.get(f"{shop}/users/1/")
        (span,) = spans.wait(1)
        until(lambda: "finished" in django_shop.seen)
    finally:
        request_started.disconnect(started)
        request_finished.disconnect(finished)
    assert (django_shop.seen["started"], django_shop.seen["finished"]) == (span.span_id, span.span_id)


def test_a_django_app_mounted_in_starlette_is_one_span_with_the_whole_template(spans, hook, serve, asgi_app):
    hook("starlette,django")
    base = serve(Starlette(routes=[Mount("/tenants/{tenant}", app=asgi_app)]))
    assert httpx.get(f"{base}/tenants/acme/users/5/").json() == {"user": 5}
    httpx.get(f"{base}/tenants/acme/fail/boom")
    assert [(span.scope.name.rpartition(".")[2], span.name, told(span)) for span in spans.wait(2)] == [
        ("starlette", "GET /tenants/{tenant}/users/<int:user>/", (200, UNSET, "", [])),
        ("starlette", "GET /tenants/{tenant}/fail/<str:kind>", (500, ERROR, "LookupError", ["LookupError"])),
    ]


def test_a_failure_of_ours_leaves_the_answer_and_is_counted(spans, hook, shop, monkeypatch):
    import traceo.instrumentation.django as room

    def broken(*args):
        raise ZeroDivisionError

    hook("django")
    for name, where, path, status in (
        ("_template", "django.route", "/users/1/", 200),
        ("current", "django.error", "/fail/boom", 500),
    ):
        before = failures().get(where, 0)
        with monkeypatch.context() as patch:
            patch.setattr(room, name, broken)
            assert httpx.get(shop + path).status_code == status
        assert failures()[where] == before + 1
    assert len(spans.wait(2)) == 2


def test_off_restores_the_very_objects(spans, hook, wsgi_app, asgi_app):
    from django.core.handlers import exception
    from django.core.handlers.base import BaseHandler

    def now():
        return (
            type(wsgi_app).__call__,
            type(asgi_app).__call__,
            BaseHandler.resolve_request,
            BaseHandler.process_exception_by_middleware,
            exception.response_for_exception,
        )

    before = now()
    installed = hook("django")
    assert not set(before) & set(now())
    installed.uninstall()
    assert now() == before
    with serving(wsgi_app) as base:
        assert httpx.get(f"{base}/users/1/").json() == {"user": 1}
    assert spans.all() == []


def test_of_the_two_handlers_only_those_are_hooked_that_the_app_imports():
    code = """
import sys
from opentelemetry.trace import NoOpTracerProvider
from traceo.instrumentation import Selection, install

def rooms():
    return [handler.__call__.__code__.co_filename.split("/")[-2] for handler in (WSGIHandler, ASGIHandler)]

installed = install(Selection.parse("django"), tracer_provider=NoOpTracerProvider())
assert "django" not in sys.modules
from django.core.handlers.wsgi import WSGIHandler
from django.conf import settings
settings.configure(MIDDLEWARE=[])
WSGIHandler()
assert "django.core.handlers.asgi" not in sys.modules
from django.core.handlers.asgi import ASGIHandler
ASGIHandler()
on = rooms()
installed.uninstall()
print(*on, *rooms())
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.split() == ["instrumentation", "instrumentation", "handlers", "handlers"]


def test_requests_of_the_test_client_are_seen_too(spans, hook):
    from django.test import Client

    hook("django")
    client = Client(raise_request_exception=False)
    assert client.get("/users/7/").json() == {"user": 7}
    assert client.get("/fail/boom").status_code == 500
    assert b"".join(client.get("/stream").streaming_content) == b"ab"
    with pytest.raises(LookupError):
        Client().get("/fail/boom")
    assert [(span.name, told(span)) for span in spans.all()] == [
        ("GET /users/<int:user>/", (200, UNSET, "", [])),
        ("GET /fail/<str:kind>", (500, ERROR, "LookupError", ["LookupError"])),
        ("GET /stream", (200, UNSET, "", [])),
        ("GET /fail/<str:kind>", (500, ERROR, "LookupError", ["LookupError"])),
    ]


async def test_requests_of_the_async_test_client_are_seen_too(spans, hook):
    from django.test import AsyncClient

    hook("django")
    client = AsyncClient(raise_request_exception=False)
    assert (await client.get("/async/users/7/")).json() == {"user": 7}
    assert (await client.get("/fail-async")).status_code == 500
    assert [(span.name, told(span)) for span in spans.all()] == [
        ("GET /async/users/<int:user>/", (200, UNSET, "", [])),
        ("GET /fail-async", (500, ERROR, "LookupError", ["LookupError"])),
    ]


@pytest.mark.skipif(django.VERSION < (5, 0), reason="this Django does not listen for a client that goes")
def test_a_client_that_hangs_up_ends_the_request_without_an_error(spans, hook, serve, asgi_app):
    hook("django")
    host, port = serve(asgi_app).removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: "waiting" in django_shop.seen)
    (span,) = spans.wait(1)
    assert (span.name, told(span)) == ("GET /wait", (None, UNSET, "", []))
    assert django_shop.seen["cancelled"] == span.span_id
