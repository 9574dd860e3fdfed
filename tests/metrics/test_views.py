"""Views: what is measured, and what becomes of it."""

import pytest
from opentelemetry import metrics as api

from tests.metrics.conftest import values
from traceo.metrics import Drop, ExplicitBucketHistogram, LastValue, MeterProvider, Sum, View


def measured(*views):
    """One of each through these views."""
    provider = MeterProvider(views=views)
    meter = provider.get_meter("shop", "1.2", "https://schema")
    meter.create_counter("Orders.Paid", "1").add(2, {"route": "/a", "user": "ada"})
    meter.create_histogram("latency", "ms").record(7, {"route": "/a"})
    return provider


DEFAULT = {"Orders.Paid": "sum", "latency": "histogram"}


@pytest.mark.parametrize(
    ("view", "kinds"),
    [
        (View(instrument_name="orders.*", aggregation=Drop()), {"latency": "histogram"}),
        (View(instrument_name="ORDERS.PAI?", aggregation=LastValue()), {**DEFAULT, "Orders.Paid": "gauge"}),
        (View(instrument_type="histogram", aggregation=Sum()), {**DEFAULT, "latency": "sum"}),
        (View(instrument_type=api.Histogram, aggregation=Drop()), {"Orders.Paid": "sum"}),
        (View(instrument_type="up_down_counter", aggregation=Drop()), DEFAULT),
        (View(instrument_unit="m*", aggregation=Drop()), {"Orders.Paid": "sum"}),
        (View(meter_name="shop", aggregation=Drop()), {}),
        (View(meter_name="shop", meter_version="1.3", aggregation=Drop()), DEFAULT),
        (View(meter_schema_url="https://schema", meter_version="1.2", aggregation=Drop()), {}),
        (View(instrument_name="latency", name="slowness"), {"Orders.Paid": "sum", "slowness": "histogram"}),
    ],
)
def test_a_view_is_for_what_it_names(view, kinds):
    assert {metric.name: metric.kind for metric in measured(view).collect()} == kinds


def test_attributes_that_are_not_kept_are_added_up():
    provider = MeterProvider(views=[View(instrument_name="orders", attribute_keys=frozenset(["route", "x"]))])
    orders = provider.get_meter("a").create_counter("orders")
    for user in ("ada", "bob"):
        orders.add(1, {"user": user, "route": "/a"})
        orders.add(1, {"user": user})
    assert values(provider) == {"orders": {(("route", "/a"),): 2, (): 2}}


def test_two_views_make_two_metrics():
    provider = measured(
        View(instrument_name="orders.paid", name="a", attribute_keys=frozenset()),
        View(
            instrument_name="orders.paid", name="b", description="by user", attribute_keys=frozenset(["user"])
        ),
    )
    found = {metric.name: (metric.description, metric.points[0].attributes) for metric in provider.collect()}
    assert found == {
        "a": ("", {}),
        "b": ("by user", {"user": "ada"}),
        "latency": ("", {"route": "/a"}),
    }


def test_two_views_of_one_name_make_one_metric(warnings):
    provider = measured(View(instrument_name="orders*"), View(instrument_type="counter"))
    assert [metric.name for metric in provider.collect()] == ["Orders.Paid", "latency"]


def test_two_instruments_renamed_to_one_are_told(warnings):
    provider = MeterProvider(
        views=[View(instrument_name="a", name="same"), View(instrument_name="b", name="same")]
    )
    meter = provider.get_meter("m")
    meter.create_counter("a").add(1)
    meter.create_counter("b").add(1)
    assert [metric.name for metric in provider.collect()] == ["same", "same"]
    assert warnings() == [
        (
            "same exists as Counter in '' and is now made as Counter in '': two metrics of one name. "
            "Give it another name, or rename it by a view."
        )
    ]


def test_a_view_that_renames_one_of_two_makes_peace(warnings):
    provider = MeterProvider(views=[View(instrument_name="orders", instrument_type="gauge", name="open")])
    meter = provider.get_meter("m")
    meter.create_counter("orders").add(1)
    meter.create_gauge("orders").set(2)
    assert values(provider) == {"orders": {(): 1}, "open": {(): 2}}
    assert warnings() == []


def test_a_view_chooses_the_buckets_before_the_advisory():
    provider = MeterProvider(
        views=[View(instrument_name="*", aggregation=ExplicitBucketHistogram((1.0,), record_min_max=False))]
    )
    histogram = provider.get_meter("a").create_histogram("h", explicit_bucket_boundaries_advisory=[7])
    histogram.record(1)
    histogram.record(2)
    ((point,),) = [metric.points for metric in provider.collect()]
    assert (point.bounds, point.bucket_counts, point.min, point.max) == ((1.0,), [1, 1], None, None)


def test_no_buckets_still_count():
    provider = MeterProvider(views=[View(instrument_name="*", aggregation=ExplicitBucketHistogram(()))])
    provider.get_meter("a").create_histogram("h").record(3)
    ((point,),) = [metric.points for metric in provider.collect()]
    assert (point.count, point.sum, point.bucket_counts, point.bounds) == (1, 3.0, [1], ())


@pytest.mark.parametrize("wrong", [{}, {"name": "n"}, {"name": "n", "instrument_name": "a*"}])
def test_a_view_that_says_too_little_or_too_much_is_refused(wrong):
    with pytest.raises(ValueError, match="view"):
        View(**wrong)


@pytest.mark.parametrize("bounds", [(2.0, 1.0), (float("nan"),)])
def test_boundaries_must_grow(bounds):
    with pytest.raises(ValueError, match="boundaries"):
        ExplicitBucketHistogram(bounds)


def test_what_is_no_view_is_told_and_left_out(warnings):
    provider = MeterProvider(views=["*"])
    provider.get_meter("a").create_counter("c").add(1)
    assert values(provider) == {"c": {(): 1}}
    assert warnings() == ["A view of metrics is left out: str is not a view."]
