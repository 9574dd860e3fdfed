"""Id generators: random by default, replaceable, and the flag that says so."""

import multiprocessing

import pytest
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator as SdkRandomIdGenerator

from traceo.tracing.ids import RandomIdGenerator


class Counting:
    def __init__(self):
        self.traces = self.spans = 0

    def generate_trace_id(self):
        self.traces += 1
        return self.traces

    def generate_span_id(self):
        self.spans += 1
        return self.spans


@pytest.mark.parametrize("generator", [None, SdkRandomIdGenerator()])
def test_ids_are_random_and_of_full_width(make_provider, generator):
    tracer = make_provider(id_generator=generator).get_tracer("t")
    contexts = [tracer.start_span("s").context for _ in range(200)]
    assert (
        len({context.trace_id for context in contexts})
        == len({context.span_id for context in contexts})
        == 200
    )
    for bit in range(128):
        assert 40 < sum(context.trace_id >> bit & 1 for context in contexts) < 160
    for bit in range(64):
        assert 40 < sum(context.span_id >> bit & 1 for context in contexts) < 160


def test_an_id_is_never_zero():
    generator = RandomIdGenerator()
    assert all(generator.generate_span_id() and generator.generate_trace_id() for _ in range(1000))


def test_an_application_may_bring_its_own_generator(make_provider):
    generator = Counting()
    provider = make_provider(id_generator=generator)
    with provider.get_tracer("t").start_as_current_span("root") as root:
        child = provider.get_tracer("t").start_span("child")
    assert provider.id_generator is generator
    assert (root.context.trace_id, root.context.span_id, child.context.span_id) == (1, 1, 2)
    assert (generator.traces, generator.spans) == (1, 2)


def test_the_random_flag_is_set_for_random_ids_alone_and_inherited(make_provider, remote):
    assert make_provider().get_tracer("t").start_span("s").context.trace_flags == 3
    assert make_provider(id_generator=Counting()).get_tracer("t").start_span("s").context.trace_flags == 1
    assert make_provider().get_tracer("t").start_span("s", remote()).context.trace_flags == 1


def _ids(queue):
    generator = RandomIdGenerator()
    queue.put([generator.generate_trace_id() for _ in range(3)])


def test_forked_children_do_not_repeat_each_others_ids():
    fork = multiprocessing.get_context("fork")
    queue = fork.SimpleQueue()
    children = [fork.Process(target=_ids, args=(queue,)) for _ in range(2)]
    for child in children:
        child.start()
    found = [*queue.get(), *queue.get()]
    for child in children:
        child.join()
    assert len(set(found)) == 6
