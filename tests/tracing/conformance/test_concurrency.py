"""Concurrency: provider, tracer, span, sampler and processor may be used by many threads at once."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import trace as api

THREADS, EACH = 8, 200


@pytest.fixture(autouse=True)
def switch_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(work):
    barrier = threading.Barrier(THREADS)

    def run(number):
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_a_provider_gives_every_thread_the_same_tracer(provider):
    tracers = together(lambda _: [provider.get_tracer(f"lib{number}") for number in range(50)])
    assert all(found == tracers[0] for found in tracers)


def test_a_tracer_loses_and_mixes_nothing(tracer, ended):
    def work(number):
        for turn in range(EACH):
            with (
                tracer.start_as_current_span(f"{number}") as outer,
                tracer.start_as_current_span(f"{number}.{turn}") as inner,
            ):
                assert api.get_current_span() is inner
                assert inner.parent == outer.get_span_context()

    together(work)
    assert len(ended) == THREADS * EACH * 2
    assert len({span.context.span_id for span in ended}) == len(ended)


def test_a_span_takes_events_links_and_attributes_from_many_threads(tracer):
    span = tracer.start_span("shared")

    def work(number):
        for turn in range(10):
            span.add_event(f"{number}.{turn}")
            span.set_attribute(f"{number}.{turn}", turn)
            span.add_link(api.SpanContext(number + 1, turn + 1, is_remote=False))

    together(work)
    assert (len(span.events), len(span.attributes), len(span.links)) == (80, 80, 80)


def test_a_span_ended_by_many_threads_ends_once_each_in_the_sink_at_most(tracer, ended, caplog):
    for _ in range(50):
        span = tracer.start_span("shared")
        together(lambda _, span=span: span.end())
    assert len(ended) == 50


def test_processors_may_be_added_while_spans_end(provider, tracer, recorder):
    processors = [recorder() for _ in range(20)]

    def work(number):
        if number == 0:
            for processor in processors:
                provider.add_span_processor(processor)
        for _ in range(EACH):
            tracer.start_span("s").end()

    together(work)
    tracer.start_span("last").end()
    assert all(
        [call[0] for call in processor.calls[-3:]] == ["start", "ending", "end"] for processor in processors
    )


def test_shutdown_by_many_threads_happens_once(provider, recorder):
    processor = recorder()
    provider.add_span_processor(processor)
    together(lambda _: provider.shutdown())
    assert processor.calls == [("shutdown",)]
