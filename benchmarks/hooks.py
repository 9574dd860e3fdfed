"""What a hook adds to one call of its library: every row of the contract, with and without it, in turn.

    .venv/bin/python -m pytest -q -s benchmarks/hooks.py          (-k redis for one row)

CPU time of the whole process (a row's server may run in it: it costs the same on both sides), medians over
rounds. The budget is for one span with its attributes and its share of the propagation.
"""

import statistics
import time

import pytest

from tests.contract.row import Planted, Row, all_rows
from tests.contract.test_contract import hooked, outcome
from tests.instrumentation.conftest import serve  # noqa: F401  a fixture of the rows
from tests.services import *  # noqa: F403  the same
from traceo.tracing import TracerProvider

BUDGET_US = 40.0
ROUND_S = 0.25
ROUNDS = 7
PLANTED = Planted()

lines: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def table():
    print(f"\n{'row':18} {'spans':>5} {'without':>10} {'with':>10} {'a span':>10}   µs CPU a call")
    yield
    print("\n".join(lines))


@pytest.mark.parametrize("row", all_rows(), ids=str)
def test_cost(row: Row, request):
    spans: list[object] = []
    provider = TracerProvider(sink=spans.append, shutdown_on_exit=False)
    with row.open(request) as calls:
        outcome(calls.good, PLANTED)
        calls_a_round = repetitions(calls)
    without, with_it = [], []
    for _ in range(ROUNDS):
        with row.open(request) as calls:
            without.append(cost_us(calls, calls_a_round))
        with hooked(row, provider), row.open(request) as calls:
            with_it.append(cost_us(calls, calls_a_round))
            spans.clear()
    before, after = statistics.median(without), statistics.median(with_it)
    a_span = (after - before) / max(1, len(row.good))
    over = "   over the budget" if a_span > BUDGET_US else ""
    lines.append(f"{row!s:18} {len(row.good):>5} {before:>10.1f} {after:>10.1f} {a_span:>+10.1f}{over}")


def repetitions(calls) -> int:
    """So many that a round takes its time."""
    start, number = time.perf_counter(), 0
    while time.perf_counter() - start < ROUND_S:
        calls.good(PLANTED)
        number += 1
    return number


def cost_us(calls, number: int) -> float:
    calls.good(PLANTED)
    start = time.process_time()
    for _ in range(number):
        calls.good(PLANTED)
    return (time.process_time() - start) / number * 1e6
