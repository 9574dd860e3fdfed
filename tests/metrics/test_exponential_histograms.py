"""Exponential histograms: every value in a bucket that contains it, none lost, as fine as they can be."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from traceo.metrics import ExponentialHistogram, MeterProvider, View
from traceo.metrics.exponential import ExponentialCell, index_of

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)
POSITIVE = st.floats(min_value=5e-324, max_value=1.7976931348623157e308)


def boundary(index, scale):
    """base ^ index, to 60 digits."""
    with localcontext() as context:
        context.prec = 60
        return Decimal(2) ** (Decimal(index) / Decimal(2) ** scale)


@settings(max_examples=300)
@given(value=POSITIVE, scale=st.integers(-10, 12))
@example(value=5e-324, scale=12)
@example(value=2.2250738585072014e-308, scale=0)
@example(value=1.7976931348623157e308, scale=12)
@example(value=1.0, scale=5)
@example(value=1.0000000000000002, scale=12)
@example(value=0.9999999999999999, scale=12)
@example(value=4.0, scale=-2)
@example(value=16.0, scale=-2)
def test_a_bucket_contains_its_values(value, scale):
    index = index_of(value, scale)
    exact = Decimal(value)
    # A double is no closer to a boundary than its own last bit: so much may the logarithm be wrong.
    slack = Decimal("1e-15")
    assert boundary(index, scale) * (1 - slack) < exact <= boundary(index + 1, scale) * (1 + slack)


@given(exponent=st.integers(-1074, 1023), scale=st.integers(-10, 20))
def test_a_power_of_two_ends_its_bucket_exactly(exponent, scale):
    value = 2.0**exponent
    index = index_of(value, scale)
    assert (index + 1) / 2.0**scale >= exponent > index / 2.0**scale


@settings(max_examples=200)
@given(
    amounts=st.lists(FINITE.filter(lambda value: abs(value) < 1e300), max_size=60),
    size=st.sampled_from([2, 3, 10, 160]),
    scale=st.integers(-5, 20),
)
def test_the_counts_are_those_of_the_values(amounts, size, scale):
    cell = ExponentialCell({}, 0, size, scale, True, True)
    for amount in amounts:
        assert cell.record(amount)
    point = cell.point(0, 1, False)
    assert point.count == len(amounts)
    assert point.count == point.zero_count + sum(point.positive_counts) + sum(point.negative_counts)
    assert point.zero_count == sum(1 for amount in amounts if amount == 0)
    assert len(point.positive_counts) <= size
    assert len(point.negative_counts) <= size
    assert point.scale <= scale
    assert indexes(point.positive_offset, point.positive_counts) == expected(amounts, point.scale, 1)
    assert indexes(point.negative_offset, point.negative_counts) == expected(amounts, point.scale, -1)
    if point.scale < scale:  # one finer would not have been enough
        assert any(
            max(found) - min(found) >= size
            for found in (expected(amounts, point.scale + 1, 1), expected(amounts, point.scale + 1, -1))
            if found
        )


def indexes(offset, counts):
    return {offset + place: count for place, count in enumerate(counts) if count}


def expected(amounts, scale, sign):
    found = {}
    for amount in amounts:
        if amount * sign > 0:
            index = index_of(abs(float(amount)), scale)
            found[index] = found.get(index, 0) + 1
    return found


def test_one_value_has_the_finest_scale():
    provider = MeterProvider(views=[View(instrument_name="*", aggregation=ExponentialHistogram())])
    provider.get_meter("a").create_histogram("h").record(3)
    ((point,),) = [metric.points for metric in provider.collect()]
    assert (point.scale, point.positive_counts, point.negative_counts) == (20, [1], [])
    assert (point.count, point.sum, point.min, point.max) == (1, 3.0, 3.0, 3.0)


def test_the_variable_makes_histograms_exponential(monkeypatch):
    monkeypatch.setenv(
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram"
    )
    provider = MeterProvider()
    provider.get_meter("a").create_histogram("h").record(3)
    provider.get_meter("a").create_counter("c").add(3)
    assert [metric.kind for metric in provider.collect()] == ["exponential_histogram", "sum"]


def test_a_histogram_of_what_goes_down_has_no_sum():
    provider = MeterProvider(views=[View(instrument_name="*", aggregation=ExponentialHistogram())])
    up_down = provider.get_meter("a").create_up_down_counter("queue")
    for amount in (2, -2, 0):
        up_down.add(amount)
    ((point,),) = [metric.points for metric in provider.collect()]
    assert (point.positive_counts, point.negative_counts, point.zero_count) == ([1], [1], 1)
    assert (point.positive_offset, point.negative_offset) == ((1 << 20) - 1, (1 << 20) - 1)
    assert (point.sum, point.min, point.max) == (None, -2.0, 2.0)


@pytest.mark.parametrize(
    "wrong", [{"max_size": 1}, {"max_size": 20_000}, {"max_scale": 21}, {"max_scale": -11}]
)
def test_a_shape_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="give a number from"):
        ExponentialHistogram(**wrong)
