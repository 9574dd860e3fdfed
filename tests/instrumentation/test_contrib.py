"""The allow-list of the OpenTelemetry project's instrumentations; what they record is in the contract's rows."""

import asyncio
import importlib.metadata
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import grpc
import grpc.aio
import msgspec
import pymongo  # noqa: F401  hooked once it is imported
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.instrumentation.pymongo import PymongoInstrumentor

from tests.contract.conventions import deprecated_names, known_names
from tests.contract.row import Planted
from tests.contract.rows import confluent_kafka, google_genai
from tests.contract.rows import tornado as tornado_row
from traceo.instrumentation import Options, contrib, stable_names
from traceo.instrumentation.catalog import LIBRARIES
from traceo.instrumentation.hooks import Site
from traceo.tracing import TracerProvider, snapshot

UNSET, ERROR = 0, 2
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5


def run(script: str, path: str = "") -> str:
    """A fresh interpreter that looks for modules in ``path`` first."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


STATE = """
    import sys
    from opentelemetry.trace import NoOpTracerProvider
    from traceo.instrumentation import Selection, install
    installed = install(Selection.parse("pymongo"), tracer_provider=NoOpTracerProvider())
    import pymongo
    (row,) = installed.libraries
    print(row.state, "|", row.reason, "|", "evil" in sys.modules)
    """


# --- who may instrument


def test_every_row_by_the_list_is_on_it_and_every_package_of_the_list_is_what_it_says():
    rows = {row.name for row in LIBRARIES if row.hook == contrib.__name__}
    assert rows == set(contrib.PACKAGES)
    for package in contrib.PACKAGES.values():
        distribution = importlib.metadata.distribution(package.distribution)
        points = {point.name: point.value for point in distribution.entry_points}
        assert set(package.instrumentors) <= set(points.items())


def test_what_is_not_installed_is_said_and_logged_nowhere(hook, monkeypatch, caplog):
    monkeypatch.setitem(contrib.PACKAGES, "pymongo", contrib.Package("opentelemetry-instrumentation-no", ()))
    (row,) = hook("pymongo").libraries
    assert (row.state, row.reason) == ("missing", "opentelemetry-instrumentation-no is not installed")
    assert caplog.records == []


def test_a_package_that_lies_in_front_of_the_real_one_is_refused_and_not_loaded(tmp_path):
    package = tmp_path / "opentelemetry" / "instrumentation" / "pymongo"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import sys; sys.modules['evil'] = sys")
    plain = "import opentelemetry.instrumentation.pymongo, sys; print('evil' in sys.modules)"
    assert run(plain, str(tmp_path)) == "True"
    assert run(STATE, str(tmp_path)).split(" | ") == [
        "failed",
        "opentelemetry.instrumentation.pymongo does not come from opentelemetry-instrumentation-pymongo",
        "False",
    ]


def test_a_distribution_of_the_same_name_with_another_entry_point_is_refused(tmp_path):
    info = tmp_path / "opentelemetry_instrumentation_pymongo-9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: opentelemetry-instrumentation-pymongo\nVersion: 9\n")
    (info / "entry_points.txt").write_text("[opentelemetry_instrumentor]\npymongo = evil:Instrumentor\n")
    (tmp_path / "evil.py").write_text("raise SystemExit('loaded')")
    state, reason, loaded = run(STATE, str(tmp_path)).split(" | ")
    assert (state, loaded) == ("failed", "False")
    assert reason.startswith("opentelemetry-instrumentation-pymongo has no entry point pymongo = ")


def test_a_library_older_than_the_packages_take_has_failed_with_the_reason(hook, monkeypatch):
    rows = tuple(
        msgspec.structs.replace(row, tested=("4.0", "4.1")) if row.name == "google-genai" else row
        for row in LIBRARIES
    )
    monkeypatch.setattr(contrib, "LIBRARIES", rows)
    (row,) = hook("google-genai").libraries
    assert row.state == "failed"
    assert "google-genai" in row.reason
    assert "3." in row.reason


def test_what_the_app_has_instrumented_itself_is_left_to_it(hook):
    theirs = PymongoInstrumentor()
    theirs.instrument(tracer_provider=trace.NoOpTracerProvider())
    try:
        installed = hook("pymongo")
        (row,) = installed.libraries
        assert (row.state, row.reason) == ("taken", "opentelemetry-instrumentation-pymongo is in use already")
        installed.uninstall()
        assert theirs.is_instrumented_by_opentelemetry
    finally:
        theirs.uninstrument()


def test_stable_conventions_are_chosen_without_a_variable_that_children_would_inherit(hook):
    from opentelemetry.instrumentation import _semconv as kept

    before = dict(os.environ)
    hook(",".join(contrib.PACKAGES))
    assert dict(os.environ) == before
    chosen = kept._OpenTelemetrySemanticConventionStability._OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING
    assert {signal.value: mode.value for signal, mode in chosen.items()} == {
        "http": "http",
        "database": "database",
        "gen_ai": "gen_ai_latest_experimental",
    }


# --- names


def test_old_names_become_names_in_force():
    sides = [name for side in stable_names._RENAMED_BY_SIDE.values() for name in side.items()]
    renamed = {old: new[0] for old, new in [*stable_names._RENAMED.items(), *sides] if new is not None}
    assert set(renamed.values()) <= known_names()
    assert not set(renamed.values()) & deprecated_names()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"server.address": "shop.example"}, {"server.address": "shop.example"}),
        ({"server.address": "::1"}, {"server.address": "::1"}),
        ({"server.address": "a.example:81"}, {"server.address": "a.example", "server.port": 81}),
        (
            {"server.address": '["a.example:9092", "b.example:9093"]'},
            {"server.address": "a.example", "server.port": 9092},
        ),
        (
            {"url.full": "/people?x=1", "http.route": "", "network.protocol.version": "HTTP/2"},
            {"network.protocol.version": "2"},
        ),
        (
            {"rpc.service": "S3", "rpc.method": "PutObject", "rpc.system": "aws-api"},
            {"rpc.method": "S3/PutObject", "rpc.system.name": "aws-api"},
        ),
        (
            {"messaging.operation": "publish", "messaging.kafka.message.key": "ada"},
            {"messaging.operation.type": "send", "messaging.operation.name": "send"},
        ),
        ({"net.peer.name": "a", "net.peer.port": "5672"}, {"server.address": "a", "server.port": 5672}),
        ({"gen_ai.input.messages": "said", "gen_ai.system": "x"}, {"gen_ai.provider.name": "x"}),
    ],
)
def test_attributes_of_others_are_told_as_conventions_have_them(spans, given, told):
    site = Site("some", spans.provider.get_tracer("some"), Options(), spans.provider)
    tracer = stable_names.StableTracerProvider(site, spans.provider).get_tracer("theirs", "1")
    at_start = tracer.start_span("a", kind=trace.SpanKind.CLIENT, attributes=given)
    later = tracer.start_span("b", kind=trace.SpanKind.CLIENT)
    later.set_attributes(given)
    at_start.end()
    later.end()
    assert [dict(span.attributes) for span in spans.all()] == [told, told]
    assert {span.scope.name for span in spans.all()} == {"theirs"}


_NAMES = st.sampled_from(
    sorted({*stable_names._RENAMED, *stable_names._LEFT_OUT, *known_names(), "net.peer.port"})
)
_VALUES = st.none() | st.integers() | st.text() | st.booleans() | st.lists(st.text())
_STEPS = st.one_of(
    st.tuples(st.just("set_attributes"), st.dictionaries(_NAMES, _VALUES)),
    st.tuples(st.just("set_status"), st.sampled_from(list(trace.StatusCode))),
    st.tuples(st.just("record_exception"), st.sampled_from([LookupError("x"), asyncio.CancelledError()])),
    st.tuples(st.just("update_name"), st.text()),
    st.tuples(st.just("end"), st.none()),
)


@given(st.dictionaries(_NAMES, _VALUES), st.lists(_STEPS))
def test_whatever_an_instrumentation_does_to_its_span_it_ends_once_and_no_old_name_is_left(attributes, steps):
    ended: list = []
    provider = TracerProvider(sink=ended.append, shutdown_on_exit=False)
    site = Site("some", provider.get_tracer("some"), Options(), provider)
    tracer = stable_names.StableTracerProvider(site, provider).get_tracer("theirs")
    span = tracer.start_span("a", kind=trace.SpanKind.SERVER, attributes=attributes)
    for step, value in steps:
        getattr(span, step)(*(() if step == "end" else (value,)))
    span.end()
    (record,) = map(snapshot, ended)
    told = dict(record.attributes or {})
    assert not set(told) & {
        *stable_names._RENAMED.keys() - known_names(),
        *stable_names._LEFT_OUT,
    }
    assert len(record.events or ()) <= 1
    if record.status_code == ERROR:
        assert "error.type" in told


# --- gRPC


async def echo(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
    if request == b"fail":
        raise LookupError("nobody called ada@example.com")
    if request == b"slow":
        await asyncio.sleep(60)
    return request


async def count(request: bytes, context: grpc.aio.ServicerContext):
    for number in range(3):
        yield request + str(number).encode()


async def serving() -> tuple[grpc.aio.Server, str]:
    server = grpc.aio.server()
    handlers = {
        "Echo": grpc.unary_unary_rpc_method_handler(echo),
        "Count": grpc.unary_stream_rpc_method_handler(count),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.v1.People", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, f"127.0.0.1:{port}"


async def test_asyncio_grpc_is_one_span_at_either_end(spans, hook):
    hook("grpc")
    server, address = await serving()
    async with grpc.aio.insecure_channel(address) as channel:
        assert await channel.unary_unary("/shop.v1.People/Echo")(b"ada") == b"ada"
        stream = channel.unary_stream("/shop.v1.People/Count")(b"n")
        assert [answer async for answer in stream] == [b"n0", b"n1", b"n2"]
    await server.stop(None)
    found = await asyncio.to_thread(spans.wait, 4)
    clients = [span for span in found if span.kind == CLIENT]
    servers = [span for span in found if span.kind == SERVER]
    assert [span.name for span in clients] == ["shop.v1.People/Echo", "shop.v1.People/Count"]
    assert [span.parent_span_id for span in servers] == [span.span_id for span in clients]
    assert dict(clients[0].attributes) == {
        "rpc.system.name": "grpc",
        "rpc.method": "shop.v1.People/Echo",
        "rpc.response.status_code": "OK",
    }


async def test_an_error_of_an_asyncio_grpc_server_is_told_on_both_sides(spans, hook):
    hook("grpc")
    server, address = await serving()
    async with grpc.aio.insecure_channel(address) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary("/shop.v1.People/Echo")(b"fail")
    await server.stop(None)
    client, at_server = await asyncio.to_thread(spans.wait, 2)
    assert (client.status_code, client.attributes["error.type"]) == (ERROR, "UNKNOWN")
    assert (at_server.status_code, at_server.attributes["error.type"]) == (ERROR, "UNKNOWN")
    assert [event.attributes["exception.type"] for event in at_server.events] == ["LookupError"]


async def test_a_call_that_the_app_cancels_is_no_error(spans, hook):
    hook("grpc")
    server, address = await serving()
    async with grpc.aio.insecure_channel(address) as channel:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await channel.unary_unary("/shop.v1.People/Echo")(b"slow")
    await server.stop(None)
    found = await asyncio.to_thread(spans.wait, 2)
    assert [
        (span.status_code, span.attributes["rpc.response.status_code"], list(span.events)) for span in found
    ] == [(UNSET, "CANCELLED", []), (UNSET, "CANCELLED", [])]
    assert {span.attributes["error.type"] for span in found} == {"CANCELLED"}


def test_a_synchronous_stream_of_grpc_is_one_span_and_its_error_is_told(spans, hook):
    def refuse(request: bytes, context: grpc.ServicerContext):
        yield b"one"
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no more for ada@example.com")

    hook("grpc")
    server = grpc.server(ThreadPoolExecutor(2))
    handlers = {"Few": grpc.unary_stream_rpc_method_handler(refuse)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.v1.People", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stream = channel.unary_stream("/shop.v1.People/Few")(b"")
        assert next(stream) == b"one"
        with pytest.raises(grpc.RpcError):
            next(stream)
    server.stop(None).wait(10)
    client, at_server = spans.wait(2)
    assert (client.kind, client.status_code) == (CLIENT, ERROR)
    assert client.attributes["error.type"] == "RESOURCE_EXHAUSTED"
    assert (at_server.kind, at_server.parent_span_id) == (SERVER, client.span_id)
    assert at_server.attributes["rpc.response.status_code"] == "RESOURCE_EXHAUSTED"


# --- tornado


async def test_tornados_client_has_a_span_and_a_page_that_is_not_there_is_no_error_of_the_server(
    spans, hook, request
):
    from tornado.httpclient import AsyncHTTPClient, HTTPClientError

    hook("tornado")
    with tornado_row.opened(request) as calls:
        with pytest.raises(HTTPClientError):
            await AsyncHTTPClient().fetch(f"{calls.base}/nowhere?card={Planted().card}")
        found = spans.wait(2)
    client, at_server = sorted(found, key=lambda span: -span.kind)
    assert (client.name, client.kind, client.status_code) == ("GET", CLIENT, ERROR)
    assert client.attributes["error.type"] == "404"
    assert (at_server.kind, at_server.status_code, at_server.parent_span_id) == (
        SERVER,
        UNSET,
        client.span_id,
    )
    assert "error.type" not in at_server.attributes


# --- Kafka


def test_what_a_consumer_handles_belongs_to_what_a_producer_sent(spans, hook):
    hook("confluent-kafka")
    with confluent_kafka.opened(None) as calls:
        calls.good(Planted())
        sent, handled = spans.wait(2)
    assert (sent.kind, handled.kind) == (PRODUCER, CONSUMER)
    assert [(link.trace_id, link.span_id) for link in handled.links] == [(sent.trace_id, sent.span_id)]
    assert handled.attributes["messaging.operation.type"] == "process"
    assert "ada" not in str(dict(sent.attributes)) + str(dict(handled.attributes))


# --- Gemini


@pytest.mark.parametrize("variable", ["", "SPAN_ONLY"])
def test_what_is_said_to_a_model_is_left_out_unless_our_option_asks_for_it(
    spans, hook, request, monkeypatch, variable
):
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", variable)
    hook("google-genai")
    with google_genai.opened(request) as calls:
        calls.good(Planted())
    (span,) = spans.all()
    assert Planted().unspoken not in str(dict(span.attributes)) + str(span.events)
    assert span.attributes["gen_ai.usage.input_tokens"] == 7


def test_what_is_said_to_a_model_is_there_when_our_option_asks_for_it(spans, hook, request, monkeypatch):
    monkeypatch.delenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", raising=False)
    hook("google-genai", capture_content=True)
    with google_genai.opened(request) as calls:
        calls.good(Planted())
    (span,) = spans.all()
    assert Planted().unspoken in span.attributes["gen_ai.input.messages"]
    assert Planted().unspoken in span.attributes["gen_ai.output.messages"]
