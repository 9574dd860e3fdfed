"""Whatever an application hands over, it gets no exception, and the two twins agree on what is what."""

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import traceo
from tests.metrics.conftest import values
from traceo.metrics import MeterProvider, View, keys


class Broken:
    """Raises whatever is asked of it."""

    def _raise(self, *arguments):
        raise RuntimeError

    __bool__ = __len__ = __iter__ = __getitem__ = __float__ = __index__ = __lt__ = __le__ = _raise
    __hash__ = __eq__ = __str__ = __repr__ = __add__ = __radd__ = values = items = keys = get = _raise


class BrokenMapping(dict):
    def items(self):
        raise RuntimeError

    values = __iter__ = keys = items


ANYTHING = st.one_of(
    st.none(),
    st.builds(Broken),
    st.builds(object),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.integers(),
    st.floats(),
    st.just(BrokenMapping(a=1)),
    st.lists(st.builds(Broken), max_size=2),
    st.dictionaries(
        st.one_of(st.text(max_size=2), st.integers(), st.none(), st.tuples()),
        st.one_of(st.none(), st.builds(Broken), st.text(max_size=2), st.just({}), st.just([{}])),
        max_size=2,
    ),
)


@settings(max_examples=150)
@given(calls=st.lists(st.tuples(ANYTHING, ANYTHING, ANYTHING), max_size=4), keep=st.booleans())
def test_no_measurement_raises(calls, keep):
    views = [View(instrument_name="*", attribute_keys=frozenset("a"))] if keep else []
    provider = MeterProvider(views=views, exemplar_filter="always_on")
    meter = provider.get_meter("a")
    counter, gauge = meter.create_counter("c"), meter.create_gauge("g")
    histogram, up_down = meter.create_histogram("h"), meter.create_up_down_counter("u")
    for _ in range(2):
        for amount, attributes, context in calls:
            counter.add(amount, attributes, context)
            gauge.set(amount, attributes, context)
            histogram.record(amount, attributes, context)
            up_down.add(amount, attributes, context)
    provider.collect()


@settings(max_examples=50)
@given(asked=st.lists(st.tuples(ANYTHING, ANYTHING, ANYTHING), max_size=3))
def test_no_instrument_raises(asked):
    provider = MeterProvider()
    meter = provider.get_meter("a")
    for name, unit, description in asked:
        meter.create_counter(name, unit, description).add(1)
        meter.create_histogram(
            "h", unit, description, explicit_bucket_boundaries_advisory=description
        ).record(1)
        meter.create_observable_gauge(name, description, unit, description)
        meter.create_observable_gauge("g", description)
    provider.collect()


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.floats(-2, 2),
    st.text("ab", max_size=1),
    st.just(float("nan")),
)
CLEANED = st.dictionaries(
    st.text("ab", min_size=1, max_size=2),
    st.one_of(
        SCALARS, st.lists(SCALARS, max_size=2).map(tuple), st.dictionaries(st.text("a"), SCALARS, max_size=1)
    ),
    max_size=3,
)


def plain_python():
    """``keys.py`` itself, whatever stands in its place."""
    path = Path(traceo.__file__).parent / "metrics" / "keys.py"
    spec = importlib.util.spec_from_file_location("keys_in_plain_python", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PURE = plain_python()


def typed(value):
    """A value such that only the same value of the same type equals it."""
    if isinstance(value, tuple):
        return ("tuple", *map(typed, value))
    if isinstance(value, dict):
        return ("dict", tuple(sorted((name, typed(item)) for name, item in value.items())))
    return (type(value).__name__, "nan" if str(value) == "nan" else value)


@given(one=CLEANED, other=CLEANED)
def test_keys_are_equal_where_attributes_are(one, other):
    is_same = typed(one) == typed(other)
    for twin in (keys, PURE):
        assert (twin.canonical(one) == twin.canonical(other)) is is_same
        assert twin.canonical(one) == twin.canonical(dict(reversed(one.items())))
        if twin.are_plain(one) and twin.are_plain(other):
            assert (twin.Keys().of(one) == twin.Keys().of(other)) is (is_same and list(one) == list(other))
    assert keys.canonical(one) == PURE.canonical(one)
    assert keys.are_plain(one) is PURE.are_plain(one)


@pytest.mark.parametrize("keep", [None, frozenset(["a", "k1"])])
@pytest.mark.parametrize("attributes", [{"a": "b"}, {"a": [1]}])
def test_attributes_that_change_while_they_are_read_raise_nothing(attributes, keep):
    import threading

    provider = MeterProvider(views=[View(instrument_name="*", attribute_keys=keep)])
    counter, done = provider.get_meter("a").create_counter("c"), threading.Event()

    def change():
        number = 0
        while not done.is_set():
            number += 1
            attributes[f"k{number % 7}"] = number % 3
            attributes.pop(f"k{(number + 3) % 7}", None)

    thread = threading.Thread(target=change)
    thread.start()
    for _ in range(3_000):
        counter.add(1, attributes)
    done.set()
    thread.join()
    assert sum(values(provider)["c"].values()) == 3_000
    assert provider.ignored() == {}
