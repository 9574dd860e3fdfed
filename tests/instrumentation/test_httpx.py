"""What is particular to httpx and its successor; what all clients share is in test_http_client.py."""

# ruff: noqa: F811  fixtures are imported by the name that tests take them by
import asyncio
import subprocess
import sys
import textwrap

import httpx
import httpx2
import pytest

from tests.instrumentation.http_clients import base, parent_of, received  # noqa: F401

CLIENT = 3
UNSET, ERROR = 0, 2

library = pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda module: module.__name__)
both = pytest.mark.parametrize("kind", ["sync", "async"])


async def request(library, kind: str, method: str, url: str, **settings):
    if kind == "sync":
        with library.Client(trust_env=False) as client:
            return await asyncio.to_thread(lambda: client.request(method, url, **settings))
    async with library.AsyncClient(trust_env=False) as client:
        return await client.request(method, url, **settings)


@library
@both
async def test_an_authentication_retry_is_a_resend(spans, hook, base, library, kind):
    hook(library.__name__)
    response = await request(library, kind, "GET", f"{base}/private", auth=library.DigestAuth("ada", "pw"))
    assert response.text == "in"
    assert [
        (
            span.attributes["http.response.status_code"],
            span.attributes.get("http.request.resend_count"),
            span.status_code,
        )
        for span in spans.all()
    ] == [(401, None, ERROR), (200, 1, UNSET)]


@library
@both
async def test_a_connection_error_is_recorded_once_and_raised_unchanged(spans, hook, library, kind):
    boom = library.ConnectError("no route to ada@example.com")

    class Down(library.BaseTransport, library.AsyncBaseTransport):
        def handle_request(self, request):
            raise boom

        async def handle_async_request(self, request):
            raise boom

    hook(library.__name__)
    with pytest.raises(library.ConnectError) as caught:
        if kind == "sync":
            library.Client(transport=Down()).get("http://down.example/x")
        else:
            await library.AsyncClient(transport=Down()).get("http://down.example/x")
    assert caught.value is boom
    (span,) = spans.all()
    assert (span.status_code, span.attributes["error.type"]) == (ERROR, f"{library.__name__}.ConnectError")
    assert [event.attributes["exception.message"] for event in span.events] == ["no route to ada@example.com"]


@library
async def test_a_cancelled_call_ends_its_span(spans, hook, base, library):
    hook(library.__name__)
    async with library.AsyncClient(trust_env=False) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.get(f"{base}/slow")
    (span,) = spans.all()
    assert span.attributes["error.type"] == "asyncio.exceptions.CancelledError"
    assert (span.status_code, list(span.events)) == (UNSET, [])


@library
async def test_calls_at_the_same_time_have_the_same_parent_and_their_own_spans(
    spans, hook, base, received, library
):
    hook(library.__name__)
    with spans.provider.get_tracer("test").start_as_current_span("outer"):
        async with library.AsyncClient(trust_env=False) as client:
            await asyncio.gather(*(client.get(f"{base}/ok?n={n}") for n in range(10)))
    calls = [span for span in spans.all() if span.kind == CLIENT]
    (outer,) = [span for span in spans.all() if span.kind != CLIENT]
    assert {span.parent_span_id for span in calls} == {outer.span_id}
    assert {parent_of(headers)[1] for headers in received} == {span.span_id for span in calls}


def test_httpx2_under_the_name_of_httpx_is_hooked_once_and_httpx_is_not_loaded():
    script = """
        import sys
        import httpx2
        httpx2.alias_httpx()
        import httpx
        assert httpx is httpx2
        from opentelemetry.trace import NoOpTracerProvider
        from traceo.instrumentation import Selection, install
        original = httpx2.Client._send_single_request
        installed = install(Selection.parse("httpx,httpx2"), tracer_provider=NoOpTracerProvider())
        assert httpx2.Client._send_single_request.__wrapped__ is original
        installed.uninstall()
        assert httpx2.Client._send_single_request is original
        assert not [m.__name__ for m in sys.modules.values() if getattr(m, "__name__", "") == "httpx"]
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
