"""Too many series: an overflow series, and who is to blame."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.conftest import values
from traceo.metrics import MeterProvider, View
from traceo.metrics.cardinality import Distinct

OVERFLOW = (("otel.metric.overflow", True),)


def test_what_has_no_series_is_counted_together(warnings):
    provider = MeterProvider(cardinality_limit=2)
    counter = provider.get_meter("a").create_counter("orders")
    for user in ("ada", "bob", "cem", "dan", "ada", "cem"):
        counter.add(1, {"user": user})
    assert values(provider) == {"orders": {(("user", "ada"),): 2, (("user", "bob"),): 1, OVERFLOW: 3}}
    assert provider.overflows() == {"orders{user}": 2}
    assert provider.overflowed() == 3
    assert warnings() == [
        "orders has more than 2 series; further ones are counted together. See traceo.status()."
    ]


@settings(max_examples=60)
@given(
    measured=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 9)), max_size=40),
    limit=st.integers(1, 12),
    preference=st.sampled_from(["cumulative", "delta"]),
)
def test_nothing_is_lost_and_no_series_too_many(measured, limit, preference):
    provider = MeterProvider(cardinality_limit=limit, temporality=preference)
    counter = provider.get_meter("a").create_counter("c")
    for left, right, amount in measured:
        counter.add(amount, {"left": left, "right": right})
    found = values(provider).get("c", {})
    assert sum(found.values()) == sum(amount for *_, amount in measured)
    assert len(found) <= limit + 1
    assert (OVERFLOW in found) == (len({pair[:2] for pair in measured}) > limit)


def test_an_attribute_beyond_its_limit_leaves_room_for_others():
    provider = MeterProvider(attribute_limit=2)
    counter = provider.get_meter("a").create_counter("orders")
    for user in range(10):
        counter.add(1, {"route": "/a", "user": user})
    counter.add(1, {"route": "/b", "user": 0})
    assert values(provider) == {
        "orders": {
            (("route", "/a"), ("user", 0)): 1,
            (("route", "/a"), ("user", 1)): 1,
            (("route", "/b"), ("user", 0)): 1,
            OVERFLOW: 8,
        }
    }
    assert provider.overflows() == {"orders{user}": 8}


def test_a_view_gives_its_stream_its_own_limits():
    provider = MeterProvider(
        views=[
            View(instrument_name="a", cardinality_limit=1),
            View(instrument_name="b", attribute_limit=2),
        ]
    )
    meter = provider.get_meter("a")
    for name in ("a", "b", "c"):
        for user in range(4):
            meter.create_counter(name).add(1, {"user": user})
    assert {name: len(series) for name, series in values(provider).items()} == {"a": 2, "b": 3, "c": 4}
    assert provider.overflows() == {"a{user}": 3, "b{user}": 2}


def test_combinations_are_nobodys_fault():
    provider = MeterProvider(cardinality_limit=4)
    counter = provider.get_meter("a").create_counter("c")
    for left, right in ((0, 0), (1, 1), (2, 2), (3, 3), (0, 1), (0, 2)):
        counter.add(1, {"left": left, "right": right})
    assert provider.overflows() == {"c{*}": 2}


def test_the_worst_is_first_and_few_are_named():
    provider = MeterProvider(cardinality_limit=1)
    meter = provider.get_meter("a")
    for number in range(30):
        counter = meter.create_counter(f"c{number:02}")
        for value in range(number + 2):
            counter.add(1, {"k": value})
    worst = provider.overflows()
    assert list(worst)[:3] == ["c29{k}", "c28{k}", "c27{k}"]
    assert len(worst) == 20


def test_attribute_names_without_end_take_no_memory_without_end():
    provider = MeterProvider(cardinality_limit=1)
    counter = provider.get_meter("a").create_counter("c")
    for number in range(100):
        counter.add(1, {f"k{number}": 1})
    assert len(provider.overflows()) == 17
    assert provider.overflows()["c{*}"] == pytest.approx(83, abs=3)


@pytest.mark.parametrize("amount", [1, 10, 1_000, 50_000])
def test_distinct_things_are_counted_well_enough(amount):
    distinct = Distinct()
    for _ in range(2):
        for thing in range(amount):
            distinct.add(("user", thing))
    assert distinct.count() == pytest.approx(amount, rel=0.02, abs=1)


def test_a_delta_forgets_series_that_are_silent():
    provider = MeterProvider(cardinality_limit=2, temporality="delta")
    counter = provider.get_meter("a").create_counter("c")
    counter.add(1, {"user": "ada"})
    counter.add(1, {"user": "bob"})
    assert len(values(provider)["c"]) == 2
    assert values(provider) == {}
    counter.add(1, {"user": "cem"})
    counter.add(1, {"user": "ada"})
    assert values(provider) == {"c": {(("user", "cem"),): 1, (("user", "ada"),): 1}}
    assert provider.overflowed() == 0


def test_observed_series_that_are_gone_make_room():
    from opentelemetry.metrics import Observation

    provider = MeterProvider(cardinality_limit=2)
    alive = []
    provider.get_meter("a").create_observable_gauge(
        "threads", [lambda options: [Observation(1, {"thread": thread}) for thread in alive]]
    )
    for alive[:] in ([1, 2], [2], [2, 3], [3, 4]):
        found = values(provider)["threads"]
    assert found == {(("thread", 3),): 1, OVERFLOW: 1}
    assert values(provider) == {"threads": {(("thread", 3),): 1, (("thread", 4),): 1}}


def test_a_shuffled_order_is_still_the_same_series():
    import itertools

    provider = MeterProvider()
    counter = provider.get_meter("a").create_counter("c")
    attributes = {"a": 1, "b": "2", "c": True, "d": 4.0}
    for order in itertools.permutations(attributes.items()):
        counter.add(1, dict(order))
    assert list(values(provider)["c"].values()) == [24]
