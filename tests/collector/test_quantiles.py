import math

from hypothesis import given
from hypothesis import strategies as st

from traceo.collector.query.quantiles import quantile

ends = st.tuples(st.integers(-1000, 1000), st.integers(0, 1000)).map(lambda pair: (pair[0], sum(pair)))
buckets = st.lists(
    st.builds(lambda bounds, weight: (*map(float, bounds), float(weight)), ends, st.integers(0, 50)),
    max_size=12,
)
ranks = st.floats(0.01, 0.99)


def below(found, value):
    """How many values are not above `value`, each bucket on its own."""
    return math.fsum(
        weight * (1.0 if value >= high else 0.0 if value < low else (value - low) / (high - low))
        for low, high, weight in found
    )


@given(buckets, ranks)
def test_the_share_of_values_up_to_a_quantile_is_its_rank(found, rank):
    total = math.fsum(weight for _, _, weight in found)
    value = quantile(found, rank)
    if total == 0:
        assert value is None
        return
    assert value is not None
    assert below(found, value + 1e-4) >= rank * total * (1 - 1e-6)
    assert below(found, value - 1e-4) <= rank * total * (1 + 1e-6)


@given(buckets, ranks, ranks)
def test_a_higher_rank_never_has_a_lower_value(found, first, second):
    low, high = (quantile(found, rank) for rank in sorted((first, second)))
    assert low is None or low <= high + 1e-9


def test_a_bucket_is_cut_at_the_rank_and_a_width_of_zero_is_one_value():
    assert quantile([(0.0, 10.0, 4.0)], 0.25) == 2.5
    assert quantile([(3.0, 3.0, 1.0), (7.0, 7.0, 1.0)], 0.5) == 3.0
    assert quantile([], 0.5) is None
