"""Whatever an application sends, in whatever order, and however it ends: one span, and the same messages."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import context as otel
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from traceo.instrumentation.asgi import observed
from traceo.instrumentation.guard import failures
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.http_server import MARK
from traceo.instrumentation.options import Options
from traceo.tracing import TracerProvider, snapshot


class BrokenError(Exception):
    pass


def break_off() -> None:
    raise BrokenError("handled")


def message(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


HTTP = [
    message("http.response.start", status=200, headers=[]),
    message("http.response.start", status=404),
    message("http.response.start", status=503, headers=[(b"x", b"1")]),
    message("http.response.body", body=b"a", more_body=True),
    message("http.response.body", body=b"b"),
    message("http.response.body"),
    message("http.response.pathsend", path="/x"),
    message("http.response.trailers", headers=[]),
    message("http.response.start"),  # an app's mistake
]
WEBSOCKET = [
    message("websocket.accept"),
    message("websocket.send", text="x"),
    message("websocket.close", code=1000),
    message("websocket.http.response.start", status=401, headers=[]),
]
ENDS = {
    "return": None,
    "error": BrokenError(),
    "cancelled": asyncio.CancelledError(),
    "exit": SystemExit(1),
}


def run(app, kind: str) -> tuple[list[dict[str, Any]], object, dict[str, Any]]:
    """The messages that the server gets, how the call ends, and the scope afterwards."""
    got: list[dict[str, Any]] = []
    scope: dict[str, Any] = {
        "type": kind,
        "method": "GET",
        "path": "/",
        "headers": [],
        "http_version": "2",
        "query_string": b"",
    }

    async def send(sent):
        got.append(sent)

    call = app(None, scope, None, send)
    try:
        call.send(None)
    except StopIteration:
        outcome: object = "returned"
    except BaseException as error:
        outcome = error
    else:
        raise AssertionError("nothing in it waits")
    assert otel.get_current() == {}
    return got, outcome, scope


@given(
    kind=st.sampled_from(["http", "websocket"]),
    data=st.data(),
    end=st.sampled_from(sorted(ENDS)),
    is_handling=st.booleans(),
    is_sampled=st.booleans(),
)
def test_one_span_and_the_same_messages(kind, data, end, is_handling, is_sampled):
    script = data.draw(st.lists(st.sampled_from(HTTP if kind == "http" else WEBSOCKET), max_size=5))

    async def app(self, scope, receive, send):
        if is_handling:  # a framework answers in the middle of an error
            try:
                break_off()
            except BrokenError:
                for each in script:
                    await send(each)
        else:
            for each in script:
                await send(each)
        if ENDS[end] is not None:
            raise ENDS[end]

    expected = run(app, kind)
    ended: list[Any] = []
    settings = {} if is_sampled else {"sampler": ALWAYS_OFF}
    provider = TracerProvider(sink=ended.append, shutdown_on_exit=False, **settings)
    site = Site("asgi", provider.get_tracer("test"), Options(server_response_headers=("x",)))
    before = failures().get("asgi.send", 0)
    hooked = observed(site, app, lambda app, scope, path: "/{x}", lambda app, scope: True)
    got, outcome, scope = run(hooked, kind)
    assert (got, outcome) == expected[:2]
    assert MARK not in scope
    mistakes = [each for each in script if each == {"type": "http.response.start"}]
    assert is_sampled or not mistakes or failures().get("asgi.send", 0) == before

    assert len(ended) == int(is_sampled)
    for span in map(snapshot, ended):
        assert span.name == "GET /{x}"
        assert len(span.events) <= 1
        assert all(event.time_ns <= span.end_ns for event in span.events)
        assert (span.status_code == 2) <= ("error.type" in span.attributes)
        if end == "return" and not is_handling and span.attributes.get("http.response.status_code", 0) < 500:
            assert span.status_code == 0
