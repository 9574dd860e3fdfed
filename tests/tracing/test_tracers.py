"""Starting spans, parents, sampling, what is current where."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import context as context_api
from opentelemetry import trace as api
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from traceo.tracing import DroppedSpan, TracerProvider, current_ids, use_span
from traceo.tracing.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    SamplingResult,
    StaticSampler,
    TraceIdRatioBased,
    sampler_from_environ,
)


@pytest.fixture
def ended():
    return []


def tracer_of(ended, **settings):
    return TracerProvider(sink=ended.append, shutdown_on_exit=False, **settings).get_tracer("test")


@pytest.fixture
def tracer(ended):
    return tracer_of(ended)


def parent_context(trace_id=5, span_id=6, flags=1, *, is_remote=True, state=None):
    context = SpanContext(trace_id, span_id, is_remote, TraceFlags(flags), TraceState(state))
    return api.set_span_in_context(NonRecordingSpan(context), context_api.Context())


# --- parents and identity


def test_the_current_span_is_the_parent(tracer, ended):
    with tracer.start_as_current_span("outer") as outer, tracer.start_as_current_span("inner") as inner:
        assert api.get_current_span() is inner
    assert api.get_current_span() is api.INVALID_SPAN
    assert [span.name for span in ended] == ["inner", "outer"]
    assert inner.parent == outer.get_span_context()
    assert (outer.parent, inner.context.trace_id) == (None, outer.context.trace_id)


def test_an_explicit_context_wins_over_the_current_span(tracer):
    with tracer.start_as_current_span("current"):
        span = tracer.start_span("work", parent_context(5, 6))
        root = tracer.start_span("root", context_api.Context())
    assert (span.context.trace_id, span.parent.span_id, span.parent.is_remote) == (5, 6, True)
    assert root.parent is None


@pytest.mark.parametrize("odd", [api.INVALID_SPAN, "no span", None])
def test_a_context_without_a_valid_span_starts_a_new_trace(tracer, odd):
    span = tracer.start_span("work", api.set_span_in_context(odd))
    assert (span.parent, span.context.is_valid) == (None, True)


def test_new_traces_are_random_and_children_keep_the_parents_flag(tracer):
    assert tracer.start_span("root").context.trace_flags == 3
    assert tracer.start_span("child", parent_context(flags=1)).context.trace_flags == 1
    assert tracer.start_span("child", parent_context(flags=3)).context.trace_flags == 3


def test_the_trace_state_of_the_parent_is_carried_on(tracer):
    span = tracer.start_span("work", parent_context(state=[("k", "v")]))
    with use_span(span):
        child = tracer.start_span("child")
    assert (dict(span.context.trace_state), dict(child.context.trace_state)) == ({"k": "v"}, {"k": "v"})


def test_the_identity_is_one_immutable_span_context(tracer):
    span = tracer.start_span("work")
    context = span.get_span_context()
    assert type(context) is SpanContext
    assert span.get_span_context() is context is span.context
    assert context.is_valid
    assert not context.is_remote


def test_current_ids_are_those_of_the_current_span(tracer):
    assert current_ids() == (0, 0, 0)
    with tracer.start_as_current_span("work") as span:
        assert current_ids() == (span.context.trace_id, span.context.span_id, 3)
    with use_span(NonRecordingSpan(SpanContext(5, 6, is_remote=True, trace_flags=TraceFlags(1)))):
        assert current_ids() == (5, 6, 1)


def test_seeding_the_global_random_generator_does_not_repeat_ids(tracer):
    import random

    def ids():
        random.seed(7)
        context = tracer.start_span("work").context
        return context.trace_id, context.span_id

    assert ids() != ids()


def test_a_custom_id_generator_is_asked(ended):
    class Counting:
        n = 0

        def generate_span_id(self):
            self.n += 1
            return self.n

        def generate_trace_id(self):
            return 99

    context = tracer_of(ended, id_generator=Counting()).start_span("work").context
    assert (context.trace_id, context.span_id, context.trace_flags) == (99, 1, 1)


# --- sampling


def test_a_dropped_span_has_an_identity_and_records_nothing(ended):
    tracer = tracer_of(ended, sampler=ALWAYS_OFF)
    with tracer.start_as_current_span("work", attributes={"a": 1}) as span:
        span.set_attribute("a", 1)
        span.add_event("e")
        child = tracer.start_span("child")
    assert isinstance(span, NonRecordingSpan)
    assert type(span) is DroppedSpan
    assert (span.is_recording(), span.get_span_context().is_valid, ended) == (False, True, [])
    assert span.get_span_context().trace_flags == 2
    assert child.get_span_context().trace_id == span.get_span_context().trace_id


def test_an_exception_through_a_dropped_span_passes(ended):
    with pytest.raises(ValueError), tracer_of(ended, sampler=ALWAYS_OFF).start_as_current_span("work"):
        raise ValueError


def test_recorded_but_not_sampled_spans_reach_processors_and_not_the_sink(ended):
    class Keeping:
        spans: list

        def on_start(self, span, parent_context=None):
            pass

        def on_end(self, span):
            self.spans.append(span.name)

    keeping = Keeping()
    keeping.spans = []
    provider = TracerProvider(
        sink=ended.append, sampler=StaticSampler(Decision.RECORD_ONLY), shutdown_on_exit=False
    )
    provider.add_span_processor(keeping)
    with provider.get_tracer("t").start_as_current_span("work") as span:
        assert span.is_recording()
    assert (span.context.trace_flags.sampled, ended, keeping.spans) == (False, [], ["work"])


@pytest.mark.parametrize(
    ("flags", "is_remote", "kept"), [(1, True, False), (0, True, True), (1, False, True), (0, False, False)]
)
def test_each_kind_of_parent_has_its_sampler(ended, flags, is_remote, kept):
    sampler = ParentBased(
        ALWAYS_OFF,
        remote_parent_sampled=ALWAYS_OFF,
        remote_parent_not_sampled=ALWAYS_ON,
        local_parent_sampled=ALWAYS_ON,
        local_parent_not_sampled=ALWAYS_OFF,
    )
    context = parent_context(flags=flags, is_remote=is_remote)
    assert tracer_of(ended, sampler=sampler).start_span("work", context).is_recording() is kept
    assert sampler.should_sample(context, 5, "work").decision.is_sampled() is kept
    assert not tracer_of(ended, sampler=sampler).start_span("root").is_recording()


@given(st.floats(0, 1), st.integers(1, 2**128 - 1))
def test_the_ratio_sampler_decides_like_the_opentelemetry_sdks(rate, trace_id):
    from opentelemetry.sdk.trace import sampling as sdk

    ours, theirs = TraceIdRatioBased(rate), sdk.TraceIdRatioBased(rate)
    decided = ours.should_sample(None, trace_id, "x").decision.is_sampled()
    assert decided is theirs.should_sample(None, trace_id, "x").decision.is_sampled()
    assert ours.get_description() == theirs.get_description()

    class Fixed:
        def generate_span_id(self):
            return 1

        def generate_trace_id(self):
            return trace_id

    for sampler in (ours, theirs):
        assert tracer_of([], sampler=sampler, id_generator=Fixed()).start_span("x").is_recording() is decided


def test_a_samplers_attributes_and_trace_state_are_the_spans(ended):
    class Marking:
        def should_sample(
            self, parent_context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None
        ):
            return SamplingResult(
                Decision.RECORD_AND_SAMPLE, {**(attributes or {}), "by": name}, TraceState([("s", "1")])
            )

        def get_description(self):
            return "marking"

    span = tracer_of(ended, sampler=Marking()).start_span("work", attributes={"a": 1})
    assert (dict(span.attributes), dict(span.context.trace_state)) == ({"a": 1, "by": "work"}, {"s": "1"})


@pytest.mark.parametrize(
    ("name", "argument", "description"),
    [
        ("always_on", "", "AlwaysOnSampler"),
        ("always_off", "", "AlwaysOffSampler"),
        ("traceidratio", "0.25", "TraceIdRatioBased{0.25}"),
        ("traceidratio", "1.5", "TraceIdRatioBased{1.0}"),
        (
            "parentbased_traceidratio",
            "x",
            "ParentBased{root:TraceIdRatioBased{1.0},remoteParentSampled:AlwaysOnSampler,remoteParentNotSampled:AlwaysOffSampler,localParentSampled:AlwaysOnSampler,localParentNotSampled:AlwaysOffSampler}",
        ),
        (
            "parentbased_always_off",
            "",
            "ParentBased{root:AlwaysOffSampler,remoteParentSampled:AlwaysOnSampler,remoteParentNotSampled:AlwaysOffSampler,localParentSampled:AlwaysOnSampler,localParentNotSampled:AlwaysOffSampler}",
        ),
        (
            "unheard_of",
            "",
            "ParentBased{root:AlwaysOnSampler,remoteParentSampled:AlwaysOnSampler,remoteParentNotSampled:AlwaysOffSampler,localParentSampled:AlwaysOnSampler,localParentNotSampled:AlwaysOffSampler}",
        ),
    ],
)
def test_the_sampler_is_named_by_variables(name, argument, description):
    environ = {"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": argument}
    assert sampler_from_environ(environ).get_description() == description


# --- current spans


def test_the_span_starts_when_the_block_is_entered(tracer):
    active = tracer.start_as_current_span("work")
    assert current_ids() == (0, 0, 0)
    with active as span:
        assert span.is_recording()


def test_an_exception_is_recorded_once_and_marks_the_span(tracer):
    with pytest.raises(ValueError), tracer.start_as_current_span("work") as span:
        raise ValueError("no")
    assert [e.attributes["exception.escaped"] for e in span.events] == ["False"]
    assert span.status.description == "ValueError: no"


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
def test_an_interruption_is_no_failure_of_the_operation(tracer, error):
    with pytest.raises(error), tracer.start_as_current_span("work") as span:
        raise error
    assert (span.events, span.status.is_unset, span.is_recording()) == ((), True, False)


def test_end_on_exit_false_leaves_the_span_open(tracer, ended):
    with tracer.start_as_current_span("work", end_on_exit=False) as span:
        pass
    assert (span.is_recording(), ended, current_ids()) == (True, [], (0, 0, 0))


@pytest.mark.parametrize("use", [use_span, api.use_span])
def test_a_started_span_can_be_made_current(tracer, use):
    span = tracer.start_span("work")
    with pytest.raises(ValueError), use(span, end_on_exit=True):
        assert api.get_current_span() is span
        raise ValueError("no")
    assert (span.is_recording(), span.status.description) == (False, "ValueError: no")


def test_a_decorated_function_runs_in_a_span_of_its_own_each_time(tracer, ended):
    @tracer.start_as_current_span("work")
    def add(a, b=1):
        """Adds."""
        return a + b, current_ids()[1]

    (first, one), (second, two) = add(1), add(1, b=2)
    assert (first, second, add.__name__, add.__doc__) == (2, 3, "add", "Adds.")
    assert [span.context.span_id for span in ended] == [one, two]


async def test_a_decorated_coroutine_function_is_measured_to_its_end(tracer, ended):
    @tracer.start_as_current_span("work")
    async def work():
        await asyncio.sleep(0)
        assert ended == []
        return current_ids()[1]

    assert asyncio.iscoroutinefunction(work)
    assert await work() == ended[0].context.span_id


def test_a_decorated_generator_is_current_only_while_it_runs(tracer, ended):
    @tracer.start_as_current_span("work")
    def numbers():
        got = yield current_ids()[1]
        yield got, current_ids()[1]
        return "done"

    steps = numbers()
    first = next(steps)
    assert (first != 0, current_ids()) == (True, (0, 0, 0))
    assert steps.send("hello") == ("hello", first)
    with pytest.raises(StopIteration, match="done"):
        next(steps)
    assert [span.context.span_id for span in ended] == [first]


def test_an_abandoned_decorated_generator_leaves_nothing_behind(tracer, ended):
    cleaned = []

    @tracer.start_as_current_span("work")
    def numbers():
        try:
            yield 1
        finally:
            cleaned.append(current_ids()[1])

    steps = numbers()
    next(steps)
    steps.close()
    assert cleaned == [ended[0].context.span_id]
    assert (current_ids(), ended[0].events) == ((0, 0, 0), ())


def test_an_exception_thrown_into_a_decorated_generator_is_recorded(tracer, ended):
    @tracer.start_as_current_span("work")
    def numbers():
        try:
            yield 1
        except KeyError:
            yield 2

    steps = numbers()
    assert (next(steps), steps.throw(KeyError("k"))) == (1, 2)
    with pytest.raises(ValueError):
        steps.throw(ValueError("no"))
    assert ended[0].status.description == "ValueError: no"


async def test_a_decorated_async_generator_is_current_only_while_it_runs(tracer, ended):
    @tracer.start_as_current_span("work")
    async def numbers():
        yield current_ids()[1]
        await asyncio.sleep(0)
        yield current_ids()[1]

    seen = []
    async for number in numbers():
        assert current_ids() == (0, 0, 0)
        seen.append(number)
    assert seen == [ended[0].context.span_id] * 2


async def test_tasks_have_their_own_current_span(tracer):
    async def work(name):
        with tracer.start_as_current_span(name) as span:
            await asyncio.sleep(0)
            assert api.get_current_span() is span
            return span.parent.span_id

    with tracer.start_as_current_span("outer") as outer:
        assert await asyncio.gather(work("a"), work("b")) == [outer.context.span_id] * 2
        assert api.get_current_span() is outer


async def test_to_thread_carries_the_current_span(tracer):
    with tracer.start_as_current_span("outer") as outer:
        assert await asyncio.to_thread(current_ids) == (outer.context.trace_id, outer.context.span_id, 3)


def test_a_new_thread_starts_without_a_span(tracer):
    seen = []
    with tracer.start_as_current_span("outer"):
        thread = threading.Thread(target=lambda: seen.append(current_ids()))
        thread.start()
        thread.join()
    assert seen == [(0, 0, 0)]


async def test_leaving_in_another_context_is_quiet(tracer, ended, caplog):
    async def numbers():
        with tracer.start_as_current_span("work"):
            yield 1
            yield 2

    steps = numbers()
    await asyncio.create_task(anext(steps))
    await asyncio.create_task(steps.aclose())
    assert ([span.name for span in ended], caplog.records) == (["work"], [])


def test_baggage_set_inside_a_span_is_kept_beside_it(tracer):
    with tracer.start_as_current_span("outer"):
        token = context_api.attach(context_api.set_value("k", "v"))
        with tracer.start_as_current_span("inner") as inner:
            assert (context_api.get_value("k"), api.get_current_span()) == ("v", inner)
        context_api.detach(token)
    assert context_api.get_current() == {}


def test_gevent_greenlets_have_their_own_current_span():
    import subprocess
    import sys

    code = """
from gevent import monkey; monkey.patch_all()
import gevent
from traceo.tracing import TracerProvider, current_ids
tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
def work():
    with tracer.start_as_current_span("work") as span:
        gevent.sleep(0)
        assert current_ids()[1] == span.context.span_id
gevent.joinall([gevent.spawn(work) for _ in range(3)], raise_error=True)
assert current_ids() == (0, 0, 0)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
