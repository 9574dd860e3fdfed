"""Threads and pools run in the context of whoever asked for them, and get no span of their own."""

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import baggage
from opentelemetry import context as context_api
from opentelemetry import trace as api


@pytest.fixture
def tracer(spans):
    return spans.provider.get_tracer("test")


@pytest.fixture
def hooked(hook):
    return hook("threading")


def current():
    return api.get_current_span()


def in_thread(function, make=threading.Thread):
    found = []
    thread = make(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_a_thread_has_the_span_that_was_current_at_its_start(tracer, hooked):
    with tracer.start_as_current_span("request") as request:
        assert in_thread(current) is request
    assert in_thread(current) is api.INVALID_SPAN


def test_the_whole_context_is_carried(hooked):
    token = context_api.attach(baggage.set_baggage("user", "7"))
    try:
        assert in_thread(baggage.get_all) == {"user": "7"}
    finally:
        context_api.detach(token)


def test_a_subclass_with_a_run_of_its_own_and_a_timer_are_covered(tracer, hooked):
    found = []

    class Worker(threading.Thread):
        def run(self):
            found.append(current())

    with tracer.start_as_current_span("request") as request:
        for thread in (Worker(), threading.Timer(0, lambda: found.append(current()))):
            thread.start()
            thread.join()
    assert found == [request, request]


def test_an_exception_in_a_thread_goes_where_it_went_before(tracer, hooked, monkeypatch):
    seen = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_value))
    with tracer.start_as_current_span("request"):
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
    assert [type(error) for error in seen] == [ZeroDivisionError]


def test_a_thread_that_cannot_be_started_is_as_it_was(tracer, hooked):
    thread = threading.Thread(target=current)
    with tracer.start_as_current_span("request"):
        thread.start()
        thread.join()
        with pytest.raises(RuntimeError, match="threads can only be started once"):
            thread.start()
    assert "run" not in vars(thread)


def test_a_finished_thread_holds_on_to_nothing(tracer, hooked):
    class Thing:
        pass

    thing = Thing()
    known = weakref.ref(thing)
    with tracer.start_as_current_span("request"):
        thread = threading.Thread(target=lambda held: held, args=(thing,))
        thread.start()
        thread.join()
    del thing
    gc.collect()
    assert known() is None


def test_a_thread_of_ours_does_not_belong_to_the_request_that_started_it(tracer, hooked):
    found = []
    with tracer.start_as_current_span("request"):
        thread = threading.Thread(target=lambda: found.append(current()), name="traceo-pipeline")
        thread.start()
        thread.join()
    assert found == [api.INVALID_SPAN]


def test_tasks_of_a_pool_have_the_span_of_whoever_submitted_them(tracer, hooked):
    with ThreadPoolExecutor(1) as pool:
        with tracer.start_as_current_span("first") as first:
            assert pool.submit(current).result() is first
            assert list(pool.map(lambda number: (number, current()), [1, 2])) == [(1, first), (2, first)]
        with tracer.start_as_current_span("second") as second:
            assert pool.submit(current).result() is second
        assert pool.submit(current).result() is api.INVALID_SPAN, "the worker was started inside a span"


def test_arguments_results_and_errors_of_tasks_pass_through(tracer, hooked):
    with tracer.start_as_current_span("request"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(divmod, 7, 2).result() == (3, 1)
        assert pool.submit(int, "z", base=36).result() == 35
        with pytest.raises(ZeroDivisionError):
            pool.submit(lambda: 1 / 0).result()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        pool.submit(current)


async def test_event_loops_carry_the_span_into_their_pool(tracer, hooked):
    loop = asyncio.get_running_loop()
    with tracer.start_as_current_span("request") as request:
        assert await loop.run_in_executor(None, current) is request
        assert await asyncio.to_thread(current) is request
    assert await loop.run_in_executor(None, current) is api.INVALID_SPAN


def test_spans_in_a_thread_are_children_of_the_span_outside(tracer, spans, hooked):
    def work():
        with tracer.start_as_current_span("work"):
            pass

    with tracer.start_as_current_span("request"):
        in_thread(work)
    assert spans.named("work").parent_span_id == spans.named("request").span_id


def test_uninstalling_gives_the_original_methods_back(tracer, hook):
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    installed = hook("threading")
    assert set(installed.names) == {"threading", "executors"}
    assert (threading.Thread.start, ThreadPoolExecutor.submit) != (start, submit)
    installed.uninstall()
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == (start, submit)
    with tracer.start_as_current_span("request"):
        assert in_thread(current) is api.INVALID_SPAN
