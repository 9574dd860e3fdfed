"""The real client and the real server, over every transport: in memory, stdio, streamable HTTP."""

import asyncio
import sys
import threading
import time

import pytest
import uvicorn
from mcp.client._memory import InMemoryTransport
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult
from opentelemetry import baggage, trace
from opentelemetry import context as otel
from pydantic import BaseModel

from traceo.instrumentation.guard import failures

SAID = "xyzzy"
CLIENT, SERVER = 3, 2
STDIO = """
from mcp.server.mcpserver import Context, MCPServer
server = MCPServer("stdio")
@server.tool()
def sent(ctx: Context) -> str:
    return ctx.request_context.meta["traceparent"]
server.run("stdio")
"""


class Size(BaseModel):
    size: str


@pytest.fixture
def begun():
    return asyncio.Queue()


@pytest.fixture
def server(begun):
    server = MCPServer("shop")

    @server.tool()
    def add(a: int, b: int) -> int:
        return a + b

    @server.tool()
    def boom(text: str) -> str:
        raise ValueError(text)

    @server.tool()
    async def slow() -> str:
        begun.put_nowait(True)
        await asyncio.sleep(30)
        return ""

    @server.tool()
    async def ask(ctx: Context) -> str:
        return (await ctx.elicit("Which size?", Size)).data.size

    @server.tool()
    def refuse(text: str) -> str:
        raise MCPError(code=-32000, message=text)

    @server.tool()
    def bag() -> str:
        return str(baggage.get_baggage("shop"))

    @server.resource("shop://{name}")
    def item(name: str) -> str:
        return name

    @server.prompt()
    def greet(who: str) -> str:
        return f"Hello {who}"

    return server


@pytest.fixture
def quiet(monkeypatch):
    """A global provider is there, as in an app: the library's own spans would be made with it."""

    def everywhere(spans):
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", spans.provider)
        monkeypatch.setattr("mcp.shared._otel._tracer", spans.provider.get_tracer("mcp-python-sdk"))

    return everywhere


def client_of(server, how, **more):
    return Client(server if how == "direct" else InMemoryTransport(server), **more)


def titles(spans) -> list[tuple[int, str]]:
    return [(span.kind, span.name) for span in spans.all()]


def named(spans, name) -> list:
    """The client's span and the server's; the client lists the tools by itself, too."""
    return [span for span in spans.all() if span.name == name]


BOTH = pytest.mark.parametrize("how", ["direct", "streams"])


@BOTH
async def test_a_tool_call_is_a_client_span_and_a_server_span_in_one_trace(spans, hook, quiet, server, how):
    quiet(spans)
    hook("mcp")
    async with client_of(server, how) as client:
        answer = await client.call_tool("add", {"a": 1, "b": 2})
    assert answer.structured_content == {"result": 3}
    asked, handled = named(spans, "tools/call add")
    assert (asked.kind, handled.kind) == (CLIENT, SERVER)
    assert (handled.trace_id, handled.parent_span_id, asked.parent_span_id) == (
        asked.trace_id,
        asked.span_id,
        0,
    )
    version = asked.attributes["mcp.protocol.version"]
    common = {
        "mcp.method.name": "tools/call", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "add",
        "mcp.protocol.version": version,
    }  # fmt: skip
    request_id = handled.attributes["jsonrpc.request.id"]
    assert dict(handled.attributes) == {**common, "jsonrpc.request.id": request_id}
    told = {"jsonrpc.request.id": request_id} if how == "streams" else {}
    assert dict(asked.attributes) == {**common, **told}
    assert (asked.status_code, handled.status_code, len(handled.links)) == (0, 0, 0)
    assert not trace.get_current_span().get_span_context().is_valid


@BOTH
async def test_other_requests_have_names_of_low_cardinality(spans, hook, quiet, server, how):
    quiet(spans)
    hook("mcp")
    async with client_of(server, how) as client:
        before = len(spans.all())
        await client.list_tools()
        await client.read_resource("shop://lamp")
        await client.get_prompt("greet", {"who": SAID})
    assert titles(spans)[before:] == [
        (CLIENT, "tools/list"), (SERVER, "tools/list"),
        (CLIENT, "resources/read"), (SERVER, "resources/read"),
        (CLIENT, "prompts/get greet"), (SERVER, "prompts/get greet"),
    ]  # fmt: skip
    assert spans.all()[before + 2].attributes["mcp.resource.uri"] == "shop://lamp"
    assert spans.all()[before + 5].attributes["gen_ai.prompt.name"] == "greet"
    assert SAID not in str(spans.all())


@BOTH
async def test_a_tool_that_fails_is_an_error_on_both_sides(spans, hook, server, how):
    hook("mcp")
    async with client_of(server, how) as client:
        answer = await client.call_tool("boom", {"text": SAID})
    assert answer.is_error
    assert [
        (span.status_code, span.attributes["error.type"]) for span in named(spans, "tools/call boom")
    ] == [(2, "tool_error")] * 2
    assert SAID not in str(spans.all())


@BOTH
async def test_an_error_answer_is_told_by_its_code_and_not_by_its_text(spans, hook, server, how):
    hook("mcp")
    async with client_of(server, how) as client:
        with pytest.raises(MCPError, match=SAID):
            await client.call_tool("refuse", {"text": SAID})
    for span in named(spans, "tools/call refuse"):
        assert (span.status_code, span.status_message, len(span.events)) == (2, "", 0)
        assert span.attributes["error.type"] == span.attributes["rpc.response.status_code"] == "-32000"
    assert SAID not in str(spans.all())


@BOTH
async def test_arguments_and_results_are_told_when_asked_for_and_the_text_of_errors_never(
    spans, hook, server, how
):
    hook("mcp", capture_content=True)
    async with client_of(server, how) as client:
        await client.call_tool("add", {"a": 1, "b": 2})
        with pytest.raises(MCPError):
            await client.call_tool("refuse", {"text": SAID})
    for span in named(spans, "tools/call add"):
        assert span.attributes["gen_ai.tool.call.arguments"] == '{"a":1,"b":2}'
        assert '"text":"3"' in span.attributes["gen_ai.tool.call.result"]
    for span in named(spans, "tools/call refuse"):
        assert SAID in span.attributes["gen_ai.tool.call.arguments"]
        assert (span.status_message, len(span.events)) == ("", 0)


async def test_a_request_that_times_out_or_is_cancelled(spans, hook, server, begun):
    hook("mcp")
    async with client_of(server, "streams") as client:
        with pytest.raises(MCPError):
            await client.call_tool("slow", read_timeout_seconds=0.01)
        await begun.get()
        task = asyncio.create_task(client.call_tool("slow"))
        await begun.get()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    timed_out, cancelled = [s for s in spans.all() if (s.kind, s.name) == (CLIENT, "tools/call slow")]
    assert (timed_out.status_code, timed_out.attributes["error.type"]) == (2, "-32001")
    assert (cancelled.status_code, len(cancelled.events)) == (0, 0)


async def test_a_server_asks_its_client_under_the_request_it_handles(spans, hook, quiet, server):
    quiet(spans)
    hook("mcp")

    async def answer(_context, _params):
        return ElicitResult(action="accept", content={"size": "L"})

    async with client_of(server, "streams", mode="legacy", elicitation_callback=answer) as client:
        assert (await client.call_tool("ask")).structured_content == {"result": "L"}
    _asked, handled = named(spans, "tools/call ask")
    elicited = spans.named("elicitation/create")
    assert (elicited.kind, elicited.parent_span_id) == (CLIENT, handled.span_id)


@BOTH
async def test_baggage_travels_along(spans, hook, server, how):
    hook("mcp")
    token = otel.attach(baggage.set_baggage("shop", "lamps"))
    try:
        async with client_of(server, how) as client:
            answer = await client.call_tool("bag")
    finally:
        otel.detach(token)
    assert answer.structured_content == {"result": "lamps"}


async def test_the_application_s_own_meta_is_left_as_it_is(hook, server):
    hook("mcp")
    meta = {"shop": 1}
    async with client_of(server, "direct") as client:
        await client.call_tool("add", {"a": 1, "b": 2}, meta=meta)
    assert meta == {"shop": 1}


@BOTH
async def test_a_framework_that_has_a_span_for_the_tool_keeps_it(spans, hook, quiet, server, how):
    quiet(spans)
    hook("mcp")
    tracer = spans.provider.get_tracer("framework")
    told = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "add"}
    async with client_of(server, how) as client:
        await client.list_tools()
        with tracer.start_as_current_span("execute_tool add", attributes=told):
            await client.call_tool("add", {"a": 1, "b": 2})
            await client.call_tool("bag")
    framework = spans.named("execute_tool add")
    (handled,) = named(spans, "tools/call add")
    assert (handled.kind, handled.parent_span_id) == (SERVER, framework.span_id)
    assert framework.attributes["mcp.method.name"] == "tools/call"
    assert framework.end_ns > handled.end_ns
    assert len(named(spans, "tools/call bag")) == 2


async def test_where_somebody_asks_for_silence_the_library_is_silent_too(spans, hook, quiet, server):
    quiet(spans)
    hook("mcp")
    token = otel.attach(otel.set_value(otel._SUPPRESS_INSTRUMENTATION_KEY, True))
    try:
        async with client_of(server, "streams") as client:
            await client.call_tool("add", {"a": 1, "b": 2})
    finally:
        otel.detach(token)
    assert spans.all() == []


async def test_strange_names_do_not_reach_the_name_of_a_span(spans, hook, server):
    hook("mcp")
    async with client_of(server, "direct") as client:
        await client.call_tool("who is ada@example.com?", {})
    assert len(named(spans, "tools/call")) == 2
    assert "ada@" not in str(spans.all())


async def test_a_server_whose_app_took_tracing_out_has_no_span(spans, hook):
    hook("mcp")
    server = Server("plain")
    server.middleware.clear()
    async with Client(server) as client:
        with pytest.raises(MCPError):
            await client.list_prompts()
    assert {span.kind for span in spans.all()} == {CLIENT}


async def test_without_the_hook_the_library_s_own_spans_are_back(spans, hook, quiet, server):
    quiet(spans)
    hook("mcp").uninstall()
    async with client_of(server, "streams") as client:
        await client.call_tool("add", {"a": 1, "b": 2})
    assert (CLIENT, "MCP send tools/call add") in titles(spans)
    assert len(named(spans, "tools/call add")) == 1


async def test_over_stdio_the_context_reaches_the_other_process(spans, hook):
    hook("mcp")
    async with Client(StdioServerParameters(command=sys.executable, args=["-c", STDIO])) as client:
        answer = await client.call_tool("sent")
    span = spans.named("tools/call sent")
    sent = answer.structured_content["result"]
    assert sent.startswith(f"00-{span.trace_id:032x}-{span.span_id:016x}-")


@pytest.fixture
def url(server):
    config = uvicorn.Config(server.streamable_http_app(), host="127.0.0.1", port=0, log_config=None)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not running.started and time.monotonic() < deadline:
        time.sleep(0.002)
    yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/mcp"
    running.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_over_http_both_sides_and_the_transport_beneath_are_one_trace(spans, hook, quiet, url, mode):
    quiet(spans)
    hook("mcp,httpx2,starlette")
    before = failures()
    async with Client(url, mode=mode) as client:
        await client.call_tool("add", {"a": 1, "b": 2})
    (asked,) = [s for s in spans.all() if (s.kind, s.name) == (CLIENT, "tools/call add")]
    (handled,) = [s for s in spans.all() if (s.kind, s.name) == (SERVER, "tools/call add")]
    assert (handled.trace_id, handled.parent_span_id) == (asked.trace_id, asked.span_id)
    assert handled.attributes["network.transport"] == "tcp"
    assert handled.attributes["network.protocol.name"] == "http"
    assert ("mcp.session.id" in handled.attributes) == (mode == "legacy")
    posts = [
        s for s in spans.all() if (s.kind, s.name) == (CLIENT, "POST") and s.parent_span_id == asked.span_id
    ]
    assert len(posts) == 1
    (transport,) = [s for s in spans.all() if s.kind == SERVER and s.parent_span_id == posts[0].span_id]
    assert [link.span_id for link in handled.links] == [transport.span_id]
    assert failures() == before
