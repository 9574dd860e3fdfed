"""The real client against a server that speaks Anthropic's REST and SSE."""

import asyncio
import gc
import json
import weakref

import anthropic
import httpx2
import pytest
from opentelemetry import context as otel
from opentelemetry import trace

from tests.instrumentation.conftest import Spans
from tests.instrumentation.genai.models import ANSWER
from traceo.instrumentation.genai.prices import Prices

MESSAGES = [{"role": "user", "content": "Weather in Pune?"}]
REQUEST = {
    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-test",
    "gen_ai.request.max_tokens": 100, "server.address": "127.0.0.1",
}  # fmt: skip
RESPONSE = {
    "gen_ai.response.id": "msg_1", "gen_ai.response.model": "claude-test-2026",
    "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.cache_read.input_tokens": 400,
    "gen_ai.usage.cache_write.input_tokens": 100, "gen_ai.usage.output_tokens": 200,
    "gen_ai.response.finish_reasons": ("end_turn",),
}  # fmt: skip
STREAMED = {
    **REQUEST, **RESPONSE, "gen_ai.request.stream": True, "gen_ai.response.finish_reasons": ("tool_use",),
    "traceo.gen_ai.tool.names": ("get_weather",), "traceo.gen_ai.tool.call.ids": ("toolu_1",),
}  # fmt: skip
PRICES = Prices.parse(
    {
        "currency": "USD",
        "models": {"claude-test-2026": {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75}},
    }
)


@pytest.fixture
def client(url):
    with anthropic.Anthropic(api_key="k", base_url=url, max_retries=0) as client:
        yield client


def attributes_of(span) -> dict:
    found = dict(span.attributes)
    assert found.pop("server.port") > 0
    if "gen_ai.response.time_to_first_chunk" in found:
        assert 0 < found.pop("gen_ai.response.time_to_first_chunk") < 60
    return found


def ask(create, **more):
    return create(model="claude-test", max_tokens=100, messages=MESSAGES, **more)


def test_a_message_is_one_client_span_without_what_is_said(spans, hook, client):
    hook("anthropic", prices=PRICES)
    answer = ask(
        client.messages.create, system="Be kind", stop_sequences=["END"],
        output_config={"effort": "low"}, extra_body={"temperature": 0.5, "top_p": 0.9, "top_k": 5},
    )  # fmt: skip
    assert answer.content[0].text == ANSWER
    (span,) = spans.all()
    assert (span.name, span.kind, span.status_code) == ("chat claude-test", 3, 0)
    assert attributes_of(span) == {
        **REQUEST, **RESPONSE,
        "gen_ai.request.temperature": 0.5, "gen_ai.request.top_p": 0.9, "gen_ai.request.top_k": 5,
        "gen_ai.request.stop_sequences": ("END",), "gen_ai.request.reasoning.level": "low",
        "traceo.gen_ai.cost": pytest.approx((500 * 3 + 400 * 0.3 + 100 * 3.75 + 200 * 15) / 1_000_000),
        "traceo.gen_ai.currency": "USD",
    }  # fmt: skip


@pytest.mark.parametrize("how", ["events", "helper", "text", "raw", "beta"])
def test_every_way_to_stream_is_one_span(spans, hook, client, how):
    hook("anthropic")
    if how == "events":
        with ask(client.messages.create, stream=True) as stream:
            assert type(stream) is anthropic.Stream
            assert [event.type for event in stream][-1] == "message_stop"
    elif how == "helper":
        with ask(client.messages.stream) as stream:
            assert type(stream) is anthropic.MessageStream
            assert stream.get_final_message().usage.output_tokens == 200
    elif how == "text":
        with ask(client.messages.stream) as stream:
            assert "".join(stream.text_stream) == ANSWER + " "
    elif how == "raw":
        raw = ask(client.messages.with_raw_response.create, stream=True)
        assert [event.type for event in raw.parse()][-1] == "message_stop"
    else:
        with ask(client.beta.messages.stream) as stream:
            stream.until_done()
    (span,) = spans.all()
    assert attributes_of(span) == STREAMED


async def test_asynchronous_messages_and_streams(spans, hook, url):
    hook("anthropic")
    async with anthropic.AsyncAnthropic(api_key="k", base_url=url) as client:
        await ask(client.messages.create)
        async with ask(client.messages.stream) as stream:
            assert "".join([text async for text in stream.text_stream]) == ANSWER + " "
        async for _event in await ask(client.messages.create, stream=True):
            pass
    message, helped, streamed = spans.all()
    assert attributes_of(message) == {**REQUEST, **RESPONSE}
    assert attributes_of(helped) == attributes_of(streamed) == STREAMED


@pytest.mark.parametrize("how", ["raw", "streaming response", "parse"])
def test_every_way_to_ask_is_one_span(spans, hook, client, how):
    hook("anthropic")
    if how == "raw":
        assert ask(client.messages.with_raw_response.create).parse().content[0].text == ANSWER
    elif how == "streaming response":
        with ask(client.messages.with_streaming_response.create) as answer:
            assert json.loads(answer.read())["id"] == "msg_1"
    else:
        ask(client.messages.parse)
    (span,) = spans.all()
    assert attributes_of(span) == {**REQUEST, **RESPONSE}


def test_content_is_captured_when_asked_for(spans, hook, client):
    hook("anthropic", capture_content=True)
    said = [
        {"role": "user", "content": [
            {"type": "text", "text": "This?"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
        ]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
        ]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "warm"}]},
    ]  # fmt: skip
    client.messages.create(
        model="claude-test", max_tokens=100, messages=said, system=[{"type": "text", "text": "Be kind"}]
    )
    for _ in client.messages.create(model="claude-test", max_tokens=100, messages=MESSAGES, stream=True):
        pass
    whole, streamed = (span.attributes for span in spans.all())
    assert json.loads(whole["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be kind"}]
    assert json.loads(whole["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [
            {"type": "text", "content": "This?"},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": ""},
            {"type": "uri", "modality": "document", "uri": "https://example.com/a.pdf"},
        ]},
        {"role": "assistant", "parts": [
            {"type": "reasoning", "content": "hm"},
            {"type": "tool_call", "id": "t1", "name": "f", "arguments": {"a": 1}},
        ]},
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "t1", "response": "warm"}]},
    ]  # fmt: skip
    said = {"role": "assistant", "parts": [{"type": "text", "content": ANSWER}]}
    assert json.loads(whole["gen_ai.output.messages"]) == [said]
    call = {"type": "tool_call", "id": "toolu_1", "name": "get_weather", "arguments": {"city": "Pune"}}
    text = {"type": "text", "content": ANSWER + " "}
    assert json.loads(streamed["gen_ai.output.messages"]) == [{"role": "assistant", "parts": [text, call]}]


def test_a_refusal_is_told_by_its_type_and_never_by_its_text(spans, hook, client, models):
    hook("anthropic")
    models.fails = [(529, {"type": "error", "error": {"type": "overloaded_error", "message": "xyzzy"}})]
    with pytest.raises(anthropic.APIStatusError, match="xyzzy"):
        ask(client.messages.create)
    (span,) = spans.all()
    assert (span.status_code, span.status_message) == (2, "overloaded_error")
    assert span.attributes["error.type"] == "anthropic.OverloadedError"
    assert "xyzzy" not in str(span)


@pytest.mark.parametrize(
    ("model", "error"), [("error-event", anthropic.APIStatusError), ("malformed", ValueError)]
)
def test_a_stream_that_breaks_is_an_error(spans, hook, client, model, error):
    hook("anthropic")
    with (
        pytest.raises(error),
        client.messages.stream(model=model, max_tokens=100, messages=MESSAGES) as stream,
    ):
        stream.until_done()
    (span,) = spans.all()
    assert (span.status_code, len(span.events)) == (2, 1)
    assert span.attributes["gen_ai.response.finish_reasons"] == ("error",)
    assert span.attributes["gen_ai.usage.input_tokens"] == 1000
    assert "xyzzy" not in str(span)


def test_a_stream_that_is_cut_short_is_told_by_its_finish_reason(spans, hook, client):
    hook("anthropic")
    with client.messages.create(model="cut", max_tokens=100, messages=MESSAGES, stream=True) as stream:
        assert len(list(stream)) == 2
    (span,) = spans.all()
    assert (span.status_code, span.attributes["gen_ai.response.finish_reasons"]) == (0, ("error",))


@pytest.mark.parametrize("how", ["close", "leave", "drop"])
def test_a_stream_that_is_left_ends_its_span(spans, hook, client, how):
    hook("anthropic")
    stream = client.messages.create(model="endless", max_tokens=100, messages=MESSAGES, stream=True)
    next(stream)
    response = weakref.ref(stream.response)
    assert spans.all() == []
    if how == "close":
        stream.close()
    elif how == "leave":
        with stream:
            pass
    else:
        del stream
        gc.collect()
        assert response() is None
    (span,) = spans.all()
    assert (span.status_code, span.attributes["gen_ai.response.finish_reasons"]) == (0, ("error",))


async def test_a_stream_that_is_cancelled_is_no_error(spans, hook, url):
    hook("anthropic")
    begun = asyncio.Event()
    async with anthropic.AsyncAnthropic(api_key="k", base_url=url) as client:

        async def read():
            async with client.messages.stream(model="endless", max_tokens=9, messages=MESSAGES) as stream:
                async for _event in stream:
                    begun.set()

        task = asyncio.create_task(read())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    (span,) = spans.all()
    assert (span.status_code, len(span.events)) == (0, 0)


class TestTheLibrarysOwnTracing:
    """From 2.x on the client makes spans itself, with the global provider or one it is given."""

    def client(self, url, **more):
        return anthropic.Anthropic(api_key="k", base_url=url, max_retries=0, **more)

    @pytest.fixture
    def everywhere(self, spans, monkeypatch):
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", spans.provider)

    @pytest.mark.usefixtures("everywhere")
    def test_is_silent_for_messages_and_goes_on_for_the_rest(self, spans, hook, url, models):
        hook("anthropic")
        with self.client(url) as client:
            ask(client.messages.create)
            ask(client.messages.stream).__enter__().close()
            models.fails = [(200, {"input_tokens": 3})]
            client.messages.count_tokens(model="claude-test", messages=MESSAGES)
        assert [span.name for span in spans.all()] == [
            "chat claude-test", "chat claude-test", "anthropic.messages.count_tokens",
        ]  # fmt: skip

    @pytest.mark.usefixtures("everywhere")
    @pytest.mark.parametrize("why", ["suppressed", "a framework traces it"])
    def test_is_silent_where_no_span_is_wanted(self, spans, hook, url, why):
        hook("anthropic")
        attributes = {"gen_ai.operation.name": "chat"}
        with self.client(url) as client:
            if why == "suppressed":
                token = otel.attach(otel.set_value(otel._SUPPRESS_INSTRUMENTATION_KEY, True))
                ask(client.messages.create)
                otel.detach(token)
            else:
                with spans.provider.get_tracer("f").start_as_current_span("f", attributes=attributes):
                    ask(client.messages.create)
        assert [span.name for span in spans.all()] == ([] if why == "suppressed" else ["f"])

    @pytest.mark.usefixtures("everywhere")
    def test_is_back_when_the_hook_is_gone(self, spans, hook, url):
        hook("anthropic").uninstall()
        with self.client(url) as client:
            ask(client.messages.create)
        assert [span.name for span in spans.all()] == ["anthropic.messages.create"]

    @pytest.mark.usefixtures("everywhere")
    def test_switched_off_by_the_app_means_no_span_of_ours(self, spans, hook, url):
        hook("anthropic")
        with self.client(url, open_telemetry=False) as client:
            ask(client.messages.create)
        assert spans.all() == []

    def test_with_a_provider_of_its_own_is_left_alone(self, spans, hook, url):
        hook("anthropic")
        other = Spans("sdk")
        with self.client(url, open_telemetry={"tracer_provider": other.provider}) as client:
            ask(client.messages.create)
        assert spans.all() == []
        assert [span.name for span in other.all()] == ["anthropic.messages.create"]

    def test_gives_the_conversation_it_is_told(self, spans, hook, url):
        hook("anthropic")
        with self.client(url, open_telemetry={"conversation_id": "conv_1"}) as client:
            ask(client.messages.create)
        assert spans.named("chat claude-test").attributes["gen_ai.conversation.id"] == "conv_1"


def test_the_clouds_are_known_by_their_clients(spans, hook):
    hook("anthropic")
    answer = httpx2.Response(200, json={"id": "msg_1", "usage": {"input_tokens": 1, "output_tokens": 1}})
    transport = httpx2.MockTransport(lambda _request: answer)
    with anthropic.AnthropicVertex(
        region="us-east5", project_id="p", access_token="t", http_client=httpx2.Client(transport=transport)
    ) as client:
        ask(client.messages.create)
    span = spans.named("chat claude-test")
    assert span.attributes["gen_ai.provider.name"] == "gcp.vertex_ai"
    assert "aiplatform" in span.attributes["server.address"]
