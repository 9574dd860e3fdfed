import asyncio
import contextlib
import threading
import warnings

import flask
import httpx
import pytest
from flask import Blueprint, Flask, Response, abort, stream_with_context
from opentelemetry import trace
from starlette.applications import Starlette
from starlette.exceptions import StarletteDeprecationWarning
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from tests.instrumentation.server_side import ask, environ, ignore, told, until
from tests.wsgi_server import serving
from traceo.instrumentation import failures
from traceo.instrumentation.http_server import MARK

SERVER = 2
UNSET, ERROR = 0, 2


def shop() -> Flask:
    app = Flask("shop")
    admin = Blueprint("admin", "admin", url_prefix="/admin/<area>")

    @app.get("/users/<int:user>")
    def user(user):
        return {"user": user}

    @admin.get("/stock")
    def stock(area):
        return area

    app.register_blueprint(admin)
    return app


def test_a_request_is_one_server_span_with_stable_names_and_its_rule(spans, hook):
    hook("flask")
    with serving(shop()) as base:
        body, attributes = ask(base, "/users/7")
        assert body == b'{"user":7}\n'
        (span,) = spans.wait(1)
    assert (span.name, span.kind, span.status_code, span.parent_span_id) == (
        "GET /users/<int:user>",
        SERVER,
        UNSET,
        0,
    )
    attributes.pop("network.peer.port")
    assert dict(span.attributes) == {**attributes, "http.route": "/users/<int:user>"}
    assert not span.events


def test_names_are_low_in_cardinality_whatever_is_asked_for(spans, hook):
    hook("flask")
    client = shop().test_client()
    client.get("/admin/north/stock")
    client.get("/wp-admin/x93.php")
    client.post("/users/7")
    client.open("/users/7", method="BREW")
    client.head("/users/7")
    client.get("/static/none.css")
    assert [(span.name, told(span)) for span in spans.all()] == [
        ("GET /admin/<area>/stock", (200, UNSET, "", [])),
        ("GET", (404, UNSET, "", [])),
        ("POST", (405, UNSET, "", [])),
        ("HTTP", (405, UNSET, "", [])),
        ("HEAD /users/<int:user>", (200, UNSET, "", [])),
        ("GET /static/<path:filename>", (404, UNSET, "", [])),
    ]
    assert spans.all()[3].attributes["http.request.method_original"] == "BREW"


def test_a_callers_trace_goes_on_in_the_view(spans, hook):
    hook("flask")
    app, seen = Flask("x"), []

    @app.get("/")
    def look():
        seen.append(trace.get_current_span().get_span_context())
        return ""

    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    app.test_client().get("/", headers={"traceparent": parent, "tracestate": "a=1"})
    (span,) = spans.all()
    assert (span.trace_id, span.parent_span_id, span.trace_state) == (
        0x0AF7651916CD43DD8448EB211C80319C,
        0xB7AD6B7169203331,
        "a=1",
    )
    assert seen[0].span_id == span.span_id
    assert not trace.get_current_span().get_span_context().is_valid


def test_an_exception_is_told_once_where_it_made_the_request_fail(spans, hook):
    hook("flask")
    app = Flask("x")

    class OutOfStockError(Exception):
        pass

    class GoneError(Exception):
        pass

    @app.errorhandler(OutOfStockError)
    def handled(error):
        return "later", 503

    @app.errorhandler(GoneError)
    def gone(error):
        return "gone", 410

    @app.get("/<kind>")
    def view(kind):
        if kind == "404":
            abort(404)
        if kind == "502":
            return "no", 502
        raise {"stock": OutOfStockError, "gone": GoneError}.get(kind, LookupError)(kind)

    with serving(app) as base:
        for kind in ("404", "502", "stock", "gone", "boom"):
            httpx.get(f"{base}/{kind}")
        found = spans.wait(5)
    assert [told(span) for span in found] == [
        (404, UNSET, "", []),
        (502, ERROR, "502", []),
        (503, ERROR, "OutOfStockError", ["OutOfStockError"]),
        (410, UNSET, "", []),
        (500, ERROR, "LookupError", ["LookupError"]),
    ]
    assert {span.name for span in found} == {"GET /<kind>"}


def test_an_exception_that_flask_lets_through_reaches_the_server_unchanged(spans, hook):
    hook("flask")
    app, boom = Flask("x"), LookupError("no stock for ada@example.com")
    app.testing = True

    @app.get("/fail")
    def fail():
        raise boom

    with pytest.raises(LookupError) as caught:
        app.test_client().get("/fail")
    assert caught.value is boom
    assert boom.__context__ is None
    (span,) = spans.all()
    assert (span.name, told(span)) == ("GET /fail", (500, ERROR, "LookupError", ["LookupError"]))


def test_a_stream_runs_in_the_context_and_the_span_ends_with_it(spans, hook):
    hook("flask")
    app, seen = Flask("x"), []
    tracer = spans.provider.get_tracer("test")

    @app.get("/stream")
    def stream():
        def parts():
            for part in "ab":
                with tracer.start_as_current_span(f"part {part}"):
                    seen.append(len([span for span in spans.all() if span.kind == SERVER]))
                yield part

        return Response(stream_with_context(parts()))

    with serving(app) as base:
        assert httpx.get(f"{base}/stream").text == "ab"
        spans.wait(3)
    server = spans.named("GET /stream")
    assert seen == [0, 0]
    assert {spans.named(f"part {part}").parent_span_id for part in "ab"} == {server.span_id}
    assert server.end_ns >= spans.named("part b").end_ns


def test_a_stream_that_breaks_is_told_and_one_that_is_dropped_is_not(spans, hook):
    hook("flask")
    app, closed = Flask("x"), []

    @app.get("/<kind>")
    def stream(kind):
        def parts():
            try:
                yield "a"
                if kind == "broken":
                    raise LookupError(kind)
                yield "b"
            finally:
                closed.append(trace.get_current_span().get_span_context().span_id)

        return Response(parts())

    for kind in ("broken", "dropped"):
        body = app(environ(PATH_INFO=f"/{kind}"), ignore)
        iterator = iter(body)
        assert next(iterator) == b"a"
        assert not trace.get_current_span().get_span_context().is_valid
        if kind == "broken":
            with pytest.raises(LookupError):
                next(iterator)
        body.close()
    assert [told(span) for span in spans.all()] == [
        (200, ERROR, "LookupError", ["LookupError"]),
        (200, UNSET, "", []),
    ]
    assert closed == [span.span_id for span in spans.all()]


def test_teardown_and_close_callbacks_run_in_the_requests_context(spans, hook):
    hook("flask")
    app, seen = Flask("x"), {}

    def look(where):
        seen[where] = trace.get_current_span().get_span_context().span_id

    @app.teardown_request
    def teardown(error):
        look("teardown")

    @app.get("/")
    def view():
        response = flask.make_response("x")
        response.call_on_close(lambda: look("close"))

        @flask.after_this_request
        def after(response):
            look("after")
            return response

        return response

    with serving(app) as base:
        httpx.get(base)
        (span,) = spans.wait(1)
        until(lambda: "close" in seen)
    assert seen == dict.fromkeys(("after", "teardown", "close"), span.span_id)


def test_middleware_may_stand_around_between_and_beside(spans, hook):
    class Upper:
        def __init__(self, app):
            self.app = app

        def __call__(self, environ, start_response):
            for part in self.app(dict(environ), start_response):
                yield part.upper()

    early = shop()
    early.wsgi_app = Upper(early.wsgi_app)  # before the hook is there
    hook("flask")
    late, inner = shop(), shop()
    late.wsgi_app = Upper(late.wsgi_app)
    whole = DispatcherMiddleware(Upper(shop()), {"/early": early, "/late": late, "/inner": inner.wsgi_app})
    with serving(whole) as base:
        for path in ("/users/1", "/early/users/2", "/late/users/3", "/inner/users/4"):
            assert httpx.get(base + path).status_code == 200
        names = [span.name for span in spans.wait(4)]
    assert names == [
        "GET /users/<int:user>",
        "GET /early/users/<int:user>",
        "GET /late/users/<int:user>",
        "GET /inner/users/<int:user>",
    ]


def test_middleware_may_do_its_work_only_when_its_answer_is_read(spans, hook):
    class Prefixed:
        def __init__(self, app):
            self.app = app

        def __call__(self, environ, start_response):
            yield from self.app({**environ, "SCRIPT_NAME": "/v1"}, start_response)

    hook("flask")
    app = shop()
    app.wsgi_app = Prefixed(app.wsgi_app)
    with serving(app) as base:
        assert httpx.get(f"{base}/users/7").json() == {"user": 7}
        assert [span.name for span in spans.wait(1)] == ["GET /v1/users/<int:user>"]


def test_behind_a_known_proxy_the_client_is_the_one_it_tells(spans, hook):
    hook("flask")
    app = shop()
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
    app.test_client().get(
        "/users/1",
        headers={
            "X-Forwarded-For": "203.0.113.9",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "shop.example:8443",
            "X-Forwarded-Prefix": "/eu",
        },
    )
    (span,) = spans.all()
    assert (span.name, span.attributes["url.scheme"]) == ("GET /eu/users/<int:user>", "https")
    assert (span.attributes["server.address"], span.attributes["server.port"]) == ("shop.example", 8443)
    assert span.attributes["client.address"] == "203.0.113.9"
    assert span.attributes["network.peer.address"] == "127.0.0.1"


def test_a_flask_app_mounted_in_starlette_is_one_span_with_the_whole_template(spans, hook, serve):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StarletteDeprecationWarning)
        from starlette.middleware.wsgi import WSGIMiddleware

    hook("starlette,flask")
    app, boom = shop(), LookupError("boom")

    @app.get("/fail")
    def fail():
        raise boom

    base = serve(Starlette(routes=[Mount("/tenants/{tenant}", app=WSGIMiddleware(app))]))
    assert httpx.get(f"{base}/tenants/acme/users/5").json() == {"user": 5}
    assert httpx.get(f"{base}/tenants/acme/fail").status_code == 500
    httpx.get(f"{base}/tenants/acme/nothing")
    assert [(span.scope.name.rpartition(".")[2], span.name, told(span)) for span in spans.wait(3)] == [
        ("starlette", "GET /tenants/{tenant}/users/<int:user>", (200, UNSET, "", [])),
        ("starlette", "GET /tenants/{tenant}/fail", (500, ERROR, "LookupError", ["LookupError"])),
        ("starlette", "GET /tenants/{tenant}/{path}", (404, UNSET, "", [])),
    ]


def test_an_asgi_app_mounted_in_flask_is_one_span_with_the_whole_template(spans, hook):
    tracer = spans.provider.get_tracer("test")

    async def item(request):
        with tracer.start_as_current_span("inside"):
            return PlainTextResponse(request.path_params["item"])

    def bridge(environ, start_response):
        """What a2wsgi does, on a loop of its own: the context goes along."""
        sent = []

        async def receive():
            return {"type": "http.request"}

        async def send(message):
            sent.append(message)

        root = environ["SCRIPT_NAME"]
        scope = {
            "type": "http",
            "method": environ["REQUEST_METHOD"],
            "path": root + environ["PATH_INFO"],
            "root_path": root,
            "query_string": b"",
            "headers": [],
            "wsgi_environ": environ,
        }
        asyncio.run(Starlette(routes=[Route("/items/{item}", item)])(scope, receive, send))
        start_response(f"{sent[0]['status']} ", [])
        yield sent[1]["body"]

    hook("flask,starlette")
    app = shop()
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/api": bridge})
    assert app.test_client().get("/api/items/7").data == b"7"
    assert app.test_client().get("/users/7").json == {"user": 7}
    outer, inside, own = spans.all()
    assert (outer.name, told(outer)) == ("GET /api/items/{item}", (200, UNSET, "", []))
    assert (inside.name, inside.parent_span_id) == ("inside", outer.span_id)
    assert own.name == "GET /users/<int:user>"


def test_headers_are_captured_only_when_named(spans, hook):
    hook(
        "flask",
        server_request_headers=("x-tag", "content-type", "x-absent"),
        server_response_headers=("x-cache",),
    )
    app = Flask("x")

    @app.post("/")
    def view():
        return "", 200, [("X-Cache", "hit"), ("X-Cache", "twice"), ("Set-Cookie", "session=1")]

    app.test_client().post("/", headers={"X-Tag": "1", "Authorization": "Bearer t"}, json={})
    (span,) = spans.all()
    assert {key: list(value) for key, value in span.attributes.items() if ".header." in key} == {
        "http.request.header.x-tag": ["1"],
        "http.request.header.content-type": ["application/json"],
        "http.response.header.x-cache": ["hit", "twice"],
    }


def test_concurrent_requests_in_threads_keep_their_own_current_span(spans, hook):
    hook("flask")
    app, gate = Flask("x"), threading.Barrier(6)
    tracer = spans.provider.get_tracer("test")

    @app.get("/<number>")
    def view(number):
        gate.wait(10)
        with tracer.start_as_current_span(f"inside {number}"):
            return number

    with serving(app) as base:
        threads = [threading.Thread(target=httpx.get, args=(f"{base}/{n}",)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        found = spans.wait(12)
    servers = {span.span_id: span.attributes["url.path"] for span in found if span.kind == SERVER}
    inner = {servers[span.parent_span_id]: span.name for span in found if span.kind != SERVER}
    assert inner == {f"/{n}": f"inside {n}" for n in range(6)}


def test_a_failure_of_ours_leaves_the_answer_and_is_counted(spans, hook, monkeypatch):
    import traceo.instrumentation.flask as flask_room
    import traceo.instrumentation.wsgi as room

    def broken(*args, **kwargs):
        raise ZeroDivisionError

    hook("flask")
    client = shop().test_client()
    for owner, name, where in (
        (room, "extract", "wsgi.request"),
        (room.WsgiExchange, "_listen", "wsgi.start_response"),
        (room, "_is_of_server", "wsgi.body"),
        (room.WsgiExchange, "route", "http_server.end"),
        (flask_room, "_match", "flask.response"),
    ):
        before = failures().get(where, 0)
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, broken)
            answer = client.get("/users/7")
        assert (answer.status_code, answer.json) == (200, {"user": 7}), name
        assert failures()[where] > before
    assert len(spans.all()) == 4
    assert not trace.get_current_span().get_span_context().is_valid


def test_silence_is_kept_and_off_is_off(spans, hook):
    from opentelemetry import context

    originals = Flask.__call__, Flask.wsgi_app, Flask.finalize_request, Flask.handle_exception
    installed = hook("flask")
    client = shop().test_client()
    token = context.attach(context.set_value(context._SUPPRESS_INSTRUMENTATION_KEY, value=True))
    try:
        client.get("/users/1")
    finally:
        context.detach(token)
    kept = Flask.wsgi_app
    installed.uninstall()
    assert (
        Flask.__call__,
        Flask.wsgi_app,
        Flask.finalize_request,
        Flask.handle_exception,
    ) == originals
    app = shop()
    app.wsgi_app = kept.__get__(app)  # somebody who still holds ours
    assert app.test_client().get("/users/1").json == {"user": 1}
    assert spans.all() == []


def test_a_request_that_is_not_recorded_still_hands_its_trace_on(spans, hook):
    hook("flask")
    app, seen = Flask("x"), []

    @app.get("/")
    def view():
        def parts():
            seen.append(trace.get_current_span().get_span_context())
            yield "a"

        return Response(parts())

    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    assert app.test_client().get("/", headers={"traceparent": parent}).text == "a"
    assert spans.all() == []
    assert f"{seen[0].trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"


def test_nothing_of_a_request_is_kept_alive_by_a_context_that_is(spans, hook):
    import gc
    import weakref

    from opentelemetry import context

    hook("flask")
    app, kept, seen = Flask("x"), [], []

    class Part:
        pass

    @app.get("/")
    def view():
        kept.append(context.get_current())
        part = flask.g.part = flask.request.environ["part"] = Part()
        seen.append(weakref.ref(part))
        return "x"

    with serving(app) as base, contextlib.suppress(httpx.HTTPError):
        httpx.get(base)
        spans.wait(1)
    gc.collect()
    assert kept[0][MARK].ended
    assert seen[0]() is None
