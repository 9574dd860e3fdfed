"""What every HTTP client library has in common once it is hooked."""

# ruff: noqa: F811  fixtures are imported by the name that tests take them by
import socket

import pytest

import traceo.instrumentation.http_client as room
from tests.instrumentation.http_clients import ALL, base, parent_of, received  # noqa: F401
from traceo.instrumentation import failures

CLIENT = 3
UNSET, ERROR = 0, 2

pytestmark = pytest.mark.parametrize("client", ALL, ids=str)


async def test_a_call_is_one_client_span_and_the_server_sees_it_as_its_parent(
    spans, hook, base, received, client
):
    hook(client.row)
    with spans.provider.get_tracer("test").start_as_current_span("outer"):
        assert await client.send("GET", f"{base}/ok?q=a%2Bb") == (200, "ok")
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
        "url.full": f"{base}/ok?q=a%2Bb",
    }
    assert parent_of(received[0]) == (span.trace_id, span.span_id, 1)


async def test_each_redirect_is_its_own_span_with_its_own_url(spans, hook, base, received, client):
    hook(client.row)
    assert await client.send("GET", f"{base}/away") == (200, "ok")
    first, second = spans.all()
    assert [
        (
            span.attributes["url.full"].removeprefix(base),
            span.attributes["http.response.status_code"],
            span.attributes.get("http.request.resend_count"),
            span.parent_span_id,
        )
        for span in (first, second)
    ] == [("/away", 302, None, 0), ("/ok?step=2", 200, 1, 0)]
    assert [parent_of(headers)[1] for headers in received] == [first.span_id, second.span_id]


async def test_a_refusal_is_an_error_for_the_client(spans, hook, base, client):
    hook(client.row)
    await client.send("BREW", f"{base}/missing")
    await client.send("GET", f"{base}/missing")
    brew, missing = spans.all()
    assert (brew.name, brew.attributes["http.request.method"]) == ("HTTP", "_OTHER")
    assert brew.attributes["http.request.method_original"] == "BREW"
    assert (missing.status_code, missing.attributes["error.type"], list(missing.events)) == (ERROR, "404", [])


async def test_a_connection_that_is_refused_is_told_once(spans, hook, client):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/x"
        hook(client.row)
        with pytest.raises(Exception) as caught:
            await client.send("GET", url)
    (span,) = spans.all()
    assert (span.status_code, span.attributes["error.type"]) == (ERROR, client.refused)
    assert [event.name for event in span.events] == ["exception"]
    assert caught.value is not None


async def test_an_unsampled_trace_is_not_recorded_and_says_so_downstream(spans, hook, base, received, client):
    from opentelemetry import context, trace

    hook(client.row)
    ids = trace.SpanContext(7, 8, is_remote=False, trace_flags=trace.TraceFlags(0))
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(ids)))
    try:
        await client.send("GET", f"{base}/ok")
    finally:
        context.detach(token)
    assert spans.all() == []
    assert (parent_of(received[0])[0], parent_of(received[0])[2]) == (7, 0)


async def test_baggage_goes_along(spans, hook, base, received, client):
    from opentelemetry import baggage, context

    hook(client.row)
    token = context.attach(baggage.set_baggage("tier", "gold"))
    try:
        await client.send("GET", f"{base}/ok")
    finally:
        context.detach(token)
    assert received[0]["baggage"] == "tier=gold"


async def test_the_callers_own_headers_are_left_alone_and_those_it_hands_on_are_replaced(
    spans, hook, base, received, client
):
    hook(client.row)
    headers = {"X-Tag": "1", "Traceparent": f"00-{7:032x}-{8:016x}-01"}
    await client.send("GET", f"{base}/away", headers)
    assert headers == {"X-Tag": "1", "Traceparent": f"00-{7:032x}-{8:016x}-01"}
    assert [parent_of(sent)[1] for sent in received] == [span.span_id for span in spans.all()]


async def test_headers_are_captured_only_when_named(spans, hook, base, client):
    hook(client.row, client_request_headers=("x-tag",), client_response_headers=("x-cache",))
    await client.send("GET", f"{base}/ok", {"X-Tag": "1", "X-Other": "2"})
    (span,) = spans.all()
    captured = {k: list(v) for k, v in span.attributes.items() if ".header." in k}
    assert captured == {"http.request.header.x-tag": ["1"], "http.response.header.x-cache": ["hit"]}


@pytest.mark.parametrize("step", ["inject", "_add_headers", "fail"])
async def test_a_failure_of_ours_is_counted_and_leaves_the_call_alone(
    spans, hook, base, received, monkeypatch, client, step
):
    def broken(*args):
        raise ZeroDivisionError

    hook(client.row, client_request_headers=("x-tag",))
    monkeypatch.setattr(room, step, broken)
    before = sum(failures().values())
    assert await client.send("GET", f"{base}/ok") == (200, "ok")
    if step == "fail":
        with pytest.raises(Exception, match=r"(?i)connect"):
            await client.send("GET", "http://127.0.0.1:9/")
    assert sum(failures().values()) > before
    assert len(received) == 1


async def test_silence_asked_for_by_an_exporter_is_kept(spans, hook, base, received, client):
    from opentelemetry import context

    hook(client.row)
    token = context.attach(context.set_value(context._SUPPRESS_INSTRUMENTATION_KEY, True))
    try:
        await client.send("GET", f"{base}/ok")
    finally:
        context.detach(token)
    assert spans.all() == []
    assert "traceparent" not in received[0]


async def test_after_uninstalling_nothing_is_made_or_sent(spans, hook, base, received, client):
    hook(client.row).uninstall()
    await client.send("GET", f"{base}/ok")
    assert spans.all() == []
    assert "traceparent" not in received[0]
