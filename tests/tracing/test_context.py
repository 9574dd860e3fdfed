"""What is current where: generators, tasks, threads, other contexts."""

import asyncio
import gc
import subprocess
import sys
import threading

import pytest
from opentelemetry import baggage
from opentelemetry import context as context_api
from opentelemetry import trace as api

from traceo.tracing import TracerProvider


@pytest.fixture
def ended():
    return []


@pytest.fixture
def tracer(ended):
    return TracerProvider(sink=ended.append, shutdown_on_exit=False).get_tracer("test")


def current():
    return api.get_current_span()


def names(spans):
    return [span.name for span in spans]


@pytest.fixture
def rows(tracer):
    """A generator with a span around its body, as an application would write it."""

    def generate():
        with tracer.start_as_current_span("rows"):
            yield 1
            yield 2

    return generate


@pytest.fixture
def async_rows(tracer):
    async def generate():
        with tracer.start_as_current_span("rows"):
            yield 1
            yield 2

    return generate


def test_an_exhausted_generator_leaves_nothing_behind(rows, ended):
    assert list(rows()) == [1, 2]
    assert (current(), names(ended)) == (api.INVALID_SPAN, ["rows"])


def test_an_abandoned_generator_leaves_nothing_behind(rows, ended):
    for _ in rows():
        break
    gc.collect()
    assert (current(), names(ended)) == (api.INVALID_SPAN, ["rows"])


def test_a_generator_closed_inside_another_span_leaves_that_one_current_and_nothing_after_it(
    tracer, rows, ended
):
    with tracer.start_as_current_span("request") as request:
        generator = rows()
        next(generator)
        with tracer.start_as_current_span("work") as work:
            generator.close()
            assert current() is work
        assert current() is request
    assert (current(), names(ended)) == (api.INVALID_SPAN, ["rows", "work", "request"])


def test_two_generators_closed_in_the_order_they_began_leave_nothing_behind(tracer, rows):
    first, second = rows(), rows()
    with tracer.start_as_current_span("request") as request:
        next(first)
        next(second)
        first.close()
        second.close()
        assert current() is request
    assert current() is api.INVALID_SPAN


def test_a_generator_closed_after_the_span_around_it_leaves_nothing_behind(tracer, rows):
    with tracer.start_as_current_span("request"):
        generator = rows()
        next(generator)
    generator.close()
    assert current() is api.INVALID_SPAN


def test_a_generator_closed_in_another_thread_frees_the_thread_it_began_in(rows, caplog):
    generator = rows()
    next(generator)
    thread = threading.Thread(target=generator.close)
    thread.start()
    thread.join()
    assert (current(), caplog.records) == (api.INVALID_SPAN, [])


async def test_an_abandoned_async_generator_leaves_nothing_behind(async_rows, tracer, ended, caplog):
    with tracer.start_as_current_span("request") as request:
        async for _ in async_rows():
            break
        gc.collect()
        for _ in range(10):  # the event loop closes it in a task of its own
            await asyncio.sleep(0)
        assert current() is request
    assert (current(), names(ended), caplog.records) == (api.INVALID_SPAN, ["rows", "request"], [])


async def test_an_async_generator_closed_in_another_task_leaves_nothing_behind(async_rows, ended, caplog):
    generator = async_rows()
    await anext(generator)
    await asyncio.create_task(generator.aclose())
    assert (current(), names(ended), caplog.records) == (api.INVALID_SPAN, ["rows"], [])


async def test_a_span_entered_in_one_task_and_left_in_another_is_quiet(tracer, ended, caplog):
    block = tracer.start_as_current_span("work")
    await asyncio.create_task(asyncio.to_thread(block.__enter__))
    block.__exit__(None, None, None)
    assert (current(), names(ended), caplog.records) == (api.INVALID_SPAN, ["work"], [])


def test_a_context_that_was_attached_inside_and_forgotten_goes_with_the_span(tracer):
    with tracer.start_as_current_span("work"):
        context_api.attach(baggage.set_baggage("user", "7"))
    assert (current(), baggage.get_all()) == (api.INVALID_SPAN, {})


def test_a_foreign_span_attached_inside_and_forgotten_goes_with_the_span(tracer):
    foreign = api.NonRecordingSpan(api.SpanContext(1, 2, is_remote=True))
    with tracer.start_as_current_span("work"):
        context_api.attach(api.set_span_in_context(foreign))
    assert current() is api.INVALID_SPAN


async def test_a_task_keeps_the_span_it_was_started_in_after_that_has_ended(tracer, ended):
    gate = asyncio.Event()

    async def later():
        await gate.wait()
        with tracer.start_as_current_span("later"):
            pass

    with tracer.start_as_current_span("request") as request:
        task = asyncio.create_task(later())
    gate.set()
    await task
    assert (names(ended), ended[1].parent) == (["request", "later"], request.get_span_context())


async def test_concurrent_tasks_do_not_see_each_other(tracer):
    async def work(number):
        with tracer.start_as_current_span(str(number)) as span:
            for _ in range(3):
                await asyncio.sleep(0)
                assert current() is span

    await asyncio.gather(*(work(number) for number in range(10)))
    assert current() is api.INVALID_SPAN


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import threading, gevent
from concurrent.futures import ThreadPoolExecutor
from opentelemetry import trace as api
from traceo.instrumentation import Selection, install
from traceo.tracing import TracerProvider

ended = []
provider = TracerProvider(sink=ended.append, shutdown_on_exit=False)
tracer = provider.get_tracer("test")
installed = install(Selection.parse("threading"), tracer_provider=provider)

def work(name):
    with tracer.start_as_current_span(name) as span:
        for _ in range(3):
            gevent.sleep(0)
            assert api.get_current_span() is span, name
    return api.get_current_span()

alone = [gevent.spawn(work, f"greenlet {n}") for n in range(5)]
gevent.joinall(alone, raise_error=True)
assert all(job.value is api.INVALID_SPAN for job in alone)
assert all(span.parent is None for span in ended) and len(ended) == 5

with tracer.start_as_current_span("request") as request:
    thread = threading.Thread(target=work, args=("thread",))
    thread.start()
    thread.join()
    with ThreadPoolExecutor(2) as pool:
        assert pool.submit(work, "task").result() is request
assert [span.name for span in ended[5:]] == ["thread", "task", "request"]
assert all(span.parent == request.get_span_context() for span in ended[5:7])
assert api.get_current_span() is api.INVALID_SPAN
print("fine")
"""


def test_gevent_greenlets_threads_and_pools_have_the_right_span():
    pytest.importorskip("gevent")
    done = subprocess.run([sys.executable, "-c", GREENLETS], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("fine\n", 0), done.stderr
