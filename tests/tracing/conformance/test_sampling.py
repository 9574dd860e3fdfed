"""Sampling: what a decision means, the interface, built-in samplers, parent-based, by variables, consistent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.sdk.trace import _sampling_experimental as sdk_consistent
from opentelemetry.sdk.trace import sampling as sdk
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from traceo.tracing import DroppedSpan, TracerProvider
from traceo.tracing.consistent import ConsistentRatio, probability_of
from traceo.tracing.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    ParentBasedTraceIdRatio,
    SamplingResult,
    StaticSampler,
    TraceIdRatioBased,
    sampler_from_environ,
)

RECORD_ONLY = StaticSampler(Decision.RECORD_ONLY)


class Fixed:
    """An application's own sampler."""

    def __init__(self, decision, attributes=None, state=None):
        self.result = SamplingResult(decision, attributes, state)
        self.asked = []

    def should_sample(self, *arguments, **more):
        self.asked.append((arguments, more))
        return self.result

    def get_description(self):
        return "Fixed"


# --- recording and sampled


@pytest.mark.parametrize(
    ("decision", "is_recording", "is_sampled", "processed", "exported"),
    [
        (Decision.DROP, False, False, 0, 0),
        (Decision.RECORD_ONLY, True, False, 1, 0),
        (Decision.RECORD_AND_SAMPLE, True, True, 1, 1),
    ],
)
@pytest.mark.parametrize("own", [True, False])
def test_a_decision_says_who_sees_the_span(
    make_provider, recorder, ended, decision, is_recording, is_sampled, processed, exported, own
):
    provider = make_provider(sampler=StaticSampler(decision) if own else Fixed(decision))
    processor = recorder()
    provider.add_span_processor(processor)
    span = provider.get_tracer("t").start_span("s")
    span.end()
    assert (decision.is_recording(), decision.is_sampled()) == (is_recording, is_sampled)
    assert span.get_span_context().trace_flags.sampled is is_sampled
    assert [call[0] for call in processor.calls].count("end") == processed
    assert len(ended) == exported


def test_a_span_that_is_not_recorded_is_still_handed_on(make_provider):
    tracer = make_provider(sampler=ALWAYS_OFF).get_tracer("t")
    with tracer.start_as_current_span("s") as span:
        child = tracer.start_span("c")
    assert type(span) is DroppedSpan
    assert span.get_span_context().is_valid
    assert child.get_span_context().trace_id == span.get_span_context().trace_id
    assert child.get_span_context().span_id != span.get_span_context().span_id


# --- the sampler interface


def test_a_sampler_is_asked_with_everything_known_and_its_result_is_the_spans(make_provider, remote):
    state = TraceState([("a", "1")])
    sampler = Fixed(Decision.RECORD_AND_SAMPLE, {"by": "sampler"}, state)
    context = remote()
    span = make_provider(sampler=sampler).get_tracer("t").start_span("s", context, attributes={"mine": 1})
    ((arguments, _),) = sampler.asked
    assert arguments[:3] == (context, 0x5, "s")
    assert (dict(span.attributes), span.context.trace_state) == ({"by": "sampler"}, state)


def test_a_result_is_immutable():
    result = SamplingResult(Decision.RECORD_ONLY, {"a": 1})
    with pytest.raises(TypeError):
        result.attributes["b"] = 2


def test_samplers_describe_themselves_like_the_sdks():
    for ours, theirs in (
        (ALWAYS_ON, sdk.ALWAYS_ON),
        (ALWAYS_OFF, sdk.ALWAYS_OFF),
        (TraceIdRatioBased(0.25), sdk.TraceIdRatioBased(0.25)),
        (ParentBasedTraceIdRatio(0.25), sdk.ParentBasedTraceIdRatio(0.25)),
    ):
        assert ours.get_description() == theirs.get_description()


# --- parent-based


@pytest.mark.parametrize("at", range(5))
def test_each_kind_of_parent_has_its_sampler(make_provider, remote, at):
    samplers = [ALWAYS_OFF] * 5
    samplers[at] = ALWAYS_ON
    tracer = make_provider(sampler=ParentBased(*samplers)).get_tracer("t")
    contexts = [
        Context(),
        remote(sampled=True),
        remote(sampled=False),
        remote(sampled=True, is_remote=False),
        remote(sampled=False, is_remote=False),
    ]
    sampled = [tracer.start_span("s", context).get_span_context().trace_flags.sampled for context in contexts]
    assert sampled == [number == at for number in range(5)]


def test_by_default_parents_decide(make_provider, remote):
    tracer = make_provider(sampler=ParentBased(ALWAYS_ON)).get_tracer("t")
    assert tracer.start_span("s", remote(sampled=True)).is_recording()
    assert not tracer.start_span("s", remote(sampled=False)).is_recording()
    assert tracer.start_span("s", Context()).is_recording()


# --- ratio


@pytest.mark.parametrize("rate", [-0.1, 1.1])
@pytest.mark.parametrize("kind", [TraceIdRatioBased, ConsistentRatio])
def test_a_ratio_outside_of_0_and_1_is_an_error(kind, rate):
    with pytest.raises(ValueError):
        kind(rate)


@pytest.mark.parametrize("kind", [TraceIdRatioBased, ConsistentRatio])
@given(trace_id=st.integers(1, 2**128 - 1), low=st.floats(0, 1), high=st.floats(0, 1))
def test_what_a_low_ratio_keeps_a_higher_one_keeps_too(kind, trace_id, low, high):
    low, high = sorted((low, high))
    kept = [
        kind(rate).should_sample(None, trace_id, "s").decision is Decision.RECORD_AND_SAMPLE
        for rate in (low, high)
    ]
    assert kept in ([False, False], [False, True], [True, True])


@pytest.mark.parametrize("kind", [TraceIdRatioBased, ConsistentRatio])
def test_all_and_nothing(kind):
    for trace_id in (1, 2**56 - 1, 2**56, 2**64 - 1, 2**128 - 1):
        assert kind(1.0).should_sample(None, trace_id, "s").decision is Decision.RECORD_AND_SAMPLE
        assert kind(0.0).should_sample(None, trace_id, "s").decision is Decision.DROP


@pytest.mark.parametrize(
    "sampler", [ParentBasedTraceIdRatio, lambda rate: ParentBased(ConsistentRatio(rate))]
)
def test_about_the_asked_share_is_kept(make_provider, sampler):
    tracer = make_provider(sampler=sampler(0.25)).get_tracer("t")
    kept = sum(tracer.start_span("s").is_recording() for _ in range(8000))
    assert 1750 < kept < 2250  # seven standard deviations


# --- OTEL_TRACES_SAMPLER


@pytest.mark.parametrize(
    ("name", "argument", "description"),
    [
        ("always_on", "", "AlwaysOnSampler"),
        ("always_off", "", "AlwaysOffSampler"),
        ("traceidratio", "0.5", "TraceIdRatioBased{0.5}"),
        ("parentbased_always_on", "", "ParentBased{root:AlwaysOnSampler,"),
        ("parentbased_always_off", "", "ParentBased{root:AlwaysOffSampler,"),
        ("parentbased_traceidratio", "0.5", "ParentBased{root:TraceIdRatioBased{0.5},"),
        ("ParentBased_TraceIdRatio ", " 0.5", "ParentBased{root:TraceIdRatioBased{0.5},"),
        ("traceidratio", "", "TraceIdRatioBased{1.0}"),
        ("traceidratio", "7", "TraceIdRatioBased{1.0}"),
        ("unheard_of", "", "ParentBased{root:AlwaysOnSampler,"),
    ],
)
def test_the_sampler_is_named_by_a_variable(name, argument, description):
    environ = {"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": argument}
    assert sampler_from_environ(environ).get_description().startswith(description)


def test_without_the_variable_it_is_parent_based_always_on(monkeypatch):
    monkeypatch.delenv("OTEL_TRACES_SAMPLER", raising=False)
    assert (
        TracerProvider(shutdown_on_exit=False)
        .sampler.get_description()
        .startswith("ParentBased{root:AlwaysOnSampler,")
    )


# --- consistent probability sampling (trace state ot=th:…)


def test_a_kept_root_says_its_threshold_and_its_probability(make_provider, ended):
    tracer = make_provider(sampler=ParentBased(ConsistentRatio(0.25))).get_tracer("t")
    while not ended:
        with tracer.start_as_current_span("root", attributes={"a": 1}), tracer.start_as_current_span("child"):
            pass
    child, root = ended
    assert (dict(root.context.trace_state), dict(root.attributes)) == (
        {"ot": "th:c"},
        {"a": 1, "traceo.sampling.probability": 0.25},
    )
    assert (dict(child.context.trace_state), dict(child.attributes)) == ({"ot": "th:c"}, {})
    assert (root.context.trace_id & (2**56 - 1)) >= 0xC << 52


def test_a_root_that_is_not_kept_promises_nothing(make_provider):
    span = make_provider(sampler=ParentBased(ConsistentRatio(0.0))).get_tracer("t").start_span("s")
    assert (span.is_recording(), span.get_span_context().trace_state) == (False, TraceState())


def test_a_parents_threshold_travels_on(make_provider, remote):
    tracer = make_provider(sampler=ParentBased(ConsistentRatio(0.5))).get_tracer("t")
    span = tracer.start_span("s", remote(state=[("ot", "th:fd70a"), ("v", "1")]))
    assert dict(span.context.trace_state) == {"ot": "th:fd70a", "v": "1"}
    assert dict(span.attributes) == {}


def test_ids_that_are_not_random_promise_no_threshold(make_provider, ended):
    class Counting:
        def generate_trace_id(self):
            return 2**56 - 1

        def generate_span_id(self):
            return 1

    tracer = make_provider(sampler=ParentBased(ConsistentRatio(0.25)), id_generator=Counting()).get_tracer(
        "t"
    )
    tracer.start_span("s").end()
    assert (ended[0].context.trace_state, dict(ended[0].attributes)) == (TraceState(), {})


@given(
    trace_id=st.integers(1, 2**128 - 1),
    rate=st.sampled_from([0.0, 1.0, 0.5, 0.25, 0.1, 0.01, 0.001, 1e-6]),
    state=st.sampled_from(
        [
            "",
            "th:0",
            "th:8",
            "rv:80000000000000",
            "th:c;rv:01234567890abc",
            "rv:ffffffffffffff;x:y",
            "rv:7",
            "x:y",
        ]
    ),
)
def test_the_decision_and_the_trace_state_are_those_of_the_sdks_sampler(trace_id, rate, state):
    ours = ConsistentRatio(rate)
    theirs = sdk_consistent.composite_sampler(sdk_consistent.composable_traceid_ratio_based(rate))
    given_state = TraceState([("ot", state)]) if state else TraceState()
    parent = SpanContext(trace_id, 1, is_remote=True, trace_flags=TraceFlags(1), trace_state=given_state)
    context = api.set_span_in_context(NonRecordingSpan(parent), Context())
    mine = ours.should_sample(context, trace_id, "s")
    other = theirs.should_sample(context, trace_id, "s", trace_state=given_state)
    randomness = trace_id & (2**56 - 1)
    exact = 2**56 - round(rate * 2**56)
    if min(ours.threshold, exact) <= randomness < max(ours.threshold, exact):
        return  # our threshold is rounded to a few digits, theirs is not
    assert mine.decision.name == other.decision.name

    def members(result):
        found = dict(result.trace_state or {}).get("ot", "")
        return {member for member in found.split(";") if member and not member.startswith("th:")}

    assert probability_of(f"ot={dict(mine.trace_state or {}).get('ot', '')}") == (
        pytest.approx(rate, rel=1e-4) if mine.decision is Decision.RECORD_AND_SAMPLE else None
    )
    if len(dict(given_state).get("ot", "rv:7")) > 4:
        assert members(mine) == members(other)


@given(st.floats(1e-9, 1))
def test_a_threshold_is_short_and_close(rate):
    sampler = ConsistentRatio(rate)
    text = dict(sampler.stamp.state)["ot"]
    assert probability_of(f"ot={text}") == pytest.approx(rate, rel=1e-3)
    assert sampler.stamp.attributes == {"traceo.sampling.probability": probability_of(f"ot={text}")}


@pytest.mark.parametrize(
    ("state", "probability"),
    [
        ("ot=th:0", 1.0),
        ("ot=th:8", 0.5),
        ("a=b,ot=rv:00000000000000;th:c", 0.25),
        ("ot=th:", None),
        ("ot=th:xyz", None),
        ("ot=th:123456789012345", None),
        ("ot=rv:00000000000000", None),
        ("", None),
        ("th=8", None),
    ],
)
def test_the_probability_is_read_from_a_trace_state(state, probability):
    assert probability_of(state) == probability


# --- both makes together


@pytest.mark.parametrize(
    "sampler",
    [
        sdk.ParentBased(sdk.TraceIdRatioBased(0.5)),
        sdk.ParentBased(TraceIdRatioBased(0.5)),
        ParentBased(sdk.TraceIdRatioBased(0.5)),
        sdk_consistent.composite_sampler(
            sdk_consistent.composable_parent_threshold(sdk_consistent.composable_traceid_ratio_based(0.5))
        ),
    ],
)
def test_samplers_of_the_sdk_and_ours_may_be_nested(make_provider, ended, sampler):
    tracer = make_provider(sampler=sampler).get_tracer("t")
    for _ in range(200):
        with tracer.start_as_current_span("root"), tracer.start_as_current_span("child"):
            pass
    traces = {}
    for span in ended:
        traces.setdefault(span.context.trace_id, []).append(span.name)
    assert 20 < len(traces) < 180
    assert set(map(tuple, traces.values())) == {("child", "root")}
