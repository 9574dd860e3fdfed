"""Deltas and totals: what they hold, and when they start."""

import pytest
from opentelemetry.metrics import Observation

from tests.metrics.conftest import SECOND
from traceo.metrics import ExponentialHistogram, MeterProvider, View


def times(provider):
    """Start and end of each point, in seconds of the fake clock."""
    return {
        metric.name: [(point.start_ns // SECOND, point.time_ns // SECOND) for point in metric.points]
        for metric in provider.collect()
    }


def test_all_series_of_a_delta_share_the_interval_from_one_collection_to_the_next(clock):
    provider = MeterProvider(clock=clock, temporality="delta")
    counter = provider.get_meter("a").create_counter("orders")
    clock.tick()
    counter.add(1, {"a": "1"})
    clock.tick()
    counter.add(1, {"a": "2"})
    assert times(provider) == {"orders": [(1000, 1002), (1000, 1002)]}
    clock.tick()
    counter.add(1, {"a": "3"})
    clock.tick()
    assert times(provider) == {"orders": [(1002, 1004)]}
    clock.tick()
    assert times(provider) == {}
    clock.tick()
    counter.add(1, {"a": "1"})
    assert times(provider) == {"orders": [(1005, 1006)]}


def test_a_total_starts_with_the_first_measurement_of_its_series(clock):
    provider = MeterProvider(clock=clock)
    histogram = provider.get_meter("a").create_histogram("latency")
    clock.tick()
    histogram.record(1, {"a": "1"})
    clock.tick()
    assert times(provider) == {"latency": [(1001, 1002)]}
    clock.tick()
    histogram.record(1, {"a": "2"})
    clock.tick()
    assert times(provider) == {"latency": [(1001, 1004), (1003, 1004)]}


def test_an_observed_total_starts_where_the_interval_of_its_first_observation_did(clock):
    provider = MeterProvider(clock=clock)
    observed = [Observation(1, {"a": "1"})]
    provider.get_meter("a").create_observable_counter("reads", [lambda options: observed])
    clock.tick()
    assert times(provider) == {"reads": [(1000, 1001)]}
    clock.tick()
    observed.append(Observation(1, {"a": "2"}))
    assert times(provider) == {"reads": [(1000, 1002), (1001, 1002)]}


def test_a_gauge_has_no_start(clock):
    provider = MeterProvider(clock=clock)
    provider.get_meter("a").create_gauge("heat").set(1)
    assert times(provider) == {"heat": [(0, 1000)]}


PREFERENCES = {
    # counter, observable counter, histogram, up-down counter, observable up-down counter, gauge
    "cumulative": (2, 2, 2, 2, 2, 0),
    "delta": (1, 1, 1, 2, 2, 0),
    "lowmemory": (1, 2, 1, 2, 2, 0),
}


@pytest.mark.parametrize("preference", PREFERENCES)
def test_the_preference_decides_by_kind(monkeypatch, preference):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", preference.upper())
    provider = MeterProvider()
    meter = provider.get_meter("a")
    callbacks = [lambda options: [Observation(1)]]
    meter.create_counter("counter").add(1)
    meter.create_observable_counter("observable.counter", callbacks)
    meter.create_histogram("histogram").record(1)
    meter.create_up_down_counter("up.down").add(1)
    meter.create_observable_up_down_counter("observable.up.down", callbacks)
    meter.create_gauge("gauge").set(1)
    assert tuple(metric.temporality for metric in provider.collect()) == PREFERENCES[preference]


def test_a_preference_that_is_none_is_told_and_cumulative(monkeypatch, warnings):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "sometimes")
    provider = MeterProvider()
    provider.get_meter("a").create_counter("orders").add(1)
    assert [metric.temporality for metric in provider.collect()] == [2]
    assert warnings() == [
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE is not one of cumulative, delta, lowmemory; "
            "cumulative is used."
        )
    ]


def test_each_measurement_is_in_one_delta(clock):
    provider = MeterProvider(
        clock=clock,
        temporality="delta",
        views=[View(instrument_name="*.exp", aggregation=ExponentialHistogram()), View(instrument_name="*")],
    )
    meter = provider.get_meter("a")
    counter, histogram = meter.create_counter("c"), meter.create_histogram("h")
    counts = []
    for batch in (3, 1, 0, 2):
        for _ in range(batch):
            counter.add(1)
            histogram.record(7)
        found = {metric.name: metric.points[0] for metric in provider.collect()}
        counts.append(
            (found["c"].value, found["h"].count, found["h"].sum, found["h"].min, found["h"].max)
            if found
            else None
        )
    assert counts == [(3, 3, 21.0, 7, 7), (1, 1, 7.0, 7, 7), None, (2, 2, 14.0, 7, 7)]
