import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from traceo.exporters.memory import Memory
from traceo.exporters.otlp import encode_traces
from traceo.exporters.outcome import Outcome
from traceo.pipeline.backlog import Backlog, Batch, Pace
from traceo.pipeline.delivery import Delivery
from traceo.pipeline.health import Counts, Health
from traceo.pipeline.queue import Barrier
from traceo.pipeline.shedding import Shed
from traceo.pipeline.trouble import Trouble
from traceo.records import ResourceRecord, ScopeRecord, SpanRecord

REFUSED = "http://127.0.0.1:4318: nothing listens there"
RESOURCE, SCOPE = ResourceRecord({"service.name": "test"}), ScopeRecord("test")


def make_delivery(memory, clock, health, limit_bytes=1000, shed=None):
    trouble = Trouble("http://127.0.0.1:4318", lambda: (Counts(), Counts()), "do something", clock)
    made = Delivery(
        limit_bytes=limit_bytes,
        retry_cap_s=30,
        shed=shed or Shed(clock),
        health=health,
        trouble=trouble,
        clock=clock,
    )
    made.equip(lambda: memory, None)
    return made


@pytest.fixture
def health():
    return Health()


@pytest.fixture
def delivery(health, clock, memory):
    """Delivers into `memory`, and keeps a thousand bytes."""
    return make_delivery(memory, clock, health)


def spans(numbers, trace_id=1, **fields) -> list[SpanRecord]:
    return [
        SpanRecord(resource=RESOURCE, scope=SCOPE, trace_id=trace_id, span_id=number, name="work", **fields)
        for number in numbers
    ]


def batch(count: int = 1, records=None) -> Batch:
    records = records or spans(range(1, count + 1))
    return Batch("traces", encode_traces(records), len(records))


def arrived(memory: Memory) -> list[tuple[int, int]]:
    """(trace id, span id) of each span, in the order of arrival."""
    return [
        (int.from_bytes(span.trace_id), int.from_bytes(span.span_id))
        for payload in memory.payloads("traces")
        for group in ExportTraceServiceRequest.FromString(payload).resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


def test_batches_arrive_in_order(delivery, memory, health):
    batches = [batch(), batch(2), batch(3)]
    for each in batches:
        delivery.add(each)
    delivery.run()
    assert [package.batch_id for package in memory.packages] == [each.batch_id for each in batches]
    assert (health.delivered["traces"], health.batches) == (6, 3)
    assert health.raw_bytes == sum(len(each.payload) for each in batches)
    assert health.sent_bytes == sum(len(package.body) for package in memory.packages)


def test_a_failed_attempt_is_repeated_later_with_the_same_bytes(delivery, memory, clock):
    kept = batch()
    delivery.add(kept)
    memory.outcome = Outcome.retry(REFUSED)
    delivery.run()
    first = kept.package
    delivery.run()
    assert memory.attempts == 1, "the next attempt is not due yet"
    clock.now += 1.0
    memory.outcome = Outcome.accepted()
    delivery.run()
    assert memory.packages == [first]


def test_pauses_double_up_to_the_cap_with_jitter(clock):
    pace = Pace(30, clock)
    pauses = []
    for _ in range(8):
        pace.failed(None)
        pauses.append(pace.wait_s())
    for pause, base in zip(pauses, [1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert base / 2 <= pause <= base
    pace.worked()
    assert pace.wait_s() == 0


def test_a_hurry_skips_the_backoff_but_not_retry_after(delivery, memory, clock):
    delivery.add(batch())
    memory.outcome = Outcome.retry(REFUSED)
    delivery.run()
    delivery.hurry = True
    delivery.run()
    assert memory.attempts == 2
    memory.outcome = Outcome.retry("busy", after_s=20)
    clock.now += 10
    delivery.run()
    delivery.hurry = True
    delivery.run()
    assert memory.attempts == 3
    clock.now += 20
    delivery.run()
    assert memory.attempts == 4


def test_a_refusal_is_dropped_with_its_status_and_the_next_batch_goes(delivery, memory, health):
    delivery.add(batch(5))
    memory.outcome = Outcome.refused("not allowed", status=403)
    delivery.run()
    memory.outcome = Outcome.accepted()
    delivery.add(batch(2))
    delivery.run()
    assert health._dropped["traces"] == {"refused_403": 5}
    assert health.delivered["traces"] == 2


def test_a_partial_success_counts_both_parts(delivery, memory, health):
    memory.outcome = Outcome.accepted(rejected=2, message="bad ids")
    delivery.add(batch(5))
    delivery.run()
    assert (health.delivered["traces"], health._dropped["traces"]) == (3, {"rejected": 2})


class Small(Memory):
    """A peer that takes no message of more than `most` items, and none that holds the span `never`."""

    def __init__(self, most: int, never: int = 0) -> None:
        super().__init__()
        self.most, self.never = most, never

    def send(self, package):
        self.outcome = Outcome.accepted()
        held = Memory()
        held.packages.append(package)
        numbers = [span_id for _, span_id in arrived(held)]
        if len(numbers) > self.most or self.never in numbers:
            self.outcome = Outcome.refused("it answered 413", status=413)
        return super().send(package)


def test_what_is_too_large_goes_in_halves_in_order(clock, health):
    peer = Small(most=3)
    delivery = make_delivery(peer, clock, health, limit_bytes=1_000_000)
    delivery.add(batch(20))
    delivery.run()
    assert arrived(peer) == [(1, number) for number in range(1, 21)]
    assert (health.delivered["traces"], health._dropped["traces"]) == (20, {})
    assert len({package.batch_id for package in peer.packages}) == len(peer.packages)
    before = peer.attempts
    delivery.add(batch(20))
    delivery.run()
    assert health.delivered["traces"] == 40
    assert peer.attempts - before <= len(peer.packages) - before + 8, "what was learnt is not tried again"


def test_a_single_span_that_is_too_large_is_dropped_alone(clock, health):
    peer = Small(most=100, never=7)
    delivery = make_delivery(peer, clock, health, limit_bytes=1_000_000)
    delivery.add(batch(20))
    delivery.run()
    assert arrived(peer) == [(1, number) for number in range(1, 21) if number != 7]
    assert (health.delivered["traces"], health._dropped["traces"]) == (19, {"refused_413": 1})


def traces(numbers, errors=()) -> list[SpanRecord]:
    """Three spans for each trace."""
    return [
        SpanRecord(
            resource=RESOURCE,
            scope=SCOPE,
            trace_id=number << 64 | number * 0x9E3779B97F4A7C15 % 2**63,
            span_id=part + 1,
            name=f"work {number * 0xD1B54A32D192ED03 % 2**64:016x}",
            status_code=2 if number in errors and part == 2 else 0,
        )
        for number in numbers
        for part in range(3)
    ]


def test_over_its_limit_whole_traces_go_and_those_with_an_error_stay(clock, memory, health):
    shed = Shed(clock)
    delivery = make_delivery(memory, clock, health, limit_bytes=6000, shed=shed)
    memory.outcome = Outcome.retry(REFUSED)
    errors = range(0, 400, 40)
    for first in range(0, 400, 10):
        records = traces(range(first, first + 10), errors)
        for record in records:
            if record.status_code == 2:
                shed.spare(record.trace_id)
        delivery.add(batch(records=records))
        assert delivery.waiting_bytes <= 6000
    dropped = health._dropped["traces"]["backlog_full"]
    memory.outcome = Outcome.accepted()
    delivery.hurry = True
    delivery.run()
    left = arrived(memory)
    assert len(left) == 1200 - dropped
    assert health.delivered["traces"] == len(left)
    by_trace = {trace_id for trace_id, _ in left}
    assert sorted(left) == sorted((trace_id, part) for trace_id in by_trace for part in (1, 2, 3))
    assert {trace_id >> 64 for trace_id in by_trace} >= set(errors)


def test_when_nothing_but_errors_is_left_the_oldest_batch_goes(clock, memory, health):
    shed = Shed(clock)
    delivery = make_delivery(memory, clock, health, limit_bytes=600, shed=shed)
    memory.outcome = Outcome.retry(REFUSED)
    for number in range(10):
        (record,) = spans([number + 1], trace_id=number + 1, status_code=2)
        shed.spare(record.trace_id)
        delivery.add(batch(records=[record]))
    assert delivery.waiting_bytes <= 600
    memory.outcome = Outcome.accepted()
    delivery.hurry = True
    delivery.run()
    left = [span_id for _, span_id in arrived(memory)]
    assert left == list(range(11 - len(left), 11))
    assert health._dropped["traces"] == {"backlog_full": 10 - len(left)}


def test_a_batch_that_the_peer_may_have_is_not_changed_any_more(clock, memory, health):
    shed = Shed(clock)
    delivery = make_delivery(memory, clock, health, limit_bytes=1_000_000, shed=shed)
    memory.outcome = Outcome.retry("the connection broke")
    doubtful, later = batch(5), batch(3)
    delivery.add(doubtful)
    delivery.run()
    delivery.add(later)
    shed.press(9)
    delivery.holding.thin()
    assert (doubtful.count, later.count) == (5, 0)
    assert health._dropped["traces"] == {"backlog_full": 3}


def test_a_batch_larger_than_all_room_is_dropped_itself(clock, memory, health):
    delivery = make_delivery(memory, clock, health, limit_bytes=50)
    delivery.add(batch())
    assert delivery.is_empty
    assert health._dropped["traces"] == {"backlog_full": 1}


def test_what_waits_is_compressed_and_sent_as_it_was(clock, memory, health):
    delivery = make_delivery(memory, clock, health, limit_bytes=1_000_000)
    memory.outcome = Outcome.retry(REFUSED, status=503)
    delivery.add(batch(1))
    delivery.run()
    waiting = batch(500)
    payload = waiting.payload
    delivery.add(waiting)
    assert waiting.size < len(payload) / 5
    memory.outcome = Outcome.accepted()
    delivery.hurry = True
    delivery.run()
    assert memory.payloads("traces")[1] == payload


def test_a_barrier_is_reached_when_all_before_it_are_settled(delivery, memory, clock):
    reached = []
    memory.outcome = Outcome.retry(REFUSED)
    delivery.add(batch())
    delivery.wait_for(Barrier(lambda: reached.append("first")))
    delivery.run()
    delivery.add(batch())
    delivery.wait_for(Barrier(lambda: reached.append("second")))
    assert reached == []
    memory.outcome = Outcome.refused("no", status=400)
    clock.now += 5
    delivery.run()
    assert reached == ["first", "second"]


def test_a_barrier_with_nothing_before_it_is_reached_at_once(delivery, memory):
    reached = []
    delivery.wait_for(Barrier(lambda: reached.append(True)))
    delivery.run()
    assert reached == [True]


def test_keys_that_changed_make_a_new_package(delivery, memory):
    class Rotating(Memory):
        made = 0

        def package(self, signal, payload, batch_id):
            self.made += 1
            return super().package(signal, payload, batch_id)

        def send(self, package):
            return (
                Outcome.retry("sealed to an old key", reseal=True)
                if self.made == 1
                else super().send(package)
            )

    route = Rotating()
    delivery.equip(lambda: route, None)
    delivery.add(batch())
    delivery.run()
    assert (route.made, len(route.packages)) == (2, 1)


def test_a_backlog_knows_what_it_holds():
    backlog = Backlog()
    first, second = batch(1), batch(2)
    for each in (first, second):
        backlog.number(each)
        backlog.push(each)
    assert backlog.bytes == first.size + second.size
    second.pack()
    backlog.reweigh(second)
    assert backlog.bytes == first.size + second.size
    assert backlog.pop() is first
    assert backlog.bytes == second.size
    second.replace(b"", 0)
    backlog.forget_empty()
    assert (backlog.bytes, backlog.oldest) == (0, None)


ANSWERS = {
    "accept": Outcome.accepted(),
    "part": Outcome.accepted(rejected=1, message="one bad"),
    "busy": Outcome.retry("busy", status=503),
    "gone": Outcome.retry(REFUSED),
    "refuse": Outcome.refused("no", status=400),
    "too large": Outcome.refused("too large", status=413),
}


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(sorted(ANSWERS)), st.integers(0, 40)), max_size=30)
)
def test_whatever_happens_every_span_is_delivered_or_counted_exactly_once(steps):
    from tests.pipeline.conftest import Clock

    memory, clock, health = Memory(), Clock(), Health()
    delivery = make_delivery(memory, clock, health, limit_bytes=900)
    made = 0
    for count, answer, seconds in steps:
        if count:
            made += count
            delivery.add(batch(records=spans(range(made - count + 1, made + 1), trace_id=made)))
        memory.outcome = ANSWERS[answer]
        clock.now += seconds
        delivery.run()
    memory.outcome = Outcome.accepted()
    clock.now += 60
    delivery.run()
    lost = sum(health._dropped["traces"].values())
    assert delivery.is_empty
    assert made == health.delivered["traces"] + lost
    numbers = [span_id for _, span_id in arrived(memory)]
    assert len(numbers) == len(set(numbers))
    assert len(numbers) == health.delivered["traces"] + health._dropped["traces"].get("rejected", 0)
