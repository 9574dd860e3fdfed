"""The real client against a server that speaks OpenAI's REST and SSE."""

import asyncio
import gc
import json
import weakref

import httpx2
import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from pydantic import BaseModel

from tests.instrumentation.conftest import Spans
from tests.instrumentation.genai.models import ANSWER
from traceo.instrumentation.genai.prices import Prices

MESSAGES = [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "Weather in Pune?"}]
REQUEST = {
    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-test",
    "openai.api.type": "chat_completions", "server.address": "127.0.0.1",
}  # fmt: skip
USAGE = {
    "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.cache_read.input_tokens": 400,
    "gen_ai.usage.output_tokens": 200, "gen_ai.usage.reasoning.output_tokens": 50,
}  # fmt: skip
RESPONSE = {
    "gen_ai.response.id": "chatcmpl-1", "gen_ai.response.model": "gpt-test-2026-01-01",
    "gen_ai.response.finish_reasons": ("stop",), **USAGE,
}  # fmt: skip
PRICES = Prices.parse(
    {"currency": "EUR", "models": {"gpt-test*": {"input": 2, "output": 8, "cache_read": 0.5}}}
)
TOOLS = {"traceo.gen_ai.tool.names": ("get_weather",), "traceo.gen_ai.tool.call.ids": ("call_1",)}


@pytest.fixture
def base(url):
    return url + "/v1"


@pytest.fixture
def client(base):
    with openai.OpenAI(api_key="k", base_url=base, max_retries=0) as client:
        yield client


def attributes_of(span) -> dict:
    found = dict(span.attributes)
    assert found.pop("server.port") > 0
    if found.get("gen_ai.request.stream") and "gen_ai.response.time_to_first_chunk" in found:
        assert 0 < found.pop("gen_ai.response.time_to_first_chunk") < 60
    return found


def test_a_completion_is_one_client_span_without_what_is_said(spans, hook, client):
    hook("openai")
    answer = client.chat.completions.create(
        model="gpt-test", messages=MESSAGES, temperature=0, top_p=0.5, max_completion_tokens=100, seed=7,
        stop="END", n=2, presence_penalty=0.1, frequency_penalty=0.2, response_format={"type": "json_object"},
        reasoning_effort="low", service_tier="flex",
    )  # fmt: skip
    assert answer.choices[0].message.content == ANSWER
    (span,) = spans.all()
    assert (span.name, span.kind, span.status_code) == ("chat gpt-test", 3, 0)
    assert attributes_of(span) == {
        **REQUEST, **RESPONSE,
        "gen_ai.request.temperature": 0.0, "gen_ai.request.top_p": 0.5, "gen_ai.request.max_tokens": 100,
        "gen_ai.request.seed": 7, "gen_ai.request.stop_sequences": ("END",), "gen_ai.request.choice.count": 2,
        "gen_ai.request.presence_penalty": 0.1, "gen_ai.request.frequency_penalty": 0.2,
        "gen_ai.output.type": "json", "gen_ai.request.reasoning.level": "low",
        "openai.request.service_tier": "flex", "openai.response.service_tier": "default",
        "openai.response.system_fingerprint": "fp_1", "gen_ai.response.finish_reasons": ("stop", "error"),
    }  # fmt: skip


def plain(span) -> dict:
    return {key: value for key, value in attributes_of(span).items() if not key.startswith("openai.response")}


def test_a_stream_is_the_library_s_own_and_its_span_ends_with_it(spans, hook, client):
    hook("openai", prices=PRICES)
    with client.chat.completions.create(model="gpt-test", messages=MESSAGES, stream=True) as stream:
        assert type(stream) is openai.Stream
        assert stream.response.status_code == 200
        words = [chunk.choices[0].delta.content for chunk in stream if chunk.choices]
        (span,) = spans.all()
    assert "".join(filter(None, words)) == ANSWER + " "
    assert plain(span) == {
        **REQUEST, **RESPONSE, "gen_ai.request.stream": True,
        "traceo.gen_ai.cost": pytest.approx((600 * 2 + 400 * 0.5 + 200 * 8) / 1_000_000),
        "traceo.gen_ai.currency": "EUR",
    }  # fmt: skip
    assert len(spans.all()) == 1


async def test_an_asynchronous_stream_too(spans, hook, base):
    hook("openai")
    async with openai.AsyncOpenAI(api_key="k", base_url=base) as client:
        stream = await client.chat.completions.create(model="tools", messages=MESSAGES, stream=True)
        assert type(stream) is openai.AsyncStream
        assert len([chunk async for chunk in stream]) == 6
    (span,) = spans.all()
    assert plain(span) == {
        **REQUEST, **RESPONSE, **TOOLS, "gen_ai.request.stream": True, "gen_ai.request.model": "tools",
        "gen_ai.response.finish_reasons": ("tool_calls",),
    }  # fmt: skip


async def test_asynchronous_raw_and_streaming_responses(spans, hook, base):
    hook("openai")
    asked = {"model": "gpt-test", "messages": MESSAGES}
    async with openai.AsyncOpenAI(api_key="k", base_url=base) as client:
        raw = await client.chat.completions.with_raw_response.create(**asked)
        assert raw.parse().choices[0].message.content == ANSWER
        async with client.chat.completions.with_streaming_response.create(**asked) as answer:
            assert (await answer.parse()).choices[0].message.content == ANSWER
        async with client.chat.completions.with_streaming_response.create(**asked, stream=True) as answer:
            assert len([chunk async for chunk in await answer.parse()]) == 8
        async with client.chat.completions.stream(**asked) as stream:
            assert (await stream.get_final_completion()).choices[0].message.content == ANSWER + " "
    assert [span.name for span in spans.all()] == ["chat gpt-test"] * 4
    assert all(RESPONSE.items() <= span.attributes.items() for span in spans.all())


async def test_an_asynchronous_stream_that_is_dropped_unread_ends_its_span(spans, hook, base):
    hook("openai")
    async with openai.AsyncOpenAI(api_key="k", base_url=base) as client:
        stream = await client.chat.completions.create(model="endless", messages=MESSAGES, stream=True)
        assert spans.all() == []
        del stream
        gc.collect()
        assert len(spans.all()) == 1


def test_tools_are_told_by_name_and_id(spans, hook, client):
    hook("openai")
    client.chat.completions.create(model="tools", messages=MESSAGES)
    assert TOOLS.items() <= spans.named("chat tools").attributes.items()
    assert "Pune" not in str(spans.all())


@pytest.mark.parametrize(
    "how", ["raw", "raw stream", "streaming response", "streamed lines", "helper", "parse"]
)
def test_every_way_to_ask_is_one_span_with_usage(spans, hook, client, how):
    hook("openai")
    asked = {"model": "gpt-test", "messages": MESSAGES}
    if how == "raw":
        raw = client.chat.completions.with_raw_response.create(**asked)
        assert raw.headers["x-request-id"] == "req_1"
        assert raw.parse().choices[0].message.content == ANSWER
    elif how == "raw stream":
        raw = client.chat.completions.with_raw_response.create(**asked, stream=True)
        assert len(list(raw.parse())) == 8
    elif how == "streaming response":
        with client.chat.completions.with_streaming_response.create(**asked) as answer:
            assert spans.all() == []
            assert answer.parse().choices[0].message.content == ANSWER
    elif how == "streamed lines":
        with client.chat.completions.with_streaming_response.create(**asked, stream=True) as answer:
            assert sum(line.startswith("data:") for line in answer.iter_lines()) == 9
    elif how == "helper":
        with client.chat.completions.stream(**asked) as stream:
            assert stream.get_final_completion().choices[0].message.content == ANSWER + " "
    else:

        class Said(BaseModel):
            word: str

        with pytest.raises(ValueError, match="Said"):
            client.chat.completions.parse(**asked, response_format=Said)
    (span,) = spans.all()
    found = attributes_of(span)
    assert (span.name, found["gen_ai.provider.name"]) == ("chat gpt-test", "openai")
    if how == "streamed lines":
        assert USAGE.keys().isdisjoint(found), "the app reads the lines itself, and nobody parses them for us"
    elif how != "parse":
        assert RESPONSE.items() <= found.items()


def test_what_does_not_parse_is_told_without_its_text(spans, hook, client):
    class Said(BaseModel):
        word: str

    hook("openai")
    with pytest.raises(ValueError, match=r"ada@example\.com"):
        client.chat.completions.parse(model="gpt-test", messages=MESSAGES, response_format=Said)
    (span,) = spans.all()
    assert span.attributes["error.type"] == "pydantic_core._pydantic_core.ValidationError"
    assert "ada@example.com" not in str(span)


def test_content_is_captured_when_asked_for(spans, hook, client):
    hook("openai", capture_content=True)
    said = [
        *MESSAGES,
        {"role": "user", "content": [
            {"type": "text", "text": "And this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        ]},
        {"role": "assistant", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
        ]},
        {"role": "tool", "tool_call_id": "c1", "content": "warm"},
    ]  # fmt: skip
    for _ in client.chat.completions.create(model="tools", messages=said, stream=True):
        pass
    found = spans.named("chat tools").attributes
    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be kind"}]},
        {"role": "user", "parts": [{"type": "text", "content": "Weather in Pune?"}]},
        {"role": "user", "parts": [
            {"type": "text", "content": "And this?"},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": ""},
            {"type": "uri", "modality": "image", "uri": "https://example.com/a.png"},
        ]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "warm"}]},
    ]  # fmt: skip
    call = {"type": "tool_call", "id": "call_1", "name": "get_weather", "arguments": {"city": "Pune"}}
    assert json.loads(found["gen_ai.output.messages"]) == [{"role": "assistant", "parts": [call]}]


@pytest.mark.parametrize("streams", [False, True])
def test_the_responses_interface(spans, hook, client, streams):
    hook("openai", capture_content=True)
    asked = {
        "model": "gpt-test", "input": "Weather in Pune?", "instructions": "Be kind", "max_output_tokens": 50,
        "previous_response_id": "resp_0", "conversation": "conv_1", "reasoning": {"effort": "high"},
        "text": {"format": {"type": "text"}},
    }  # fmt: skip
    if streams:
        assert [event.type for event in client.responses.create(**asked, stream=True)][
            -1
        ] == "response.completed"
    else:
        assert client.responses.create(**asked).output_text == ANSWER
    (span,) = spans.all()
    found = plain(span)
    instructions = json.loads(found.pop("gen_ai.system_instructions"))
    assert instructions == [{"type": "text", "content": "Be kind"}]
    (asked_for,) = json.loads(found.pop("gen_ai.input.messages"))
    assert asked_for == {"role": "user", "parts": [{"type": "text", "content": "Weather in Pune?"}]}
    (said,) = json.loads(found.pop("gen_ai.output.messages"))
    assert said == {"role": "assistant", "parts": [
        {"type": "reasoning", "content": "hm"},
        {"type": "tool_call", "id": "call_1", "name": "get_weather", "arguments": {"city": "Pune"}},
        {"type": "text", "content": ANSWER},
    ]}  # fmt: skip
    assert found == {
        **REQUEST, **RESPONSE, **TOOLS, **({"gen_ai.request.stream": True} if streams else {}),
        "openai.api.type": "responses", "gen_ai.response.id": "resp_1", "gen_ai.request.max_tokens": 50,
        "gen_ai.request.previous_response.id": "resp_0", "gen_ai.conversation.id": "conv_1",
        "gen_ai.request.reasoning.level": "high", "gen_ai.output.type": "text",
        "gen_ai.response.finish_reasons": ("completed",),
    }  # fmt: skip


def test_the_responses_helper(spans, hook, client):
    hook("openai")
    with client.responses.stream(model="gpt-test", input="Weather?") as stream:
        assert stream.get_final_response().output_text == ANSWER
    (span,) = spans.all()
    assert {**USAGE, **TOOLS}.items() <= span.attributes.items()


def test_embeddings_and_text_completions(spans, hook, client):
    hook("openai")
    client.embeddings.create(model="embed", input="secret", dimensions=2, encoding_format="float")
    client.completions.create(model="old", prompt="secret")
    embeddings, completion = spans.all()
    assert attributes_of(embeddings) == {
        "gen_ai.operation.name": "embeddings", "gen_ai.provider.name": "openai", "server.address": "127.0.0.1",
        "gen_ai.request.model": "embed", "gen_ai.response.model": "embed-test", "gen_ai.usage.input_tokens": 8,
        "gen_ai.embeddings.dimension.count": 2, "gen_ai.request.encoding_formats": ("float",),
    }  # fmt: skip
    assert (embeddings.name, completion.name) == ("embeddings embed", "text_completion old")
    assert completion.attributes["gen_ai.response.finish_reasons"] == ("length",)


def test_sound_is_counted_too(spans, hook, client, models):
    hook("openai")
    usage = {
        "prompt_tokens": 30, "completion_tokens": 50, "total_tokens": 80,
        "prompt_tokens_details": {"audio_tokens": 10}, "completion_tokens_details": {"audio_tokens": 40},
    }  # fmt: skip
    models.fails = [(200, {"model": "gpt-audio", "choices": [], "usage": usage})]
    client.chat.completions.create(model="gpt-audio", messages=MESSAGES, modalities=["text", "audio"])
    found = spans.named("chat gpt-audio").attributes
    assert (found["gen_ai.output.type"], found["gen_ai.usage.audio.input_tokens"]) == ("speech", 10)
    assert (found["gen_ai.usage.output_tokens"], found["gen_ai.usage.audio.output_tokens"]) == (50, 40)


def test_a_refusal_is_told_by_its_type_and_code_and_never_by_its_text(spans, hook, client, models):
    hook("openai")
    error = {
        "error": {"message": "You said: Weather in Pune?", "type": "tokens", "code": "rate_limit_exceeded"}
    }
    models.fails = [(429, error)]
    with pytest.raises(openai.RateLimitError, match="Weather in Pune"):
        client.chat.completions.create(model="gpt-test", messages=MESSAGES)
    (span,) = spans.all()
    assert (span.status_code, span.status_message) == (2, "rate_limit_exceeded")
    assert span.attributes["error.type"] == "openai.RateLimitError"
    assert span.attributes["gen_ai.response.finish_reasons"] == ("error",)
    (event,) = span.events
    assert (event.name, event.attributes.keys()) == (
        "exception", {"exception.type", "exception.stacktrace"},
    )  # fmt: skip
    assert "Pune" not in str(span)


def test_a_connection_that_fails_is_told_with_its_text(spans, hook):
    hook("openai")
    with (
        openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1", max_retries=0) as client,
        pytest.raises(openai.APIConnectionError),
    ):
        client.chat.completions.create(model="gpt-test", messages=MESSAGES)
    (span,) = spans.all()
    assert span.events[0].attributes["exception.message"] == "Connection error."


def test_retries_are_one_span_over_the_requests_on_the_wire(spans, hook, base, models):
    hook("openai,httpx2")
    models.fails = [(500, {}), (429, {})]
    with openai.OpenAI(api_key="k", base_url=base, max_retries=2) as client:
        client._calculate_retry_timeout = lambda *_args, **_kwargs: 0
        client.chat.completions.create(model="gpt-test", messages=MESSAGES)
    call, *requests = spans.all()
    assert (call.name, [one.name for one in requests]) == ("chat gpt-test", ["POST"] * 3)
    assert {one.parent_span_id for one in requests} == {call.span_id}
    assert call.status_code == 0
    assert not trace.get_current_span().get_span_context().is_valid


@pytest.mark.parametrize(
    ("model", "error"),
    [("malformed", json.JSONDecodeError), ("error-event", openai.APIError)],
)
def test_a_stream_that_breaks_is_an_error_and_the_app_sees_the_very_exception(
    spans, hook, client, model, error
):
    hook("openai")
    seen = []
    with pytest.raises(error) as caught:
        for chunk in client.chat.completions.create(model=model, messages=MESSAGES, stream=True):
            seen.append(chunk)  # noqa: PERF402  what came before the error counts
    assert len(seen) == 3
    assert caught.value.__context__ is None
    (span,) = spans.all()
    assert span.status_code == 2
    assert span.attributes["gen_ai.response.finish_reasons"] == ("error",)
    assert len(span.events) == 1
    assert "xyzzy" not in str(span)


@pytest.mark.parametrize("how", ["close", "break", "response", "helper", "dropped", "unread"])
def test_a_stream_that_is_left_ends_its_span(spans, hook, client, how):
    hook("openai")
    asked = {"model": "endless", "messages": MESSAGES}
    stream = client.chat.completions.create(**asked, stream=True)
    response = weakref.ref(stream.response)
    if how != "unread":
        next(stream)
    assert spans.all() == []
    if how == "close":
        stream.close()
    elif how == "break":
        with stream:
            for _chunk in stream:
                break
    elif how == "response":
        stream.response.close()
    elif how == "helper":
        stream.close()
        with client.chat.completions.stream(**asked) as helper:
            next(helper)
    if how in {"dropped", "unread"}:
        del stream
        gc.collect()
        assert response() is None
    else:
        assert not {"close", "read", "aclose", "aread"} & vars(response()).keys(), "it is as it was"
    span = spans.all()[-1]
    assert len(spans.all()) == (2 if how == "helper" else 1)
    assert (span.status_code, span.attributes.get("error.type")) == (0, None)
    finish = ("error",) if how != "unread" else None
    assert span.attributes.get("gen_ai.response.finish_reasons") == finish


def test_a_stream_that_was_read_leaves_nothing_for_the_collector(hook, client):
    def is_freed_at_once() -> bool:
        stream = client.chat.completions.create(model="gpt-test", messages=MESSAGES, stream=True)
        response = weakref.ref(stream.response)
        assert len(list(stream)) == 8
        assert not {"close", "read", "aclose", "aread"} & vars(response()).keys()
        del stream
        return response() is None

    gc.collect()
    gc.disable()
    try:
        before = is_freed_at_once()
        hook("openai")
        assert is_freed_at_once() == before
    finally:
        gc.enable()


async def test_an_asynchronous_stream_that_is_cancelled(spans, hook, base):
    hook("openai")
    async with openai.AsyncOpenAI(api_key="k", base_url=base) as client:
        stream = await client.chat.completions.create(model="endless", messages=MESSAGES, stream=True)
        begun = asyncio.Event()

        async def read():
            async with stream:
                async for _chunk in stream:
                    begun.set()

        task = asyncio.create_task(read())
        await begun.wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    (span,) = spans.all()
    assert (span.status_code, len(span.events)) == (0, 0)
    assert span.attributes.get("error.type") in {"asyncio.exceptions.CancelledError", None}


async def test_calls_at_the_same_time_keep_to_themselves(spans, hook, base):
    hook("openai,httpx2")
    async with openai.AsyncOpenAI(api_key="k", base_url=base) as client:
        await asyncio.gather(
            *(client.chat.completions.create(model=f"m{i}", messages=MESSAGES) for i in range(8))
        )
    calls = {span.span_id for span in spans.all() if span.name.startswith("chat")}
    assert len(calls) == 8
    assert {span.parent_span_id for span in spans.all() if span.name == "POST"} == calls


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://shop.openai.azure.com/openai/v1", "azure.ai.openai"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://api.moonshot.ai/v1", "moonshot_ai"),
        ("https://llm.internal/v1", "openai"),
    ],
)
def test_the_provider_is_known_by_its_host(spans, hook, host, provider):
    hook("openai")
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, json={"model": "m"}))
    with openai.OpenAI(api_key="k", base_url=host, http_client=httpx2.Client(transport=transport)) as client:
        client.chat.completions.create(model="gpt-test", messages=MESSAGES)
    (span,) = spans.all()
    assert span.attributes["gen_ai.provider.name"] == provider
    assert (span.attributes["server.address"], span.attributes["server.port"]) == (host.split("/")[2], 443)


def test_azure_is_known_by_its_client(spans, hook, url, models):
    hook("openai")
    with openai.AzureOpenAI(api_key="k", azure_endpoint=url, api_version="2026-01-01") as client:
        client.chat.completions.create(model="gpt-test", messages=MESSAGES)
    assert models.requests[0]["path"] == "/openai/deployments/gpt-test/chat/completions"
    assert spans.named("chat gpt-test").attributes["gen_ai.provider.name"] == "azure.ai.openai"


def test_a_framework_that_has_a_span_for_the_call_keeps_it(spans, hook, client):
    hook("openai")
    tracer = spans.provider.get_tracer("framework")
    with tracer.start_as_current_span("chat by framework", attributes={"gen_ai.operation.name": "chat"}):
        client.chat.completions.create(model="gpt-test", messages=MESSAGES)
        client.embeddings.create(model="embed", input="x")
    assert [span.name for span in spans.all()] == ["chat by framework", "embeddings embed"]


@pytest.mark.parametrize("kind", ["sdk", "traceo"])
def test_what_is_not_recorded_is_not_listened_to(kind, base):
    from traceo.instrumentation import Options, Selection, install

    spans = Spans(kind, sampler=ALWAYS_OFF)
    installed = install(Selection.parse("openai"), tracer_provider=spans.provider, options=Options())
    try:
        with openai.OpenAI(api_key="k", base_url=base) as client:
            stream = client.chat.completions.create(model="gpt-test", messages=MESSAGES, stream=True)
            assert type(stream._iterator).__name__ == "generator"
            assert len(list(stream)) == 8
    finally:
        installed.uninstall()
    assert spans.all() == []


def test_a_stream_that_began_before_the_hook_was_taken_out_goes_on(spans, hook, client):
    installed = hook("openai")
    stream = client.chat.completions.create(model="gpt-test", messages=MESSAGES, stream=True)
    next(stream)
    installed.uninstall()
    assert len(list(stream)) == 7
    client.chat.completions.create(model="gpt-test", messages=MESSAGES)
    assert len(spans.all()) == 1
