from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.trace import StatusCode

from traceo.pipeline.shedding import MOST, Shed, identify
from traceo.records import LogRecord, ResourceRecord, ScopeRecord, SpanRecord
from traceo.tracing import TracerProvider

RESOURCE, SCOPE = ResourceRecord({}), ScopeRecord("s")


def test_without_pressure_nothing_is_given_up(clock):
    shed = Shed(clock)
    assert not shed.is_active
    assert not any(shed.sheds(number) for number in range(1, 1000))


@settings(max_examples=30)
@given(st.integers(0, 2**128 - 1), st.integers(1, MOST))
def test_one_trace_has_one_fate(trace_id, step):
    fates = set()
    for _ in range(3):
        shed = Shed(lambda: 0.0)
        shed.press(step)
        fates.add(shed.sheds(trace_id))
    assert len(fates) == 1


def test_each_step_gives_up_half_of_what_is_left_and_keeps_the_rest_of_it(clock):
    ids = [number * 0xA24BAED4963EE407 % 2**128 for number in range(1, 20_001)]
    kept = set(ids)
    for step in range(1, MOST):
        shed = Shed(clock)
        shed.press(step)
        left = {trace_id for trace_id in ids if not shed.sheds(trace_id)}
        assert left < kept, "what a lower pressure gives up, a higher one does too"
        assert 0.8 < len(left) * 2**step / len(ids) < 1.2
        kept = left
    shed.press(MOST)
    assert all(shed.sheds(trace_id) for trace_id in ids)


def test_ids_that_a_sampler_by_the_low_bits_let_through_are_spread_all_the_same(clock):
    sampled = [number << 64 | number * 997 for number in range(1, 5001)]  # all in the lowest part of 64 bits
    shed = Shed(clock)
    shed.press(1)
    assert 0.4 < sum(shed.sheds(trace_id) for trace_id in sampled) / 5000 < 0.6


def test_a_trace_with_an_error_stays_until_the_last(clock):
    shed = Shed(clock)
    shed.press(MOST)
    assert shed.sheds(7)
    shed.spare(8)
    assert not shed.sheds(8)


def test_it_lets_go_a_step_at_a_time_and_what_was_cut_stays_cut_for_a_while(clock):
    shed = Shed(clock)
    shed.press(2)
    cut = [number for number in range(1, 200) if shed.sheds(number)]
    steps = []
    for _ in range(5):
        shed.relax(is_calm=True)
        steps.append(shed.step)
        assert all(shed.sheds(number) for number in cut) or not shed.is_active
        clock.now += 31
    assert steps == [2, 1, 0, 0, 0]
    assert not shed.is_active


def test_it_does_not_let_go_while_there_is_no_room(clock):
    shed = Shed(clock)
    shed.press(3)
    for _ in range(10):
        shed.relax(is_calm=False)
        clock.now += 31
    assert shed.step == 3


def test_what_it_remembers_is_bounded(clock):
    shed = Shed(clock)
    shed.press(MOST)
    for number in range(50_000):
        shed.sheds(number)
        shed.spare(number + 10**9)
    assert len(shed._cut) <= 8193
    assert len(shed._spared) <= 8193


def test_anything_that_may_be_put_has_an_identity():
    ended = []
    tracer = TracerProvider(sink=ended.append).get_tracer("t")
    with tracer.start_as_current_span("work") as span:
        span.set_status(StatusCode.ERROR)
    record = SpanRecord(resource=RESOURCE, scope=SCOPE, trace_id=5, span_id=1, status_code=2)
    log = LogRecord(resource=RESOURCE, scope=SCOPE, trace_id=6, severity=17)
    free = LogRecord(resource=RESOURCE, scope=SCOPE, time_ns=99, severity=9)
    assert identify(ended[0]) == (ended[0].get_span_context().trace_id, True)
    assert identify(record) == (5, True)
    assert identify(log) == (6, True)
    assert identify(free) == (99, False)
    assert identify(object()) == (0, False)
