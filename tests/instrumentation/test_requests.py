"""What is particular to requests; what all clients share is in test_http_client.py."""

# ruff: noqa: F811  fixtures are imported by the name that tests take them by
import io
import subprocess
import sys
import textwrap

import pytest
import requests
import responses
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.auth import HTTPDigestAuth
from urllib3 import HTTPResponse, Retry

from tests.instrumentation.http_clients import base, parent_of, received  # noqa: F401

UNSET, ERROR = 0, 2

layers = pytest.mark.parametrize("rows", ["requests", "requests,urllib3"])


@pytest.fixture
def session():
    with requests.Session() as session:
        session.trust_env = False
        yield session


class Local(BaseAdapter):
    """An adapter without a network: ``local://moved`` leads to ``local://here``."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, str]] = []

    def send(self, request, **kwargs):
        self.sent.append(dict(request.headers))
        headers = {"Location": "local://here/"} if "moved" in request.url else {}
        raw = HTTPResponse(io.BytesIO(b"ok"), headers, 302 if headers else 200, preload_content=False)
        return HTTPAdapter().build_response(request, raw)

    def close(self) -> None:
        """Nothing to close."""


def told(spans) -> list[tuple]:
    return [
        (
            span.attributes["http.response.status_code"],
            span.attributes.get("http.request.resend_count"),
            span.status_code,
            span.parent_span_id,
        )
        for span in spans.all()
    ]


@layers
def test_an_adapter_without_urllib3_has_a_span_a_hop_all_the_same(spans, hook, session, rows):
    local = Local()
    session.mount("local://", local)
    hook(rows)
    assert session.get("local://moved/").text == "ok"
    assert told(spans) == [(302, None, UNSET, 0), (200, 1, UNSET, 0)]
    assert [parent_of(headers)[1] for headers in local.sent] == [span.span_id for span in spans.all()]


@layers
def test_a_prepared_request_of_the_apps_comes_back_as_it_was(spans, hook, session, base, rows):
    hook(rows)
    request = session.prepare_request(requests.Request("GET", f"{base}/ok", headers={"Traceparent": "mine"}))
    before = dict(request.headers)
    headers = request.headers
    response = session.send(request)
    assert response.request is request
    assert request.headers is headers
    assert dict(request.headers) == before


def test_the_retries_of_urllib3_beneath_are_spans_of_their_own(spans, hook, session, base, received):
    session.mount("http://", HTTPAdapter(max_retries=Retry(5, backoff_factor=0, status_forcelist=[503])))
    hook("requests,urllib3")
    assert session.get(f"{base}/flaky").text == "up"
    assert told(spans) == [(503, None, ERROR, 0), (503, 1, ERROR, 0), (200, 2, UNSET, 0)]
    assert [parent_of(headers)[1] for headers in received] == [span.span_id for span in spans.all()]


def test_a_digest_challenge_and_its_answer_are_two_requests(spans, hook, session, base):
    hook("requests,urllib3")
    assert session.get(f"{base}/private", auth=HTTPDigestAuth("ada", "pw")).text == "in"
    assert told(spans) == [(401, None, ERROR, 0), (200, 1, UNSET, 0)]


@layers
def test_a_redirect_that_is_not_followed_is_one_span(spans, hook, session, base, rows):
    hook(rows)
    assert session.get(f"{base}/away", allow_redirects=False).next.url == f"{base}/ok?step=2"
    assert told(spans) == [(302, None, UNSET, 0)]


@layers
def test_too_many_redirects_fail_no_request(spans, hook, session, base, rows):
    session.max_redirects = 0
    hook(rows)
    with pytest.raises(requests.TooManyRedirects):
        session.get(f"{base}/away")
    assert told(spans) == [(302, None, UNSET, 0)]


@layers
def test_a_stream_is_not_read_and_its_span_has_ended_before(spans, hook, session, base, rows):
    hook(rows)
    with session.get(f"{base}/endless", stream=True) as response:
        assert told(spans) == [(200, None, UNSET, 0)]
        assert next(response.iter_content(4)) == b"more"
    assert len(spans.all()) == 1


@layers
def test_a_timeout_is_an_error_and_the_apps_own(spans, hook, session, base, rows):
    hook(rows)
    with pytest.raises(requests.ReadTimeout):
        session.get(f"{base}/slow", timeout=0.05)
    (span,) = spans.all()
    assert span.status_code == ERROR
    assert span.attributes["error.type"] in {
        "requests.exceptions.ReadTimeout",
        "urllib3.exceptions.ReadTimeoutError",
    }
    assert [event.name for event in span.events] == ["exception"]


@layers
def test_a_request_that_a_response_hook_makes_is_no_resend(spans, hook, session, base, rows):
    def ask_again(response, **kwargs):
        with requests.Session() as other:
            other.trust_env = False
            assert other.get(f"{base}/ok?other").text == "ok"

    hook(rows)
    session.get(f"{base}/ok", hooks={"response": ask_again})
    assert [span.attributes.get("http.request.resend_count") for span in spans.all()] == [None, None]


@layers
def test_where_a_tests_mock_stands_for_the_network_there_is_a_span_all_the_same(spans, hook, session, rows):
    hook(rows)
    with responses.RequestsMock() as network:
        network.get("http://shop.example/x", body="mocked", status=503)
        assert session.get("http://shop.example/x").text == "mocked"
    assert told(spans) == [(503, None, ERROR, 0)]


def test_importing_requests_later_hooks_both_layers():
    script = """
        from opentelemetry.trace import NoOpTracerProvider
        from traceo.instrumentation import Selection, install
        installed = install(Selection.parse("requests,urllib3"), tracer_provider=NoOpTracerProvider())
        assert installed.names == ()
        import requests
        assert set(installed.names) == {"requests", "urllib3"}, installed.libraries
        installed.uninstall()
        assert not hasattr(requests.Session.send, "__wrapped__")
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
