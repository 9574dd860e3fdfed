"""A root that is dropped whatever its id gets its ids when somebody asks: then, and ever after, the same."""

import threading

import pytest

from traceo.tracing import TracerProvider, current_ids
from traceo.tracing.sampling import ALWAYS_OFF


@pytest.fixture
def tracer():
    return TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("t")


def test_its_context_its_children_and_its_log_lines_have_one_trace_id(tracer):
    with tracer.start_as_current_span("root") as root:
        ids = current_ids()
        child = tracer.start_span("child")
    context = root.get_span_context()
    assert context.is_valid
    assert ids == (context.trace_id, context.span_id, context.trace_flags)
    assert child.get_span_context().trace_id == context.trace_id
    assert root.get_span_context() is context


def test_a_child_that_comes_first_makes_its_parents_ids(tracer):
    with tracer.start_as_current_span("root") as root, tracer.start_as_current_span("child") as child:
        leaf = tracer.start_span("leaf").get_span_context()
    trace_ids = {span.get_span_context().trace_id for span in (root, child)}
    assert trace_ids == {leaf.trace_id}
    span_ids = {root.get_span_context().span_id, child.get_span_context().span_id, leaf.span_id}
    assert len(span_ids) == 3


def test_every_root_has_ids_of_its_own(tracer):
    contexts = [tracer.start_span("root").get_span_context() for _ in range(100)]
    assert len({context.trace_id for context in contexts}) == 100
    assert len({context.span_id for context in contexts}) == 100


def test_threads_that_ask_at_once_hear_the_same(tracer):
    for _ in range(50):
        root = tracer.start_span("root")
        heard = []
        gate = threading.Barrier(8)

        def ask(root=root, heard=heard, gate=gate):
            gate.wait()
            context = root.get_span_context()
            heard.append((context.trace_id, context.span_id))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(heard) == 8
        assert len(set(heard)) == 1
