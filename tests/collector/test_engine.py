import pytest

from traceo.collector import Settings
from traceo.collector.batch import Signal
from traceo.collector.problems import Problem
from traceo.collector.query.engine import Engine
from traceo.collector.store.store import Store


def test_a_question_that_takes_too_much_memory_is_refused_and_the_next_one_answered(tmp_path):
    (tmp_path / "data").mkdir()
    store = Store(Settings(data=tmp_path / "data"), reader=lambda batch, decoded: ())
    try:
        view = Engine(store).view()
        with pytest.raises(Problem, match="more than 1GiB of memory; give a shorter time range") as raised:
            view.rows(Signal.METRICS, "SELECT len(list(i)) FROM range(1000000000) AS numbers(i)", [], [])
        assert (raised.value.status, raised.value.reason) == (400, "too-much-data")
        assert view.rows(Signal.METRICS, "SELECT count(*) FROM {rows}", [], []) == [(0,)]
    finally:
        store.close()
