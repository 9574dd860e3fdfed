import json
import logging
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceo.logs import Handler
from traceo.logs.rate import Gap, Limiter
from traceo.pipeline.worker import Pipeline
from traceo.records import ResourceRecord

INFO, WARNING, ERROR = 20, 30, 40


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def taken(limiter: Limiter, count: int, *, line: int = 1, level: int = INFO) -> int:
    return sum(limiter.takes("/app/shop.py", line, level) for _ in range(count))


def test_five_seconds_worth_may_come_at_once_and_then_so_many_a_second(clock):
    limiter = Limiter(200, clock)
    assert taken(limiter, 5000) == 1000
    clock.now += 1
    assert taken(limiter, 5000) == 200
    clock.now += 3600
    assert taken(limiter, 5000) == 1000


def test_each_line_of_code_has_its_own_allowance(clock):
    limiter = Limiter(10, clock)
    assert [taken(limiter, 100, line=line) for line in (1, 2)] == [50, 50]


def test_errors_may_come_ten_times_as_often_and_warnings_may_not(clock):
    limiter = Limiter(10, clock)
    assert taken(limiter, 1000, level=WARNING) == 50
    assert taken(limiter, 1000, level=ERROR) == 500
    clock.now += 1
    assert [taken(limiter, 1000, level=level) for level in (WARNING, ERROR)] == [10, 100]


def test_what_is_left_out_is_told_after_a_second_and_then_once_a_minute(clock):
    limiter = Limiter(10, clock)
    told: list[tuple[float, int]] = []
    start, went = clock.now, 0
    for _ in range(125 * 100):
        went += limiter.takes("/app/shop.py", 7, INFO)
        told += [(clock.now - start, gap.left_out) for gap in limiter.gaps()]
        clock.now += 0.01
    assert [round(at) for at, _ in told] == [2, 63, 123]
    last = limiter.gaps(everything=True)
    assert (limiter.has_gaps, limiter.gaps(everything=True)) == (False, [])
    assert went + sum(count for _, count in told) + last[0].left_out == 12500


def test_a_place_that_is_forgotten_does_not_forget_its_gap(clock):
    limiter = Limiter(1, clock)
    assert taken(limiter, 7) == 5
    for line in range(2, 10_000):
        limiter.takes("/app/other.py", line, INFO)
    assert len(limiter._young) + len(limiter._old) <= 2 * 2048
    assert limiter.gaps(everything=True) == [Gap("/app/shop.py", 1, 2)]


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.sampled_from([INFO, ERROR]), st.floats(0, 3), st.integers(0, 400)), max_size=30),
)
def test_no_more_than_the_rate_and_one_burst_and_nothing_uncounted(per_s, steps):
    clock = Clock()
    limiter = Limiter(per_s, clock)
    start, came, went = clock.now, {INFO: 0, ERROR: 0}, {INFO: 0, ERROR: 0}
    told = 0
    for level, pause, count in steps:
        clock.now += pause
        came[level] += count
        went[level] += taken(limiter, count, level=level)
        told += sum(gap.left_out for gap in limiter.gaps())
        for each, times in ((INFO, 1), (ERROR, 10)):
            assert went[each] <= per_s * times * (5 + clock.now - start) + 1
    told += sum(gap.left_out for gap in limiter.gaps(everything=True))
    assert sum(came.values()) == sum(went.values()) + told


def test_the_stream_says_what_is_missing_and_the_balance_counts_it(clock):
    pipeline = Pipeline(lambda: pytest.fail("not started"), queue_bytes=1 << 20, flush_every_s=None)
    kept: list = []
    handler = Handler(
        kept.append,
        ResourceRecord({}),
        limiter=Limiter(1, clock),
        left_out=pipeline.leave_out_log,
    )
    record = {
        "name": "shop",
        "levelno": 20,
        "msg": "noisy",
        "pathname": "/srv/shop/checkout.py",
        "lineno": 42,
    }
    for _ in range(8):
        handler.handle(logging.makeLogRecord(record))
    clock.now += 1.5
    handler.handle(logging.makeLogRecord({**record, "lineno": 7, "msg": "quiet"}))
    assert [line.body for line in kept] == [
        *["noisy"] * 5,
        "3 records of shop/checkout.py:42 left out: too many a second",
        "quiet",
    ]
    gap = kept[5]
    assert (gap.scope.name, gap.severity_text, gap.attributes) == (
        "traceo",
        "WARNING",
        {"code.file.path": "/srv/shop/checkout.py", "code.line.number": 42, "traceo.left_out": 3},
    )
    logs = pipeline.balance()[1]
    assert (logs.created, logs.dropped) == (3, {"rate_limited": 3})


def test_an_application_that_floods_sees_it_in_its_status(tmp_path):
    script = """
    import json, logging, traceo
    traceo.init(logs_per_s=10, endpoint="http://127.0.0.1:9", exit_timeout_s=0.1)
    logging.basicConfig(level="INFO", handlers=[logging.NullHandler()])
    for number in range(500):
        logging.info("noisy %d", number)
    for number in range(500):
        logging.error("failed %d", number)
    logs = traceo.status().logs
    print(json.dumps([logs.created, logs.dropped["rate_limited"]]))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    created, left_out = json.loads(done.stdout)
    assert created == 1000
    assert 400 <= left_out <= 450  # a slow machine refills a little


def test_without_a_limit_nothing_is_left_out():
    kept: list = []
    handler = Handler(kept.append, ResourceRecord({}))
    for _ in range(5000):
        handler.handle(logging.makeLogRecord({"name": "shop", "levelno": 20, "msg": "x"}))
    assert len(kept) == 5000
