"""Real workers: in this process over kombu's broker in memory, and over Debian's Redis."""

import gc
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from celery import Celery, chain, chord, group, signals
from celery.app.base import Celery as CeleryClass
from celery.beat import Scheduler
from celery.contrib.testing.worker import start_worker
from celery.exceptions import Ignore, Reject
from celery.schedules import schedule
from kombu.exceptions import OperationalError
from opentelemetry import baggage, trace
from opentelemetry import context as otel

from tests.services import redis  # noqa: F401  a fixture
from traceo.instrumentation.guard import failures

# Celery calls what redis-py has deprecated; a warning that is an error would fail the task.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")

SEND, PROCESS = "send shop.{}", "process shop.{}"
PRODUCER, CONSUMER, INTERNAL = 4, 5, 1


def made(broker: str = "memory://", backend: str = "cache+memory://", **settings) -> Celery:
    app = Celery("shop", broker=broker, backend=backend, set_as_current=False)
    app.conf.update(
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        task_default_retry_delay=0,
        broker_transport_options={
            "polling_interval": 0.01,
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.01,
        },
        **settings,
    )

    @app.task(name="shop.add", shared=False)
    def add(a=1, b=2):
        return a + b

    @app.task(name="shop.total", shared=False)
    def total(parts):
        return sum(parts)

    @app.task(name="shop.fail", shared=False)
    def fail(text="declined"):
        raise ValueError(text)

    @app.task(name="shop.twice", shared=False, bind=True, max_retries=1)
    def twice(self):
        if not self.request.retries:
            raise self.retry(exc=ValueError("not yet"), countdown=0)
        return self.request.retries

    @app.task(name="shop.ignored", shared=False, bind=True)
    def ignored(self):
        raise Ignore

    @app.task(name="shop.rejected", shared=False, acks_late=True)
    def rejected():
        raise Reject("no", requeue=False)

    @app.task(name="shop.seen", shared=False, bind=True)
    def seen(self):
        context = trace.get_current_span().get_span_context()
        return f"{context.span_id:016x}", baggage.get_baggage("tenant")

    @app.task(name="shop.outer", shared=False)
    def outer():
        with trace.get_tracer("app").start_as_current_span("inside"):
            add.delay()
        return trace.get_current_span().get_span_context().span_id

    return app


@contextmanager
def working(app: Celery, pool: str = "solo") -> Iterator[Celery]:
    signals.setup_logging.connect(leave_logging_alone)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with start_worker(app, pool=pool, concurrency=2, perform_ping_check=False, shutdown_timeout=20):
            yield app
    signals.setup_logging.disconnect(leave_logging_alone)
    gc.collect()


def leave_logging_alone(**_) -> None:
    """A worker sets the level of the root logger, for the tests that follow too."""


@pytest.fixture(scope="module")
def solo() -> Iterator[Celery]:
    """A worker that was there before the hook: one takes seconds to stop."""
    with working(made()) as app:
        yield app


@pytest.fixture(scope="module")
def threaded() -> Iterator[Celery]:
    with working(made(task_default_queue="threads"), "threads") as app:
        yield app


@pytest.fixture(scope="module")
def over_redis(redis) -> Iterator[Celery]:  # noqa: F811
    url = f"redis:{redis.url}0"
    with working(made(url, url)) as app:
        yield app


@pytest.fixture
def app(hook, solo) -> Celery:
    hook("celery")
    return solo


def task(app: Celery, name: str):
    return app.tasks[f"shop.{name}"]


def titles(spans) -> list[tuple[int, str]]:
    return [(span.kind, span.name) for span in spans]


def test_a_message_and_the_run_of_its_task_are_one_trace(app, spans):
    result = task(app, "add").delay("ada@example.com", b="4539578763621486")
    result.get(timeout=10)
    sent, run = spans.wait(2)
    assert titles([sent, run]) == [(PRODUCER, SEND.format("add")), (CONSUMER, PROCESS.format("add"))]
    assert (run.trace_id, run.parent_span_id, sent.parent_span_id) == (sent.trace_id, sent.span_id, 0)
    common = {
        "messaging.system": "celery",
        "messaging.destination.name": "celery",
        "messaging.message.id": result.id,
    }
    assert dict(sent.attributes) == {
        **common,
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
    }
    assert dict(run.attributes) == {
        **common,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
    }
    assert (sent.status_code, run.status_code) == (0, 0)


def test_the_producer_belongs_to_the_current_span_and_baggage_travels_along(app, spans):
    token = otel.attach(baggage.set_baggage("tenant", "blue"))
    try:
        with spans.provider.get_tracer("app").start_as_current_span("request") as request:
            found = task(app, "seen").delay().get(timeout=10)
    finally:
        otel.detach(token)
    spans.wait(3)
    sent, run = spans.named(SEND.format("seen")), spans.named(PROCESS.format("seen"))
    assert sent.parent_span_id == request.get_span_context().span_id
    assert found == [f"{run.span_id:016x}", "blue"]


def test_what_a_task_does_is_inside_its_span(app, spans):
    run_id = task(app, "outer").delay().get(timeout=10)
    spans.wait(4)
    outer, inner = spans.named(PROCESS.format("outer")), spans.named(PROCESS.format("add"))
    assert run_id == outer.span_id
    assert spans.named(SEND.format("add")).trace_id == inner.trace_id == outer.trace_id


def test_a_task_that_fails_tells_it_once_and_the_caller_sees_its_error(app, spans):
    with pytest.raises(ValueError, match="declined"):
        task(app, "fail").delay().get(timeout=10)
    sent, run = spans.wait(2)
    assert (sent.status_code, run.status_code) == (0, 2)
    assert run.attributes["error.type"] == "ValueError"
    (event,) = run.events
    assert (event.name, event.attributes["exception.message"]) == ("exception", "declined")
    assert "in fail" in event.attributes["exception.stacktrace"]


def test_a_retry_is_no_error_and_all_attempts_are_one_trace(app, spans):
    assert task(app, "twice").delay().get(timeout=10) == 1
    found = spans.wait(4)
    assert titles(found) == [
        (PRODUCER, SEND.format("twice")),
        (CONSUMER, PROCESS.format("twice")),
        (PRODUCER, SEND.format("twice")),
        (CONSUMER, PROCESS.format("twice")),
    ]
    first, attempt, again, last = found
    assert (attempt.parent_span_id, again.parent_span_id) == (first.span_id, attempt.span_id)
    assert last.parent_span_id == again.span_id
    assert {span.status_code for span in found} == {0}
    assert len({span.attributes["messaging.message.id"] for span in found}) == 1


@pytest.mark.parametrize("name", ["ignored", "rejected"])
def test_what_is_ignored_or_rejected_is_no_error(app, spans, name):
    task(app, name).delay()
    _, run = spans.wait(2)
    assert (run.name, run.status_code, len(run.events)) == (PROCESS.format(name), 0, 0)


def test_a_chain_a_group_and_a_chord_are_one_trace_each(app, spans):
    add, total = task(app, "add"), task(app, "total")
    assert chain(add.s(1, 2), add.s(3)).delay().get(timeout=10) == 6
    assert len({span.trace_id for span in spans.wait(4)}) == 1
    tracer = spans.provider.get_tracer("app")
    with tracer.start_as_current_span("group"):
        assert group(add.s(1, 1), add.s(2, 2)).delay().get(timeout=10) == [2, 4]
    with tracer.start_as_current_span("chord"):
        assert chord([add.s(1, 1), add.s(2, 2)])(total.s()).get(timeout=10) == 6
    found = spans.wait(4 + 5 + 7)
    for name, count in (("group", 5), ("chord", 7)):
        (root,) = [span for span in found if span.name == name]
        assert len([span for span in found if span.trace_id == root.trace_id]) == count


def test_a_later_task_a_named_queue_and_send_task_by_name(app, spans):
    app.amqp.queues.select_add("slow")
    app.send_task("shop.add", kwargs={"a": 1}, countdown=0.05, headers={"mine": "1"}).get(timeout=10)
    _, run = spans.wait(2)
    assert run.name == PROCESS.format("add")
    task(app, "add").apply_async(queue="unread")
    assert spans.wait(3)[2].attributes["messaging.destination.name"] == "unread"


def test_what_beat_sends_is_a_trace_of_its_own(app, spans):
    scheduler = Scheduler(app=app, lazy=True)
    entry = scheduler.Entry(name="nightly", task="shop.add", schedule=schedule(60), app=app)
    assert scheduler.apply_async(entry, advance=False).get(timeout=10) == 3
    sent, run = spans.wait(2)
    assert titles([sent, run]) == [(PRODUCER, SEND.format("add")), (CONSUMER, PROCESS.format("add"))]
    assert (sent.parent_span_id, run.parent_span_id) == (0, sent.span_id)


def test_headers_of_the_application_are_kept_and_its_own_mapping_is_not_touched(app, spans):
    mine = {"mine": "1"}
    seen: list = []

    def listen(task, **_):
        seen.append(dict(task.request.headers))

    signals.task_prerun.connect(listen)
    try:
        task(app, "add").apply_async(headers=mine).get(timeout=10)
    finally:
        signals.task_prerun.disconnect(listen)
    spans.wait(2)
    assert mine == {"mine": "1"}
    assert sorted(seen[0]) == ["mine", "traceparent"]


def test_a_message_of_protocol_1_carries_the_context_too(app, spans):
    assert task(made(task_protocol=1), "add").delay(1, 1).get(timeout=10) == 2
    sent, run = spans.wait(2)
    assert run.parent_span_id == sent.span_id


def test_in_a_pool_of_threads_each_run_has_the_context_of_its_own_message(hook, spans, threaded):
    hook("celery,executors,threading")
    results = [task(threaded, "add").delay(n, n) for n in range(8)]
    assert [result.get(timeout=10) for result in results] == [2 * n for n in range(8)]
    found = spans.wait(16)
    parents = {span.span_id: span for span in found if span.kind == PRODUCER}
    for run in (span for span in found if span.kind == CONSUMER):
        assert parents.pop(run.parent_span_id).trace_id == run.trace_id
    assert parents == {}


def test_an_eager_task_is_an_internal_span_and_its_error_is_the_callers(hook, spans):
    hook("celery")
    app = made(task_always_eager=True, task_eager_propagates=True)
    with spans.provider.get_tracer("app").start_as_current_span("request") as request:
        assert task(app, "add").delay(1, 2).get() == 3
        with pytest.raises(ValueError, match="declined"):
            task(app, "fail").delay()
        assert trace.get_current_span() is request
    _, fine, failed = spans.wait(3)
    assert titles([fine, failed]) == [(INTERNAL, PROCESS.format("add")), (INTERNAL, PROCESS.format("fail"))]
    assert fine.parent_span_id == request.get_span_context().span_id
    assert (fine.status_code, failed.status_code, len(failed.events)) == (0, 2, 1)


def test_a_broker_that_is_not_there_is_the_producers_error(hook, spans):
    hook("celery")
    app = made("amqp://guest@127.0.0.1:9//", task_publish_retry=False)
    with pytest.raises(OperationalError) as raised:
        task(app, "add").apply_async(ignore_result=True)
    (sent,) = spans.wait(1)
    assert (sent.status_code, len(sent.events)) == (2, 1)
    assert sent.attributes["error.type"] == "kombu.exceptions.OperationalError"
    assert sent.events[0].attributes["exception.message"] == str(raised.value)
    assert (sent.attributes["server.address"], sent.attributes["server.port"]) == ("127.0.0.1", 9)


# Before the worker of the next test is there: it was started without the hook, and asks Redis all the time.
def test_what_is_said_to_the_broker_makes_no_spans(hook, spans, redis):  # noqa: F811
    hook("celery,redis")
    with working(made(f"redis:{redis.url}1", task_ignore_result=True)) as app:
        task(app, "add").delay(2, 2)
        deadline = time.monotonic() + 10
        while not any(span.name.startswith("process") for span in spans.all()):
            assert time.monotonic() < deadline
            time.sleep(0.005)
    # The worker of the tests looks once, outside, whether its broker is there.
    made_of_it = [title for title in titles(spans.all()) if title != (3, "PING")]
    assert made_of_it == [(4, "send shop.add"), (5, "process shop.add")]


def test_a_transport_that_cannot_be_loaded_is_the_applications_own_error(hook, spans):
    hook("celery")
    before = failures()
    with pytest.raises(KeyError, match="No such transport: nosuch"):
        task(made("nosuch://127.0.0.1"), "add").delay()
    [sent] = spans.wait(1)
    assert (sent.name, sent.attributes["error.type"]) == ("send shop.add", "KeyError")
    assert failures() == before


def test_over_redis(hook, spans, redis, over_redis):  # noqa: F811
    hook("celery")
    assert task(over_redis, "add").delay(2, 2).get(timeout=10) == 4
    sent, run = spans.wait(2)
    assert (run.trace_id, run.parent_span_id) == (sent.trace_id, sent.span_id)
    assert (sent.attributes["server.address"], sent.attributes["server.port"]) == (redis.host, redis.port)


def test_uninstalling_leaves_no_method_and_no_receiver_of_ours(hook, spans):
    def state():
        receivers = [list(signal.receivers) for signal in (signals.task_prerun, signals.task_postrun)]
        return [vars(CeleryClass)["send_task"], *receivers]

    before, failed = state(), failures()
    installed = hook("celery")
    assert all(new != old for new, old in zip(state(), before, strict=True))
    installed.uninstall()
    assert state() == before
    app = made(task_always_eager=True)
    assert task(app, "add").delay(1, 2).get() == 3
    assert (spans.all(), failures()) == ([], failed)
