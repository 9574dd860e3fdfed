"""What every WSGI hook rests on, with bare applications: PEP 3333 seen from both sides."""

import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.trace import NoOpTracerProvider

from tests.instrumentation.server_side import environ, ignore, told
from tests.wsgi_server import serving
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.http_server import MARK, add_server
from traceo.instrumentation.options import Options
from traceo.instrumentation.wsgi import observed
from traceo.instrumentation.wsgi_environ import text_of

UNSET, ERROR = 0, 2


class App:
    """An application of nobody's framework."""

    def __init__(self, answer) -> None:
        self.answer = answer

    def __call__(self, environ, start_response):
        return self.answer(environ, start_response)


@pytest.fixture
def site(spans):
    site = Site("wsgi", spans.provider.get_tracer("test"), Options())
    site.replace(App, "__call__", lambda original: observed(site, original))
    yield site
    site.restore()


def ok(body):
    def answer(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return body

    return App(answer)


def test_a_list_goes_on_as_it_is_and_has_its_content_length(spans, site):
    body = [b"whole"]
    assert ok(body)(environ(), ignore) is body
    with serving(ok([b"whole"])) as base:
        assert httpx.get(base).headers["content-length"] == "5"
    assert [told(span) for span in spans.wait(2)] == [(200, UNSET, "", [])] * 2


def test_a_body_that_has_a_length_keeps_it_and_one_that_has_none_gets_none(spans, site):
    class Parts:
        def __len__(self):
            return 1

        def __iter__(self):
            yield b"part"

    sized, stream = ok(Parts())(environ(), ignore), ok(iter([b"part"]))(environ(), ignore)
    assert len(sized) == 1
    assert list(sized) == list(stream) == [b"part"]
    with pytest.raises(TypeError):
        len(stream)
    with serving(ok(Parts())) as base:
        assert httpx.get(base).headers["content-length"] == "4"
    spans.wait(3)


def test_the_servers_file_wrapper_reaches_the_server(spans, site):
    body = FileWrapper(io.BytesIO(b"file"))
    assert ok(body)(environ(**{"wsgi.file_wrapper": FileWrapper}), ignore) is body
    assert [told(span) for span in spans.all()] == [(200, UNSET, "", [])]


def test_both_sides_of_the_protocol_are_kept(spans, site):
    def answer(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
        write(b"ab")
        return iter([b"cd"])

    checked = App(validator(answer))
    with serving(validator(checked)) as base:
        assert httpx.get(base).text == "abcd"
    assert [told(span) for span in spans.wait(1)] == [(200, UNSET, "", [])]


def test_what_the_body_offers_beyond_iteration_is_still_there(spans, site):
    class Response:
        status_code = 200

        def __iter__(self):
            return iter([b"a"])

        def close(self):
            closed.append(trace.get_current_span().get_span_context().span_id)

    closed = []
    body = ok(Response())(environ(), ignore)
    assert body.status_code == 200
    assert next(body) == b"a"
    body.close()
    body.close()
    (span,) = spans.all()
    assert closed[0] == span.span_id
    assert not hasattr(body, "fileno")


def test_an_answer_that_is_never_started_is_the_servers_500(spans, site):
    assert list(App(lambda environ, start: iter(()))(environ(), ignore)) == []
    assert App(lambda environ, start: [])(environ(), ignore) == []
    assert [told(span) for span in spans.all()] == [(500, ERROR, "500", [])] * 2


def test_an_answer_started_by_the_first_part_counts(spans, site):
    def answer(environ, start_response):
        start_response("204 No Content", [])
        yield b""

    assert list(App(answer)(environ(), ignore)) == [b""]
    assert [told(span) for span in spans.all()] == [(204, UNSET, "", [])]


def test_errors_leave_unchanged_from_each_of_the_three_places(spans, site):
    boom = LookupError("ada@example.com")

    class Closing:
        def __iter__(self):
            return iter([b"a"])

        def close(self):
            raise boom

    def raising(environ, start_response):
        raise boom

    def parts(environ, start_response):
        start_response("200 OK", [])
        yield b"a"
        raise boom

    for use in (
        lambda: App(raising)(environ(), ignore),
        lambda: list(App(parts)(environ(), ignore)),
        lambda: ok(Closing())(environ(), ignore).close(),
    ):
        with pytest.raises(LookupError) as caught:
            use()
        assert caught.value is boom
        assert boom.__context__ is None
        assert not trace.get_current_span().get_span_context().is_valid
    assert [told(span) for span in spans.all()] == [
        (500, ERROR, "LookupError", ["LookupError"]),
        (200, ERROR, "LookupError", ["LookupError"]),
        (200, ERROR, "LookupError", ["LookupError"]),
    ]


def test_what_was_started_but_not_sent_when_the_app_failed_is_the_servers_500(spans, site):
    def late(environ, start_response):
        start_response("200 OK", [])
        raise LookupError

    def parts(environ, start_response):
        start_response("200 OK", [])
        yield {}["missing"]

    for answer in (late, parts):
        with serving(App(answer)) as base:
            assert httpx.get(base).status_code == 500
    assert [told(span) for span in spans.wait(2)] == [
        (500, ERROR, "LookupError", ["LookupError"]),
        (500, ERROR, "KeyError", ["KeyError"]),
    ]


def test_an_error_that_the_app_answers_itself_is_told_with_its_500(spans, site):
    def answer(environ, start_response):
        try:
            {}["missing"]
        except KeyError:
            start_response("500 Oh", [], sys.exc_info())
        return [b"sorry"]

    App(answer)(environ(), ignore)
    assert [told(span) for span in spans.all()] == [(500, ERROR, "KeyError", ["KeyError"])]


def test_an_exit_is_not_an_answer(spans, site):
    def answer(environ, start_response):
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        App(answer)(environ(), ignore)
    assert [told(span) for span in spans.all()] == [(None, ERROR, "SystemExit", ["SystemExit"])]


def test_addresses_come_from_the_host_header_or_the_server(spans, site):
    for more in (
        {"HTTP_HOST": "shop.example:8443"},
        {"HTTP_HOST": "[2001:db8::1]"},
        {"HTTP_HOST": "shop.example:99999999999999999999"},
        {},
        {"SERVER_NAME": "", "REMOTE_ADDR": "", "REMOTE_PORT": "x"},
    ):
        ok([])(environ(**more), ignore)
    keys = ("server.address", "server.port", "client.address", "network.peer.port")
    assert [tuple(span.attributes.get(key) for key in keys) for span in spans.all()] == [
        ("shop.example", 8443, "10.0.0.9", 4711),
        ("2001:db8::1", None, "10.0.0.9", 4711),
        ("shop.example:99999999999999999999", None, "10.0.0.9", 4711),
        ("10.0.0.1", 8000, "10.0.0.9", 4711),
        (None, None, None, None),
    ]


def test_a_path_in_the_protocols_own_encoding_is_read(spans, site):
    ok([])(environ(SCRIPT_NAME="/caf\xc3\xa9", PATH_INFO="/\xff", QUERY_STRING="a=%20b"), ignore)
    (span,) = spans.all()
    assert (span.attributes["url.path"], span.attributes["url.query"]) == ("/café/\ufffd", "a=%20b")
    assert (span.name, span.attributes["network.protocol.version"]) == ("GET", "1.0")


def test_baggage_and_another_propagator_are_followed(spans, site, monkeypatch):
    from opentelemetry import baggage, propagate
    from opentelemetry.propagators.b3 import B3MultiFormat

    seen = []

    def answer(environ, start_response):
        seen.append(baggage.get_all())
        start_response("200 OK", [])
        return []

    App(answer)(environ(HTTP_BAGGAGE="tier=gold"), ignore)
    monkeypatch.setattr(propagate, "get_global_textmap", B3MultiFormat)
    ids = {
        "HTTP_X_B3_TRACEID": "0af7651916cd43dd8448eb211c80319c",
        "HTTP_X_B3_SPANID": "b7ad6b7169203331",
        "HTTP_X_B3_SAMPLED": "1",
    }
    App(answer)(environ(**ids), ignore)
    assert seen[0] == {"tier": "gold"}
    assert spans.all()[1].parent_span_id == 0xB7AD6B7169203331


def test_a_request_inside_a_request_has_a_span_of_its_own_but_the_same_request_has_not(spans, site):
    inner = ok([])
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    def answer(outside, start_response):
        inner(environ(PATH_INFO="/other"), ignore)
        inner(environ(PATH_INFO="/same"), ignore)
        inner(environ(PATH_INFO="/same", HTTP_TRACEPARENT=caller), ignore)  # sent by an instrumented client
        start_response("200 OK", [])
        return []

    App(answer)(environ(PATH_INFO="/same"), ignore)
    assert [span.attributes["url.path"] for span in spans.all()] == ["/same", "/other", "/same"]


def test_nothing_is_left_behind(spans, site):
    reused = environ()
    ok([b"a"])(reused, ignore)
    assert MARK not in reused
    body = ok(iter([b"a"]))(reused, ignore)
    assert otel.get_current() == {}
    list(body)
    body.close()
    assert otel.get_current() == {}
    ok([b"a"])(reused, ignore)  # a server that uses its environ again
    assert len(spans.all()) == 3


@given(host=st.text(max_size=60) | st.from_regex(r"\[?[\w.:-]{0,20}\]?:\d{0,25}", fullmatch=True))
def test_any_host_header_gives_an_address_and_a_port_that_can_be_sent(host):
    attributes = {}
    add_server(attributes, host)
    assert 0 <= attributes.get("server.port", 0) <= 99_999
    assert attributes["server.address"] in host
    assert set(attributes) <= {"server.address", "server.port"}


@given(text=st.text(alphabet=st.characters(max_codepoint=255)))
def test_any_path_of_the_protocol_becomes_text_and_utf_8_comes_through(text):
    assert text_of(text.encode("utf-8").decode("latin-1")) == text
    text_of(text).encode("utf-8")


def test_off_only_passes_on(spans, site):
    kept = App.__call__
    site.restore()
    body = iter([b"a"])
    assert kept(ok(body), environ(), ignore) is body
    assert spans.all() == []


def test_a_tracer_that_records_nothing_is_no_hindrance():
    site = Site("wsgi", NoOpTracerProvider().get_tracer("test"), Options())
    app = observed(site, lambda self, environ, start_response: iter([b"a"]))
    assert list(app(None, environ(), ignore)) == [b"a"]


def test_under_gunicorn_each_worker_class_serves_one_span_a_request(tmp_path):
    (tmp_path / "served.py").write_text(
        """
import threading, flask
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, ConsoleSpanExporter
from traceo.instrumentation import Selection, install
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(
    formatter=lambda span: f"SPAN {span.name} {span.attributes['http.response.status_code']} {span.parent}\\n")))
install(Selection.parse("flask"), tracer_provider=provider)
app = flask.Flask("served")

@app.get("/users/<int:user>")
def user(user):
    return flask.Response((f"{part}\\n" for part in range(user)))

@app.get("/file")
def file():
    return flask.send_file(__file__)
"""
    )
    for worker in ("sync", "gthread", "gevent"):
        log = tmp_path / f"{worker}.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "-k", worker, "-b", f"127.0.0.1:{port}", "served:app"]
        with log.open("wb") as out:
            server = subprocess.Popen(
                command,
                cwd=tmp_path,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            )
        try:
            base = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 20
            while True:
                try:
                    assert httpx.get(f"{base}/users/3").text == "0\n1\n2\n"
                    break
                except httpx.TransportError:
                    assert server.poll() is None, log.read_text()
                    assert time.monotonic() < deadline, log.read_text()
                    time.sleep(0.05)
            assert httpx.get(f"{base}/file").content == (tmp_path / "served.py").read_bytes()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)
        assert re.findall("^SPAN .*$", log.read_text(), re.MULTILINE) == [
            "SPAN GET /users/<int:user> 200 None",
            "SPAN GET /file 200 None",
        ]
