"""The same for redis-py and valkey-py, sync and asyncio."""

import asyncio
import importlib
import inspect
import socket
import subprocess
import threading
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.instrumentation.conftest import Spans
from tests.instrumentation.refusals import assert_refused_alike
from traceo.instrumentation import Selection, install, keyvalue
from traceo.instrumentation.guard import failures

CLIENT = 3
UNSET, ERROR = 0, 2


@pytest.fixture(params=["redis", "valkey"])
def library(request):
    return importlib.import_module(request.param)


def class_of(library, *, is_async=False):
    name = "Redis" if library.__name__ == "redis" else "Valkey"
    return getattr(importlib.import_module(f"{library.__name__}.asyncio") if is_async else library, name)


@pytest.fixture(params=["sync", "asyncio"])
def run(request, library, redis):
    """``run(work)``: ``work(client, say)``, where ``say`` waits for what a method of either client returns."""

    def run_sync(work, **options):
        with closing(
            class_of(library)(**{"host": redis.host, "port": redis.port, "db": 2, **options})
        ) as client:
            client.flushdb()
            return asyncio.run(work(client, _said))

    def run_async(work, **options):
        async def main():
            client = class_of(library, is_async=True)(
                **{"host": redis.host, "port": redis.port, "db": 2, **options}
            )
            try:
                await client.flushdb()
                return await work(client, _said)
            finally:
                await client.aclose()

        return asyncio.run(main())

    return run_sync if request.param == "sync" else run_async


async def _said(value):
    return await value if inspect.isawaitable(value) else value


def names(spans):
    return [span.name for span in spans.all()][1:]  # after FLUSHDB


def test_a_command_is_a_span_with_stable_names_and_no_key_or_value(spans, hook, run, library, redis):
    hook(library.__name__)

    async def work(client, say):
        with spans.provider.get_tracer("test").start_as_current_span("outer"):
            return await say(client.set("ada@example.com", "4111", ex=5))

    assert run(work) is True
    _, outer, span = spans.all()
    assert (span.name, span.kind, span.parent_span_id) == ("SET", CLIENT, outer.span_id)
    assert dict(span.attributes) == {
        "db.system.name": library.__name__,
        "db.namespace": "2",
        "db.operation.name": "SET",
        "db.query.text": "SET ? ? ? ?",
        "server.address": "127.0.0.1",
        "server.port": redis.port,
    }


def test_commands_of_all_kinds_are_named_by_the_command_only(spans, hook, run, library):
    hook(library.__name__)

    async def work(client, say):
        await say(client.mset({f"key {n}": n for n in range(20)}))
        await say(client.config_get("maxmemory"))
        await say(client.execute_command("set with a value"))
        await say(client.execute_command(b"get", "with"))
        await say(client.eval("return 1", 0))
        script = client.register_script("return ARGV[1]")
        assert await say(script(args=["a"])) == b"a"
        assert await say(client.blpop("nothing", timeout=0.01)) is None

    with pytest.raises(Exception, match="syntax error"):
        run(work)

    async def rest(client, say):
        await say(client.execute_command(b"get", "with"))
        await say(client.eval("return 1", 0))
        assert await say(client.blpop("nothing", timeout=0.01)) is None

    run(rest)
    told = [(span.name, span.attributes["db.query.text"]) for span in spans.all()]
    assert told == [
        ("FLUSHDB", "FLUSHDB"),
        ("MSET", "MSET" + " ?" * 16 + " …"),
        ("CONFIG GET", "CONFIG GET ?"),
        ("SET", "SET ? ? ?"),
        ("FLUSHDB", "FLUSHDB"),
        ("GET", "GET ?"),
        ("EVAL", "EVAL ? ?"),
        ("BLPOP", "BLPOP ? ?"),
    ]


def test_a_pipeline_a_transaction_and_a_watch(spans, hook, run, library):
    hook(library.__name__)

    async def work(client, say):
        async def execute(pipeline):
            return await say(pipeline.execute())

        pipeline = client.pipeline(transaction=False)
        assert await execute(pipeline.set("a", 1).get("a")) == [True, b"1"]
        assert await execute(client.pipeline().incr("a").incr("a")) == [2, 3]
        assert await execute(client.pipeline()) == []
        watching = client.pipeline()
        await say(watching.watch("a"))
        assert await say(watching.get("a")) == b"3"
        watching.multi()
        assert await execute(watching.set("a", 7)) == [True]
        scripted = client.pipeline()
        await say(client.register_script("return 1")(client=scripted))
        assert await execute(scripted) == [1]

    run(work)
    told = [
        (span.name, span.attributes.get("db.query.text"), span.attributes.get("db.operation.batch.size"))
        for span in spans.all()[1:]
    ]
    assert told == [
        ("PIPELINE", "SET ? ?; GET ?", 2),
        ("MULTI INCRBY", "INCRBY ? ?; INCRBY ? ?", 2),
        ("WATCH", "WATCH ?", None),
        ("GET", "GET ?", None),
        ("MULTI SET", "SET ? ?", None),
        ("MULTI EVALSHA", "EVALSHA ? ?", None),
    ]


def test_errors_are_the_same_and_told_without_the_command(spans, hook, run, library):
    async def work(client, say):
        outcomes = []

        async def bad(call):
            try:
                await say(call())
            except Exception as error:
                outcomes.append((type(error), str(error)))

        await say(client.set("text", "x"))
        await bad(lambda: client.lpush("text", "secret"))
        await bad(lambda: client.incr("text"))
        await bad(lambda: client.geoadd("place", (200.123456, 45.5, "secret")))
        await bad(lambda: client.execute_command("NONSENSE", "secret"))
        await bad(lambda: client.evalsha("0" * 40, 0))
        await bad(lambda: client.eval("return redis.error_reply('SECRET of ' .. ARGV[1])", 0, "secret"))
        await bad(lambda: client.pipeline().eval("return redis.error_reply(ARGV[1])", 0, "secret").execute())
        await bad(lambda: client.pipeline().lpush("text", "secret").execute())
        await bad(lambda: client.pipeline(transaction=False).lpush("text", "secret").execute())
        return outcomes

    plain = run(work)
    hook(library.__name__)
    assert run(work) == plain
    assert len(plain) == 9
    told = [
        (
            span.name,
            span.attributes["db.response.status_code"],
            [event.attributes["exception.message"] for event in span.events],
        )
        for span in spans.all()
        if span.status_code == ERROR
    ]
    wrong_type = "WRONGTYPE Operation against a key holding the wrong kind of value"
    assert told == [
        ("LPUSH", "WRONGTYPE", [wrong_type]),
        ("INCRBY", "ERR", ["value is not an integer or out of range"]),
        ("GEOADD", "ERR", ["invalid longitude,latitude pair"]),
        ("NONSENSE", "ERR", ["unknown command"]),
        ("EVALSHA", "NOSCRIPT", ["NOSCRIPT"]),
        ("EVAL", "ERR", ["ERR"]),
        ("MULTI EVAL", "ERR", ["ERR"]),
        ("MULTI LPUSH", "WRONGTYPE", [wrong_type]),
        ("PIPELINE LPUSH", "WRONGTYPE", [wrong_type]),
    ]
    assert "secret" not in repr(
        [(span.attributes, [e.attributes for e in span.events]) for span in spans.all()]
    )


@pytest.mark.parametrize("name", ["wanted", "_server", "say", "_queued"])
def test_a_failure_of_ours_leaves_the_command_alone(hook, run, library, monkeypatch, name):
    def broken(*args, **kwargs):
        raise ZeroDivisionError

    async def work(client, say):
        assert await say(client.set("text", "x")) is True
        assert await say(client.pipeline().get("text").execute()) == [b"x"]
        with pytest.raises(library.exceptions.ResponseError, match="WRONGTYPE"):
            await say(client.lpush("text", 1))

    hook(library.__name__)
    before = sum(failures().values())
    monkeypatch.setattr(keyvalue, name, broken)
    run(work)
    assert sum(failures().values()) > before


def test_a_server_that_is_away_is_one_span_whatever_is_retried(spans, hook, library):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    hook(library.__name__)
    backoff = importlib.import_module(f"{library.__name__}.backoff").NoBackoff()
    retry = importlib.import_module(f"{library.__name__}.retry").Retry(backoff, 3)
    client = class_of(library)(port=port, host="127.0.0.1", retry=retry)
    with closing(client), pytest.raises(library.exceptions.ConnectionError):
        client.get("a")
    (span,) = spans.all()
    assert (span.name, span.status_code, len(span.events)) == ("GET", ERROR, 1)
    assert span.attributes["error.type"] == f"{library.__name__}.exceptions.ConnectionError"


def test_subscriptions_pass_untouched(spans, hook, library, redis):
    hook(library.__name__)
    with (
        closing(class_of(library)(host=redis.host, port=redis.port)) as client,
        client.pubsub() as subscription,
    ):
        subscription.subscribe("news")
        assert subscription.get_message(timeout=5)["type"] == "subscribe"
        client.publish("news", "x")
        assert subscription.get_message(timeout=5)["data"] == b"x"
    assert [span.name for span in spans.all()] == ["PUBLISH"]


@pytest.mark.parametrize(
    "call", [lambda c: c.execute_command(), lambda c: c.set("a"), lambda c: c.set("a", [])]
)
def test_a_wrong_call_is_refused_as_without_us_and_is_no_failure_of_ours(hook, run, library, call):
    async def work(client, say):
        try:
            return await say(call(client))
        except Exception as error:
            return type(error), str(error)

    assert_refused_alike(hook, library.__name__, lambda: run(work))


def test_a_cancelled_command_is_no_failure(spans, hook, library, redis):
    hook(library.__name__)

    async def main():
        client = class_of(library, is_async=True)(host=redis.host, port=redis.port)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.blpop("nothing", timeout=30), 0.2)
        await client.aclose()

    asyncio.run(main())
    (span,) = spans.all()
    assert (span.name, span.status_code, list(span.events)) == ("BLPOP", UNSET, [])


def test_threads_and_tasks_have_their_own_parents(spans, hook, library, redis):
    hook(library.__name__)
    tracer = spans.provider.get_tracer("test")

    async def task(client, n):
        with tracer.start_as_current_span(f"of {n}"):
            await client.execute_command("GET" if n % 2 else "EXISTS", n)

    async def main():
        client = class_of(library, is_async=True)(host=redis.host, port=redis.port)
        await asyncio.gather(*(task(client, n) for n in range(8)))
        await client.aclose()

    def thread(client, n):
        with tracer.start_as_current_span(f"of {n}"):
            client.execute_command("GET" if n % 2 else "EXISTS", n)

    asyncio.run(main())
    with closing(class_of(library)(host=redis.host, port=redis.port)) as client:
        threads = [threading.Thread(target=thread, args=(client, n)) for n in range(8)]
        for started in threads:
            started.start()
        for started in threads:
            started.join()
    parents = {span.span_id: int(span.name.split()[1]) for span in spans.all() if span.kind != CLIENT}
    commands = [(parents[span.parent_span_id] % 2, span.name) for span in spans.all() if span.kind == CLIENT]
    assert sorted(commands) == [(0, "EXISTS")] * 8 + [(1, "GET")] * 8


def test_a_unix_socket_is_told_by_its_path(spans, hook, library, tmp_path):
    path = tmp_path / "redis.sock"
    with serving("--port", "0", "--unixsocket", str(path)):
        hook(library.__name__)
        with closing(class_of(library)(unix_socket_path=str(path))) as client:
            until(client.ping)
        span = spans.all()[-1]
    assert span.attributes["server.address"] == str(path)
    assert "server.port" not in span.attributes


@pytest.fixture(scope="module")
def cluster_port(tmp_path_factory):
    """Where a cluster of one listens; it takes two seconds to find out that it is one."""
    import redis

    with socket.socket() as probe, socket.socket() as other:
        probe.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, bus = probe.getsockname()[1], other.getsockname()[1]
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes"]
    folder = tmp_path_factory.mktemp("cluster")
    with serving(*arguments, "--cluster-port", str(bus), "--dir", str(folder)):
        with closing(redis.Redis(host="127.0.0.1", port=port)) as client:
            until(lambda: client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383))
            until(lambda: client.set("ready", 1))
        yield port


def test_a_cluster_has_one_span_a_command(spans, hook, library, cluster_port):
    port = cluster_port
    name = "RedisCluster" if library.__name__ == "redis" else "ValkeyCluster"
    with closing(getattr(library, name)(host="127.0.0.1", port=port)) as cluster:
        hook(library.__name__)
        assert cluster.set("b", 0) is True
        assert cluster.set("a", 1) is True
        assert cluster.pipeline().get("a").incr("b").execute() == [b"1", 1]
        with pytest.raises(library.exceptions.ResponseError):
            cluster.lpush("a", 1)

    async def main():
        module = importlib.import_module(f"{library.__name__}.asyncio.cluster")
        async with getattr(module, name)(host="127.0.0.1", port=port) as cluster:
            assert await cluster.get("a") == b"1"
            assert await cluster.pipeline().get("a").get("a").execute() == [b"1", b"1"]

    asyncio.run(main())
    assert [(span.name, span.status_code) for span in spans.all()] == [
        ("SET", UNSET),
        ("SET", UNSET),
        ("PIPELINE", UNSET),
        ("LPUSH", ERROR),
        ("GET", UNSET),
        ("PIPELINE GET", UNSET),
    ]


def test_uninstall_ends_it_also_for_clients_there_are(spans, hook, run, library):
    async def work(client, say):
        installed = hook(library.__name__)
        await say(client.get("a"))
        installed.uninstall()
        await say(client.get("a"))
        await say(client.pipeline().get("a").execute())

    run(work)
    assert [span.name for span in spans.all()] == ["GET"]


@given(st.lists(st.one_of(st.text(), st.binary(), st.integers()), min_size=1, max_size=30))
@settings(max_examples=200)
def test_nothing_but_a_word_of_a_command_is_ever_told(args):
    operation, text = keyvalue._told(args)
    first = args[0].decode("latin-1") if isinstance(args[0], bytes) else str(args[0])
    assert operation == "" or operation.split()[0] == first.split()[0].upper()[:64]
    assert set(text.removeprefix(operation)) <= set(" ?…")


def test_redis_has_no_spans_of_its_own():
    import redis

    spans = Spans("traceo")
    installed = install(Selection.parse("redis"), tracer_provider=spans.provider)
    try:
        assert "opentelemetry" not in inspect.getsource(redis.client)
    finally:
        installed.uninstall()


class serving:  # noqa: N801  reads as what it does
    """A redis-server with these arguments."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __enter__(self):
        command = ["redis-server", "--save", "", *self.arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def __exit__(self, *exc_info):
        self.process.terminate()
        self.process.wait(10)


def until(call):
    """Once ``call`` does not raise."""
    import time

    deadline = time.monotonic() + 30
    while True:
        try:
            return call()
        except Exception:
            assert time.monotonic() < deadline
            time.sleep(0.02)
