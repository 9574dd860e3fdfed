"""Many threads lose nothing, and a forked child starts from zero."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.metrics.conftest import values
from traceo.metrics import ExponentialHistogram, MeterProvider, View

THREADS, ROUNDS = 4, 5_000


@pytest.fixture
def busy():
    """Threads that change places as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("preference", ["cumulative", "delta"])
def test_no_measurement_is_lost_or_counted_twice_while_others_collect(busy, preference):
    provider = MeterProvider(
        temporality=preference, views=[View(instrument_name="e", aggregation=ExponentialHistogram())]
    )
    meter = provider.get_meter("a")
    counter, histogram = meter.create_counter("c"), meter.create_histogram("h")
    exponential, shared = meter.create_histogram("e"), meter.create_up_down_counter("s")
    sums = {}
    running = threading.Event()

    def measure(number):
        running.wait()
        for amount in range(ROUNDS):
            # Series that come and go: in deltas they are forgotten between two collections.
            attributes = {"thread": number % 2, "n": amount // 50}
            shared.add(1)
            counter.add(1, attributes)
            histogram.record(1, attributes)
            exponential.record(1.5, {"n": amount // 1000})

    threads = [threading.Thread(target=measure, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    running.set()

    def collect():
        for metric in provider.collect():
            total = sum(point.value if metric.kind == "sum" else point.count for point in metric.points)
            sums[metric.name] = total + (sums.get(metric.name, 0) if metric.temporality == 1 else 0)

    while any(thread.is_alive() for thread in threads):
        collect()
    for thread in threads:
        thread.join()
    collect()
    assert sums == dict.fromkeys("sche", THREADS * ROUNDS)
    assert provider.ignored() == {}


def test_a_sum_of_buckets_and_its_count_agree_in_every_collection(busy):
    provider = MeterProvider(temporality="delta")
    histogram = provider.get_meter("a").create_histogram("h")
    done = threading.Event()

    def measure():
        while not done.is_set():
            histogram.record(2)

    threads = [threading.Thread(target=measure) for _ in range(2)]
    for thread in threads:
        thread.start()
    seen = 0
    while seen < 200:
        for metric in provider.collect():
            for point in metric.points:
                assert point.sum == 2 * point.count
                seen += 1
    done.set()
    for thread in threads:
        thread.join()


def test_one_instrument_made_by_many_threads_is_one(busy):
    provider = MeterProvider()
    meter = provider.get_meter("a")
    start = threading.Barrier(THREADS)

    def measure():
        start.wait()
        for _ in range(50):
            meter.create_counter("c").add(1, {"a": "b"})

    threads = [threading.Thread(target=measure) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(provider) == {"c": {(("a", "b"),): 50 * THREADS}}


def test_a_signal_handler_may_measure():
    provider = MeterProvider()
    counter = provider.get_meter("a").create_counter("c")
    handled = []

    def handle(number, frame):
        handled.append(number)
        counter.add(1, {"n": len(handled)})

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        for number in range(300):
            counter.add(1, {"m": number})
            os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert sum(values(provider)["c"].values()) == 300 + len(handled)


def in_child(work):
    """What ``work`` returns in a forked child, as text."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writer, work().encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        text = answers.read()
    assert os.waitpid(child, 0)[1] == 0
    return text


def test_a_child_starts_from_zero_and_its_parent_goes_on(clock):
    told = []
    provider = MeterProvider(clock=clock, on_first=lambda: told.append(os.getpid()))
    counter = provider.get_meter("a").create_counter("c")
    counter.add(5, {"a": "b"})
    clock.tick()

    def work():
        clock.tick()
        empty = provider.collect()
        counter.add(1, {"a": "b"})
        ((point,),) = [metric.points for metric in provider.collect()]
        first = told.count(os.getpid())
        return f"{empty} {point.value} {point.start_ns == clock.now} {first}"

    assert in_child(work) == "[] 1 True 1"
    counter.add(1, {"a": "b"})
    assert values(provider) == {"c": {(("a", "b"),): 6}}
    assert told == [os.getpid()]


def test_a_child_forked_while_others_hold_the_locks_is_not_held(busy):
    provider = MeterProvider()
    counter = provider.get_meter("a").create_counter("c")
    stream = counter._streams[0]
    held, over = threading.Event(), threading.Event()

    def hold():
        with stream.lock, provider._collecting, provider._lock:
            held.set()
            over.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()

    def work():
        signal.alarm(10)
        counter.add(1, {"a": "b"})
        provider.get_meter("b").create_counter("d").add(2)
        return repr(values(provider))

    try:
        assert in_child(work) == "{'c': {(('a', 'b'),): 1}, 'd': {(): 2}}"
    finally:
        over.set()
        thread.join()


def test_nothing_of_a_shut_down_provider_comes_back_in_a_child(provider, meter):
    counter = meter.create_counter("c")
    counter.add(1)
    provider.shutdown()

    def work():
        counter.add(1)
        return repr(provider.collect())

    assert in_child(work) == "[]"


def test_a_log_handler_that_measures_waits_for_nobody():
    # One thread warns of an overflow while another, in the handler, waits to measure the same.
    import logging

    provider = MeterProvider(cardinality_limit=1)
    meter = provider.get_meter("a")
    counter = meter.create_counter("c")
    counter.add(1, {"n": 0})
    inside, blocked = threading.Event(), threading.Event()

    class Measuring(logging.Handler):
        def emit(self, record):
            if record.getMessage() != "any":
                return
            inside.set()
            blocked.wait(10)
            counter.add(1, {"n": 2})
            meter.create_counter("d").add(1)

    handler = Measuring()
    logger = logging.getLogger("traceo")
    logger.addHandler(handler)
    thread = threading.Thread(target=lambda: logger.warning("any"), daemon=True)
    try:
        thread.start()
        assert inside.wait(10)
        asker = threading.Thread(target=lambda: counter.add(1, {"n": 1}), daemon=True)
        asker.start()
        deadline = time.monotonic() + 10
        while not provider.overflowed() and time.monotonic() < deadline:
            pass
        blocked.set()
        thread.join(10)
        asker.join(10)
        assert not thread.is_alive()
        assert not asker.is_alive()
    finally:
        logger.removeHandler(handler)
    assert values(provider) == {
        "c": {(("n", 0),): 1, (("otel.metric.overflow", True),): 2},
        "d": {(): 1},
    }


def test_a_locked_stream_measures_the_same(monkeypatch, busy):
    from traceo.metrics.stream import LockedStream

    monkeypatch.setattr("traceo.metrics.wiring._Stream", LockedStream)
    provider = MeterProvider(temporality="delta")
    counter = provider.get_meter("a").create_counter("c")
    assert isinstance(counter._streams[0], LockedStream)

    def measure():
        for amount in range(1_000):
            counter.add(1, {"n": amount // 100})

    threads = [threading.Thread(target=measure) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    total = 0
    while any(thread.is_alive() for thread in threads):
        total += sum(values(provider).get("c", {}).values())
    total += sum(values(provider).get("c", {}).values())
    assert total == THREADS * 1_000


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import gevent, _thread
from traceo import native
from traceo.metrics import MeterProvider
from opentelemetry.metrics import Observation

provider = MeterProvider(temporality="delta")
meter = provider.get_meter("a")
counter, up_down = meter.create_counter("c"), meter.create_up_down_counter("u")
meter.create_observable_gauge("g", [lambda options: [Observation(1)]])
total, stop, done = 0, False, native.allocate_lock()
done.acquire()

def collect():  # in a thread of the operating system, as the pipeline does
    global total
    seen = set()
    while not stop or len(seen) < 2:
        for metric in provider.collect():
            seen.add(metric.name)
            if metric.name == "c":
                total += sum(point.value for point in metric.points)
    done.release()

native.start_new_thread(collect, ())

def measure(number):
    for amount in range(2000):
        counter.add(1, {"n": amount // 20, "of": number})
        up_down.add(1)
        if amount % 100 == 0:
            gevent.sleep(0)

gevent.joinall([gevent.spawn(measure, number) for number in range(4)])
stop = True
done.acquire()
total += sum(p.value for m in provider.collect() if m.name == "c" for p in m.points)
print(total, [p.value for m in provider.collect() if m.name == "u" for p in m.points])
"""


def test_greenlets_and_a_collecting_thread_lose_nothing():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", GREENLETS],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "8000 [8000]"
