"""asyncio carries the context by itself: there is nothing to hook but what leaves the event loop's thread."""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import trace

NO_SPAN = 0


def current() -> int:
    return trace.get_current_span().get_span_context().span_id


async def later() -> int:
    await asyncio.sleep(0)
    return current()


@pytest.fixture
def inside(spans):
    """``inside(coroutine)`` runs it within a span: that span's id, and what it returned."""

    def run(make):
        async def main():
            with spans.provider.get_tracer("app").start_as_current_span("request") as span:
                return span.get_span_context().span_id, await make()

        return asyncio.run(main(), debug=False)

    return run


async def created() -> list[int]:
    return [await asyncio.create_task(later()), await asyncio.ensure_future(later())]


async def gathered() -> list[int]:
    return await asyncio.gather(later(), later())


async def grouped() -> list[int]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(later()), group.create_task(later())]
    return [task.result() for task in tasks]


async def waited_for() -> list[int]:
    return [await asyncio.wait_for(later(), 5), await asyncio.shield(later())]


async def called() -> list[int]:
    loop = asyncio.get_running_loop()
    soon, at_last, from_elsewhere = loop.create_future(), loop.create_future(), loop.create_future()
    loop.call_soon(lambda: soon.set_result(current()))
    loop.call_later(0, lambda: at_last.set_result(current()))
    loop.call_soon_threadsafe(lambda: from_elsewhere.set_result(current()))
    return [await soon, await at_last, await from_elsewhere]


async def in_a_thread() -> list[int]:
    return [await asyncio.to_thread(current)]


async def done_callback() -> list[int]:
    found = asyncio.get_running_loop().create_future()
    asyncio.create_task(asyncio.sleep(0)).add_done_callback(lambda _: found.set_result(current()))
    return [await found]


WAYS = [created, gathered, grouped, waited_for, called, in_a_thread, done_callback]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_is_started_inside_a_span_belongs_to_it_without_a_hook(inside, way):
    span_id, found = inside(way)
    assert set(found) == {span_id}


def test_an_executor_is_carried_into_by_the_hook_of_executors(inside, hook):
    hook("executors,threading")

    async def in_executors():
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as pool:
            return [
                await loop.run_in_executor(None, current),
                await loop.run_in_executor(pool, current),
                *pool.map(lambda _: current(), range(2)),
            ]

    span_id, found = inside(in_executors)
    assert set(found) == {span_id}


def test_tasks_beside_each_other_do_not_see_each_others_spans(spans):
    tracer = spans.provider.get_tracer("app")

    async def request(number):
        with tracer.start_as_current_span(f"request {number}") as span:
            for _ in range(5):
                await asyncio.sleep(0)
                assert trace.get_current_span() is span
            await asyncio.create_task(work(number))

    async def work(number):
        with tracer.start_as_current_span(f"work {number}"):
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*map(request, range(20)))
        return current()

    assert asyncio.run(main()) == NO_SPAN
    found = {span.name: span for span in spans.wait(40)}
    for number in range(20):
        parent, child = found[f"request {number}"], found[f"work {number}"]
        assert (child.trace_id, child.parent_span_id) == (parent.trace_id, parent.span_id)
        assert parent.parent_span_id == 0


def test_a_task_that_outlives_its_span_still_belongs_to_its_trace(spans):
    tracer = spans.provider.get_tracer("app")

    async def background(go_on):
        await go_on.wait()
        with tracer.start_as_current_span("background"):
            pass

    async def main():
        go_on = asyncio.Event()
        with tracer.start_as_current_span("request"):
            task = asyncio.create_task(background(go_on))
        go_on.set()
        await task

    asyncio.run(main())
    request, later_one = spans.named("request"), spans.named("background")
    assert (later_one.trace_id, later_one.parent_span_id) == (request.trace_id, request.span_id)
    assert later_one.start_ns >= request.end_ns


def test_cancelling_leaves_nothing_behind_in_the_task_that_cancels(spans):
    tracer = spans.provider.get_tracer("app")

    async def endless():
        with tracer.start_as_current_span("endless"):
            await asyncio.Event().wait()

    async def main():
        with tracer.start_as_current_span("request") as span:
            task = asyncio.create_task(endless())
            await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert trace.get_current_span() is span
        return current()

    assert asyncio.run(main()) == NO_SPAN
    assert spans.named("endless").parent_span_id == spans.named("request").span_id


def test_an_asynchronous_generator_is_in_the_context_of_whoever_asks_it(spans):
    tracer = spans.provider.get_tracer("app")

    async def numbers():
        for _ in range(2):
            with tracer.start_as_current_span("step"):
                await asyncio.sleep(0)
            yield current()

    async def main():
        found = []
        with tracer.start_as_current_span("request") as span:
            async for seen in numbers():
                found.append(seen)  # noqa: PERF401
        return span.get_span_context().span_id, found, current()

    span_id, found, after = asyncio.run(main())
    assert (found, after) == ([span_id, span_id], NO_SPAN)
    assert {span.parent_span_id for span in spans.all() if span.name == "step"} == {span_id}


def test_the_default_context_of_a_new_loop_is_not_that_of_the_last(inside):
    inside(created)
    assert asyncio.run(later()) == NO_SPAN
