"""Whatever an application does with a stream, it sees what it would see without us, and there is one span."""

import contextlib
import gc

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.instrumentation.genai.models import chunks
from traceo.instrumentation import Options, Selection, install
from traceo.instrumentation.guard import failures
from traceo.tracing import TracerProvider

STEPS = ("next", "iterate", "break", "close", "close response", "read response", "leave", "text")
BROKEN = "event: error\ndata: {broken\n\n"


class Server:
    """A client whose server streams the ``body``; making one client takes longer than all the rest."""

    def __init__(self) -> None:
        self.body: list[str] = []
        http = httpx2.Client(transport=httpx2.MockTransport(self.answer))
        self.client = openai.OpenAI(api_key="k", base_url="http://llm.test/v1", http_client=http)

    def answer(self, _request: httpx2.Request) -> httpx2.Response:
        content = (one.encode() for one in self.body)
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=content)


@pytest.fixture(scope="module")
def server():
    server = Server()
    with server.client:
        yield server


def step(stream: openai.Stream, what: str) -> object:
    if what == "next":
        return next(stream, None)
    if what == "iterate":
        return list(stream)
    if what == "break":
        for chunk in stream:
            return chunk
        return None
    if what == "leave":
        with stream:
            return None
    if what == "close":
        return stream.close()
    if what == "close response":
        return stream.response.close()
    return stream.response.read() if what == "read response" else stream.response.text


def seen(server: Server, steps: list[str], *, raw: bool) -> list[object]:
    """What each step gives or raises."""
    completions = server.client.chat.completions
    create = completions.with_raw_response.create if raw else completions.create
    stream = create(model="m", messages=[{"role": "user", "content": "hi"}], stream=True)
    told: list[object] = []
    if raw:
        told.append(stream.headers["content-type"])
        stream = stream.parse()
    told.append(type(stream))
    for what in steps:
        try:
            told.append(step(stream, what))
        except Exception as error:
            told.append((type(error), str(error)))
    told.append(stream.response.is_closed)
    del stream
    gc.collect()
    return told


@pytest.mark.parametrize("raw", [False, True], ids=["plain", "raw"])
@settings(max_examples=40)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=5), at=st.none() | st.integers(0, 7))
def test_a_stream_behaves_as_it_would_and_has_one_span(server, raw, steps, at):
    server.body = chunks() if at is None else [*chunks()[:at], BROKEN]
    expected = seen(server, steps, raw=raw)
    spans: list = []
    provider = TracerProvider(sink=spans.append, shutdown_on_exit=False)
    with contextlib.ExitStack() as stack:
        installed = install(Selection.parse("openai"), tracer_provider=provider, options=Options())
        stack.callback(installed.uninstall)
        before = failures()
        assert seen(server, steps, raw=raw) == expected
        assert failures() == before
    assert len(spans) == 1
