"""Series that redaction has made equal: a backend takes a series once, so they become one."""

from hypothesis import given
from hypothesis import strategies as st

from traceo.pipeline.scrub import Scrubber
from traceo.pipeline.scrub_metrics import MetricScrubber
from traceo.records import (
    ExemplarRecord,
    ExponentialPoint,
    HistogramPoint,
    MetricRecord,
    NumberPoint,
    ResourceRecord,
    ScopeRecord,
)
from traceo.redaction import Engine, Policy

RESOURCE, SCOPE = ResourceRecord({"service.name": "test"}), ScopeRecord("test")
ENGINE = Engine(Policy.default())


def metric(kind, *points, name="work", scope=SCOPE, **fields) -> MetricRecord:
    return MetricRecord(resource=RESOURCE, scope=scope, name=name, kind=kind, points=points, **fields)


def clean(*records):
    scrubber = MetricScrubber(Scrubber(ENGINE), ENGINE)
    for record in records:
        scrubber.add(record, lambda count: (_ for _ in ()).throw(AssertionError(count)))
    return scrubber.take()


def of(user):
    return {"who": f"{user}@example.com", "route": "/"}


def points(record):
    """Each point's fields as plain values."""
    return [
        {name: getattr(point, name) for name in dir(point) if not name.startswith("_")}
        for point in record.points
    ]


def test_sums_add_up_from_the_earliest_start_to_the_latest_time():
    (made,) = clean(
        metric(
            "sum",
            NumberPoint(3, 100, 10, of("ada"), exemplars=[ExemplarRecord(1, 50, 7, 8)]),
            NumberPoint(5, 0, 10, {"who": "nobody"}),
            NumberPoint(4, 110, 5, of("bob"), exemplars=[ExemplarRecord(2, 60, 7, 9)]),
            temporality=2,
            is_monotonic=True,
        )
    )
    first, other = points(made)
    exemplars = first.pop("exemplars")
    assert first == {
        "value": 7,
        "time_ns": 110,
        "start_ns": 5,
        "attributes": {"who": "[EMAIL]", "route": "/"},
        "flags": 0,
    }
    assert [(one.value, one.span_id) for one in exemplars] == [(1, 8), (2, 9)]
    assert (other["value"], other["attributes"]) == (5, {"who": "nobody"})


def test_of_gauges_the_latest_value_stands():
    (made,) = clean(
        metric("gauge", NumberPoint(3, 120, 0, of("ada")), NumberPoint(4, 110, 0, of("bob"))),
    )
    assert [(point.value, point.time_ns) for point in made.points] == [(3, 120)]


def test_histograms_add_up_bucket_by_bucket():
    def point(user, counts, **more):
        return HistogramPoint(sum(counts), 1, 0, of(user), bucket_counts=counts, bounds=(1.0, 5.0), **more)

    (made,) = clean(
        metric(
            "histogram",
            point("ada", [1, 2, 0], sum=5.0, min=0.5, max=4.0),
            point("bob", [0, 1, 3], sum=30.0, min=2.0, max=9.0),
        )
    )
    (only,) = points(made)
    assert (only["count"], only["sum"], only["min"], only["max"]) == (7, 35.0, 0.5, 9.0)
    assert (list(only["bucket_counts"]), only["bounds"]) == ([1, 3, 3], (1.0, 5.0))


def test_histograms_of_other_bounds_keep_count_and_sum():
    one = HistogramPoint(1, 1, 0, of("ada"), sum=1.0, bucket_counts=[1, 0], bounds=[2.0])
    other = HistogramPoint(2, 1, 0, of("bob"), sum=6.0, bucket_counts=[0, 2], bounds=[1.0])
    (made,) = clean(metric("histogram", one, other))
    (only,) = points(made)
    assert (only["count"], only["sum"], only["bucket_counts"], only["bounds"]) == (3, 7.0, (), ())


def test_instruments_whose_names_redaction_made_equal_become_one():
    made = clean(
        metric("sum", NumberPoint(1, 1), name="of ada@example.com"),
        metric("sum", NumberPoint(2, 1), name="of bob@example.com"),
        metric("gauge", NumberPoint(2, 1), name="of bob@example.com"),
    )
    assert [(one.name, one.kind, [point.value for point in one.points]) for one in made] == [
        ("of [EMAIL]", "sum", [3]),
        ("of [EMAIL]", "gauge", [2]),
    ]


def test_scopes_that_redaction_made_equal_become_one():
    made = clean(
        metric("sum", NumberPoint(1, 1), scope=ScopeRecord("ada@example.com")),
        metric("sum", NumberPoint(2, 1), scope=ScopeRecord("bob@example.com")),
    )
    assert [(one.scope.name, [point.value for point in one.points]) for one in made] == [("[EMAIL]", [3])]


def test_values_of_other_types_are_other_series():
    numbers = [
        NumberPoint(n, 1, 0, {"code": code, **of("ada")}) for n, code in enumerate((1, 1.0, True, "1"))
    ]
    (made,) = clean(metric("sum", *numbers))
    assert [point.value for point in made.points] == [0, 1, 2, 3]


def test_what_is_found_in_a_series_is_counted_once_and_not_at_each_collection():
    engine = Engine(Policy.default())
    scrubber = MetricScrubber(Scrubber(engine), engine)
    record = metric("sum", NumberPoint(1, 1, 0, of("ada")))
    for _ in range(5):
        scrubber.add(record, lambda count: None)
        assert scrubber.take()[0].points[0].attributes == {"who": "[EMAIL]", "route": "/"}
    assert engine.report() == {"EMAIL": 1}


def exponential(user, values, scale):
    """A histogram of these positive whole powers of the base, zeros apart."""
    indexes = [value for value in values if value is not None]
    low = min(indexes, default=0)
    counts = [indexes.count(low + n) for n in range(max(indexes, default=-1) - low + 1)] if indexes else []
    return ExponentialPoint(
        len(values),
        1,
        0,
        of(user),
        scale=scale,
        zero_count=values.count(None),
        positive_offset=low,
        positive_counts=counts,
        negative_offset=low,
        negative_counts=counts,
    )


indexes = st.lists(st.none() | st.integers(-300, 300), max_size=20)


@given(indexes, indexes, st.integers(-3, 8), st.integers(-3, 8))
def test_exponential_histograms_are_joined_at_a_scale_where_both_fit(ones, others, scale, other_scale):
    (made,) = clean(
        metric(
            "exponential_histogram", exponential("ada", ones, scale), exponential("bob", others, other_scale)
        )
    )
    (point,) = made.points
    assert point.count == len(ones) + len(others)
    assert point.zero_count == ones.count(None) + others.count(None)
    assert point.scale <= min(scale, other_scale)
    expected = {}
    for values, given_scale in ((ones, scale), (others, other_scale)):
        for value in values:
            if value is not None:
                index = value >> (given_scale - point.scale)
                expected[index] = expected.get(index, 0) + 1
    for side in ("positive", "negative"):
        counts, offset = getattr(point, f"{side}_counts"), getattr(point, f"{side}_offset")
        assert len(counts) <= 160
        assert {offset + n: count for n, count in enumerate(counts) if count} == expected
