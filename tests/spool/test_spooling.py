"""Delivery with a spool: what goes to disk, what comes back, and that the books balance."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.spool.conftest import ENDPOINT, KID, Clock
from traceo.exporters.memory import Memory
from traceo.exporters.otlp import encode_traces
from traceo.exporters.outcome import Outcome
from traceo.exporters.spool.folder import Spool
from traceo.pipeline.backlog import Batch
from traceo.pipeline.delivery import Delivery
from traceo.pipeline.health import Counts, Health
from traceo.pipeline.queue import Barrier
from traceo.pipeline.shedding import Shed
from traceo.pipeline.trouble import Trouble
from traceo.records import ResourceRecord, ScopeRecord, SpanRecord

DOWN = Outcome.retry("http://127.0.0.1:4318: nothing listens there")
RESOURCE, SCOPE = ResourceRecord({"service.name": "test"}), ScopeRecord("test")


class Process:
    """The delivering half of one process."""

    def __init__(self, folder, clock, memory, limit_bytes=1024 * 1024, budget=100_000):
        self.health, self.clock = Health(), clock
        trouble = Trouble(ENDPOINT, lambda: (Counts(), Counts()), "do something", clock)
        self.delivery = Delivery(
            limit_bytes=budget,
            retry_cap_s=30,
            shed=Shed(clock),
            health=self.health,
            trouble=trouble,
            clock=clock,
        )
        self.spool = Spool(folder, ENDPOINT, limit_bytes=limit_bytes, clock=clock)
        self.delivery.equip(lambda: memory, self.spool)

    def add(self, count: int) -> Batch:
        records = [
            SpanRecord(resource=RESOURCE, scope=SCOPE, trace_id=7, span_id=n + 1, name="w")
            for n in range(count)
        ]
        batch = Batch("traces", encode_traces(records), count)
        self.delivery.add(batch)
        return batch

    def later(self) -> None:
        """Everything that is due within the next hour."""
        for _ in range(60):
            self.clock.now += 60
            self.delivery.run()

    @property
    def balance(self) -> tuple[int, int, int]:
        """Delivered, spooled, dropped."""
        dropped = sum(self.health._dropped["traces"].values())
        return self.health.delivered["traces"], self.health.spooled["traces"], dropped


@pytest.fixture
def memory():
    """A destination with a key to seal to."""
    made = Memory()
    made.kid = KID
    return made


@pytest.fixture
def process(tmp_path, clock, memory):
    made = Process(tmp_path, clock, memory)
    yield made
    made.spool.close()


def ids(memory: Memory) -> list[bytes]:
    return [package.batch_id for package in memory.packages]


def test_while_all_is_well_nothing_is_written(process, memory):
    process.add(5)
    process.delivery.run()
    assert process.balance == (5, 0, 0)
    assert not process.spool.folder.exists()


def test_after_a_failure_all_that_waits_and_all_that_comes_is_on_disk(process, memory):
    memory.outcome = DOWN
    first, second = process.add(1), process.add(2)
    process.delivery.run()
    third = process.add(4)
    assert process.balance == (0, 7, 0)
    assert process.delivery.waiting_bytes == 0
    memory.outcome = Outcome.accepted()
    process.later()
    assert ids(memory) == [first.batch_id, second.batch_id, third.batch_id]
    assert process.balance == (7, 0, 0)


def test_what_is_fresh_goes_before_what_is_on_disk(process, memory, clock):
    memory.outcome = DOWN
    old = [process.add(1) for _ in range(5)]
    process.delivery.run()
    memory.outcome = Outcome.accepted()
    clock.now += 60
    process.delivery.run()
    fresh = process.add(1)
    process.delivery.run()
    assert ids(memory)[:2] == [old[0].batch_id, fresh.batch_id]
    process.later()
    assert ids(memory)[2:] == [batch.batch_id for batch in old[1:]]


def test_between_two_batches_from_disk_there_is_a_rest_as_long_as_it_took(tmp_path, clock, memory):
    class Slow(Memory):
        kid = KID

        def send(self, package):
            clock.now += 2.0
            return super().send(package)

    slow = Slow()
    slow.kid = KID
    process = Process(tmp_path, clock, slow)
    slow.outcome = DOWN
    for _ in range(4):
        process.add(1)
    process.delivery.run()
    slow.outcome = Outcome.accepted()
    clock.now += 60
    process.delivery.run()
    assert len(slow.packages) == 1
    assert process.delivery.pause_s() == 2.0
    process.delivery.run()
    assert len(slow.packages) == 1
    process.delivery.hurry = True
    process.delivery.run()
    assert len(slow.packages) == 2, "somebody waits: no rest"
    process.spool.close()


def test_without_a_key_at_hand_all_stays_in_memory(process, memory):
    memory.kid = b""
    memory.outcome = DOWN
    process.add(5)
    process.delivery.run()
    assert process.balance == (0, 0, 0)
    assert not process.delivery.is_empty
    memory.kid = KID
    process.clock.now += 60
    process.delivery.run()
    assert process.balance == (0, 5, 0), "a key was learnt meanwhile"


def test_a_disk_that_refuses_leaves_all_in_memory_and_is_tried_again(process, memory, caplog):
    process.spool.folder.touch()
    memory.outcome = DOWN
    process.add(5)
    process.delivery.run()
    process.add(1)
    assert process.balance == (0, 0, 0)
    assert not process.delivery.is_empty
    process.spool.folder.unlink()
    process.clock.now += 60
    process.delivery.run()
    assert process.balance == (0, 6, 0)
    said = [record.getMessage() for record in caplog.records]
    line = (
        f"{process.spool.folder} cannot be written: File exists; what cannot be delivered is kept in memory"
    )
    assert said[0] == line
    assert said.count(line) == 1


def test_a_refusal_of_what_was_on_disk_is_counted_with_its_reason(process, memory):
    memory.outcome = DOWN
    process.add(3)
    process.delivery.run()
    memory.outcome = Outcome.refused("no", status=400)
    process.later()
    assert process.balance == (0, 0, 3)
    assert process.health._dropped["traces"] == {"refused_400": 3}


def test_what_would_have_to_be_sealed_again_is_lost_once_it_is_on_disk(process, memory):
    memory.outcome = DOWN
    process.add(3)
    process.delivery.run()
    memory.outcome = Outcome.retry("sealed to an old key", status=400, reseal=True)
    process.later()
    assert process.health._dropped["traces"] == {"refused_400": 3}


def test_a_full_spool_gives_up_its_oldest_and_counts_it(tmp_path, clock, memory):
    process = Process(tmp_path, clock, memory, limit_bytes=16 * 1024)
    memory.outcome = DOWN
    for _ in range(200):
        process.add(10)
    process.delivery.run()
    delivered, spooled, dropped = process.balance
    assert (delivered, spooled + dropped) == (0, 2000)
    assert process.health._dropped["traces"] == {"spool_full": dropped}
    memory.outcome = Outcome.accepted()
    for _ in range(20):
        process.later()
    assert process.balance == (spooled, 0, dropped)
    process.spool.close()


def test_a_barrier_waits_for_what_is_on_disk_too(process, memory):
    reached = []
    memory.outcome = DOWN
    process.add(1)
    process.delivery.run()
    process.delivery.wait_for(Barrier(lambda: reached.append(True)))
    process.delivery.run()
    assert reached == []
    memory.outcome = Outcome.accepted()
    process.later()
    assert reached == [True]


def test_the_next_process_sends_what_is_left_and_keeps_its_own_books(tmp_path, clock, memory):
    first = Process(tmp_path, clock, memory)
    memory.outcome = DOWN
    left = [first.add(4), first.add(5)]
    first.delivery.run()
    first.delivery.holding.close()
    second = Process(tmp_path, clock, memory)
    memory.outcome = Outcome.accepted()
    own = second.add(2)
    second.delivery.run()
    second.later()
    assert ids(memory) == [own.batch_id, *(batch.batch_id for batch in left)]
    assert second.balance == (2, 0, 0)
    assert second.health.recovered.counts() == Counts(created=9, delivered=9)
    second.spool.close()


def test_the_end_leaves_on_disk_what_could_not_be_delivered(process, memory):
    process.add(4)
    process.delivery.holding.close()
    assert process.balance == (0, 4, 0)


def test_once_the_books_are_closed_nothing_is_written_any_more(process, memory):
    process.add(4)
    process.delivery.abandon()
    process.delivery.holding.close()
    assert process.balance == (0, 0, 0)
    assert not process.spool.folder.exists()


def test_a_status_says_what_is_on_disk():
    counts = Counts(created=9, delivered=2, spooled=7)
    assert str(counts) == "9 created, 2 delivered, 0 waiting, 7 on disk, 0 dropped"
    assert msgspec.to_builtins(counts)["spooled"] == 7


ANSWERS = {
    "accept": Outcome.accepted(),
    "part": Outcome.accepted(rejected=1, message="one bad"),
    "busy": Outcome.retry("busy", status=503),
    "gone": DOWN,
    "refuse": Outcome.refused("no", status=400),
    "too large": Outcome.refused("too large", status=413),
}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "run", "run", "run", "die", "end", "key"]),
        st.sampled_from(sorted(ANSWERS)),
        st.integers(1, 12),
    ),
    max_size=40,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_happens_nothing_is_lost_uncounted_and_nothing_arrives_twice(tmp_path_factory, steps):
    """A process that is killed loses what it had in memory, and nothing that was on disk."""
    folder, clock, memory = tmp_path_factory.mktemp("spool"), Clock(), Memory()
    memory.kid = KID
    process = Process(folder, clock, memory, limit_bytes=16 * 1024, budget=4_000)
    past: list[Process] = []
    made = killed = 0
    for step, answer, amount in steps:
        memory.outcome = ANSWERS[answer]
        if step == "add":
            made += amount
            process.add(amount)
        elif step == "run":
            clock.now += amount * 5
            process.delivery.run()
        elif step == "key":
            memory.kid = b"" if memory.kid else KID
        else:
            if step == "end":
                process.delivery.holding.close()
            killed += sum(batch.count for batch in process.delivery.holding.memory)
            process.spool._close_files()
            past.append(process)
            process = Process(folder, clock, memory, limit_bytes=16 * 1024, budget=4_000)
    memory.outcome = Outcome.accepted()
    for _ in range(5):
        process.later()
    everyone = [*past, process]
    delivered = sum(each.balance[0] + each.health.recovered.delivered for each in everyone)
    dropped = sum(each.balance[2] + sum(each.health.recovered.counts().dropped.values()) for each in everyone)
    assert made == delivered + dropped + killed
    assert len(set(ids(memory))) == len(ids(memory))
    process.spool.close()
