import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from traceo.pipeline.queue import LOGS, SPANS, Barrier, Queue, Tally, weigh
from traceo.pipeline.shedding import Shed
from traceo.records import LogRecord, ResourceRecord, ScopeRecord, SpanRecord

MiB = 1024 * 1024
RESOURCE, SCOPE = ResourceRecord({}), ScopeRecord("s")


def span(text: str = "") -> SpanRecord:
    return SpanRecord(resource=RESOURCE, scope=SCOPE, trace_id=1, span_id=1, attributes={"text": text})


def log(text: str = "") -> LogRecord:
    return LogRecord(resource=RESOURCE, scope=SCOPE, body=text)


def queue(budget_bytes: int = MiB) -> Queue:
    return Queue(budget_bytes, lambda: None)


def drain(q: Queue) -> list[object]:
    items = []
    while some := q.take(512, 64 * MiB):
        items += some
    return items


def test_items_come_out_in_the_order_they_were_put():
    q = queue()
    items = [span(), log(), span()]
    for item in items:
        q.put(item)
    assert drain(q) == items
    assert q.taken == {SPANS: 2, LOGS: 1}


def test_the_first_put_asks_for_a_worker_and_a_burst_wakes_it():
    starts = []
    q = Queue(MiB * 8, lambda: starts.append(True))
    q.put(span())
    assert starts == [True]
    assert q.wake.locked()
    for _ in range(1100):
        q.put(span())
    assert not q.wake.locked()


def test_large_items_wake_the_worker_long_before_there_are_many():
    q = queue(8 * MiB)
    for _ in range(64):
        q.put(span("x" * 64 * 1024))
    assert not q.wake.locked()


def test_large_values_count_against_the_budget():
    """Nobody takes anything out: what stays is the budget and at most the fifteen items between two samples."""
    q = queue(32 * MiB)
    for _ in range(1000):
        q.put(span("x" * MiB))
    kept = len(drain(q))
    assert kept <= 32 + 15
    assert kept + q.full_drops[SPANS].count == 1000


def test_large_log_bodies_count_too():
    q = queue(32 * MiB)
    for _ in range(1000):
        q.put(log("x" * MiB))
    assert len(drain(q)) <= 32 + 15


def test_no_pattern_of_large_and_small_values_escapes_the_bound():
    """Once the first large one is met, each is weighed: on average sixteen pass before that."""
    over = []
    for _ in range(30):
        q = queue(8 * MiB)
        text = "x" * (256 * 1024)
        for number in range(2000):
            q.put(span("" if number % 16 == 15 else text))
        kept = drain(q)
        assert len(kept) + q.full_drops[SPANS].count == 2000
        over.append(sum(weigh(item) for item in kept) - 8 * MiB)
    assert sorted(over)[15] <= 20 * 256 * 1024
    assert max(over) <= 32 * MiB  # one chance in ten thousand million a run


def test_what_was_added_for_an_item_is_what_is_taken_off_with_it():
    """Large first, small afterwards: the estimate does not believe that the large ones are gone."""
    q = queue(64 * MiB)
    q.beware()
    for _ in range(40):
        q.put(span("x" * MiB))
    for _ in range(40):
        q.put(span())
    q.take(40, 1000 * MiB)
    assert q.estimated_bytes == sum(weigh(item) for item in drain(q))
    for _ in range(40):
        q.put(span())
    for _ in range(40):
        q.put(span("x" * MiB))
    q.take(40, 1000 * MiB)
    assert q.estimated_bytes > 40 * MiB


def test_near_the_bound_whole_traces_are_turned_away_and_errors_come_in(clock):
    shed = Shed(clock)
    q = Queue(2 * MiB, lambda: None, shed=shed)
    errors = []
    for number in range(1, 20_000):
        item = span("x" * 100)
        item.trace_id = number * 0x9E3779B97F4A7C15 % 2**128
        if number % 100 == 0:
            item.status_code = 2
            errors.append(item.trace_id)
        q.put(item)
    kept = {item.trace_id for item in drain(q)}
    assert len(kept) + q.full_drops[SPANS].count == 19_999
    assert shed.step == 8
    last_error = max(n for n, trace_id in enumerate(errors) if trace_id in kept)
    assert set(errors[: last_error + 1]) <= kept
    assert last_error > 20, "long after most of the others were turned away"


def test_what_the_worker_holds_counts_against_the_same_budget():
    q = queue(8 * MiB)
    q.held_bytes = 8 * MiB
    for _ in range(100):
        q.put(span())
    assert q.full_drops[SPANS].count >= 84


def test_an_emptied_queue_takes_new_items_again():
    q = queue()
    for _ in range(5000):
        q.put(span())
    assert q.full_drops[SPANS].count > 0
    drain(q)
    dropped = q.full_drops[SPANS].count
    for _ in range(100):
        q.put(span())
    assert len(drain(q)) == 100
    assert q.full_drops[SPANS].count == dropped


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 200_000), st.booleans()),
        max_size=300,
    )
)
def test_created_is_taken_plus_dropped_plus_waiting(steps):
    q = queue()
    made = {SPANS: 0, LOGS: 0}
    for is_log, size, takes in steps:
        q.put(log("x" * size) if is_log else span("x" * size))
        made[LOGS if is_log else SPANS] += 1
        if takes:
            q.take(3, MiB)
    waiting = q.waiting()
    assert made == {s: q.taken[s] + q.full_drops[s].count + waiting[s] for s in made}


def test_many_threads_lose_no_count():
    q = queue(2 * MiB)

    def work():
        for _ in range(3000):
            q.put(span())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        q.take(100, MiB)
    drain(q)
    assert q.taken[SPANS] + q.full_drops[SPANS].count == 24_000
    assert q.waiting() == {SPANS: 0, LOGS: 0}


def test_a_closed_queue_drops_and_counts():
    q = queue()
    q.put(span())
    q.close()
    q.put(span())
    q.put(log())
    assert (q.closed_drops[SPANS].count, q.closed_drops[LOGS].count) == (1, 1)
    assert len(drain(q)) == 1


def test_a_barrier_is_never_dropped_and_ends_a_batch():
    q = queue()
    barrier = Barrier(lambda: None)
    q.put(span())
    q.bar(barrier)
    for _ in range(5000):
        q.put(span("x" * 1000))
    first = q.take(512, 64 * MiB)
    assert (len(first), first[1]) == (2, barrier)


def test_whatever_is_put_is_taken_and_weighed_without_an_exception():
    class Odd:
        @property
        def attributes(self):
            raise RuntimeError

    q = queue()
    for item in (object(), None, 3, Odd()):
        for _ in range(16):
            q.put(item)
    assert len(drain(q)) == 64
    assert weigh(Odd()) == 4096


def test_a_tally_counts_from_many_threads_while_it_is_folded():
    tally = Tally()
    threads = [threading.Thread(target=lambda: [tally.add() for _ in range(5000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        tally.fold()
    tally.fold()
    assert tally.count == 20_000
