import pytest

from traceo.exporters.outcome import Outcome
from traceo.pipeline.backlog import Backlog, Batch, Pace
from traceo.pipeline.delivery import Delivery
from traceo.pipeline.health import Counts, Health
from traceo.pipeline.queue import Barrier
from traceo.pipeline.trouble import Trouble

REFUSED = "http://127.0.0.1:4318: nothing listens there"


@pytest.fixture
def health():
    return Health()


@pytest.fixture
def delivery(health, clock):
    trouble = Trouble("http://127.0.0.1:4318", lambda: (Counts(), Counts()), "do something", clock)
    return Delivery(limit_bytes=1000, retry_cap_s=30, health=health, trouble=trouble, clock=clock)


def batch(count: int = 1, size: int = 10) -> Batch:
    return Batch("traces", b"x" * size, count)


def test_batches_arrive_in_order(delivery, memory, health):
    batches = [batch(), batch(2), batch(3)]
    for each in batches:
        delivery.add(each)
    delivery.run(lambda: memory)
    assert [package.batch_id for package in memory.packages] == [each.batch_id for each in batches]
    assert (health.delivered["traces"], health.batches, health.raw_bytes) == (6, 3, 30)
    assert health.sent_bytes == sum(len(package.body) for package in memory.packages)


def test_a_failed_attempt_is_repeated_later_with_the_same_bytes(delivery, memory, clock):
    kept = batch()
    delivery.add(kept)
    memory.outcome = Outcome.retry(REFUSED)
    delivery.run(lambda: memory)
    first = kept.package
    delivery.run(lambda: memory)
    assert memory.attempts == 1, "the next attempt is not due yet"
    clock.now += 1.0
    memory.outcome = Outcome.accepted()
    delivery.run(lambda: memory)
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
    delivery.run(lambda: memory)
    delivery.hurry = True
    delivery.run(lambda: memory)
    assert memory.attempts == 2
    memory.outcome = Outcome.retry("busy", after_s=20)
    clock.now += 10
    delivery.run(lambda: memory)
    delivery.hurry = True
    delivery.run(lambda: memory)
    assert memory.attempts == 3
    clock.now += 20
    delivery.run(lambda: memory)
    assert memory.attempts == 4


def test_a_refusal_is_dropped_with_its_status_and_the_next_batch_goes(delivery, memory, health):
    delivery.add(batch(5))
    memory.outcome = Outcome.refused("too large", status=413)
    delivery.run(lambda: memory)
    memory.outcome = Outcome.accepted()
    delivery.add(batch(2))
    delivery.run(lambda: memory)
    assert health._dropped["traces"] == {"refused_413": 5}
    assert health.delivered["traces"] == 2


def test_a_partial_success_counts_both_parts(delivery, memory, health):
    memory.outcome = Outcome.accepted(rejected=2, message="bad ids")
    delivery.add(batch(5))
    delivery.run(lambda: memory)
    assert (health.delivered["traces"], health._dropped["traces"]) == (3, {"rejected": 2})


def test_over_its_limit_the_backlog_drops_the_oldest_and_counts_them(delivery, memory, health):
    memory.outcome = Outcome.retry(REFUSED)
    batches = [batch(1, 400), batch(2, 400), batch(4, 400)]
    for each in batches:
        delivery.add(each)
    assert health._dropped["traces"] == {"backlog_full": 1}
    assert delivery.waiting_bytes == 800


def test_a_batch_larger_than_the_limit_is_dropped_itself():
    backlog = Backlog(100)
    small, large = batch(1, 50), batch(1, 200)
    assert backlog.push(small) == []
    assert backlog.push(large) == [small, large]
    assert (backlog.bytes, backlog.oldest) == (0, None)


def test_a_barrier_is_reached_when_all_before_it_are_settled(delivery, memory, clock):
    reached = []
    memory.outcome = Outcome.retry(REFUSED)
    delivery.add(batch())
    delivery.wait_for(Barrier(lambda: reached.append("first")))
    delivery.run(lambda: memory)
    delivery.add(batch())
    delivery.wait_for(Barrier(lambda: reached.append("second")))
    assert reached == []
    memory.outcome = Outcome.refused("no", status=400)
    clock.now += 5
    delivery.run(lambda: memory)
    assert reached == ["first", "second"]


def test_a_barrier_with_nothing_before_it_is_reached_at_once(delivery, memory):
    reached = []
    delivery.wait_for(Barrier(lambda: reached.append(True)))
    delivery.run(lambda: memory)
    assert reached == [True]


def test_keys_that_changed_make_a_new_package(delivery, memory):
    class Rotating(type(memory)):
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
    delivery.add(batch())
    delivery.run(lambda: route)
    assert (route.made, len(route.packages)) == (2, 1)
