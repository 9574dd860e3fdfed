"""Making instruments, and what they take."""

from decimal import Decimal
from fractions import Fraction

import pytest
from opentelemetry import metrics as api
from opentelemetry.metrics import NoOpMeter

from tests.metrics.conftest import values
from traceo.metrics import MeterProvider


def test_each_instrument_is_one_of_the_api(meter):
    made = [
        meter.create_counter("a"),
        meter.create_up_down_counter("b"),
        meter.create_histogram("c"),
        meter.create_gauge("d"),
        meter.create_observable_counter("e"),
        meter.create_observable_up_down_counter("f"),
        meter.create_observable_gauge("g"),
    ]
    kinds = (
        api.Counter,
        api.UpDownCounter,
        api.Histogram,
        api._Gauge,
        api.ObservableCounter,
        api.ObservableUpDownCounter,
        api.ObservableGauge,
    )
    assert [isinstance(instrument, kind) for instrument, kind in zip(made, kinds, strict=True)] == [True] * 7


def test_a_counter_adds_by_attributes_whatever_their_order(meter, collected):
    counter = meter.create_counter("orders")
    counter.add(2, {"country": "IN", "paid": True})
    counter.add(3, {"paid": True, "country": "IN"})
    counter.add(1)
    counter.add(1, {})
    assert collected() == {"orders": {(("country", "IN"), ("paid", True)): 5, (): 2}}


def test_true_one_and_one_point_zero_are_different_values(provider, meter):
    counter = meter.create_counter("orders")
    for value in (True, 1, 1.0, "1", True, 1, 1.0, "1", [True], [1], (1,)):
        counter.add(1, {"value": value})
    (metric,) = provider.collect()
    assert [(point.attributes["value"], point.value) for point in metric.points] == [
        (True, 2), (1, 2), (1.0, 2), ("1", 2), ((True,), 1), ((1,), 2)
    ]  # fmt: skip
    assert [type(point.attributes["value"]) for point in metric.points][:3] == [bool, int, float]


def test_attributes_that_are_not_a_number_are_one_series(meter, collected):
    gauge = meter.create_gauge("g")
    for number in range(3):
        gauge.set(number, {"at": float("nan")})
    ((series,),) = [collected()["g"].values()]
    assert series == 2


def test_a_dict_that_changes_after_the_call_changes_nothing(meter, collected):
    counter, attributes = meter.create_counter("orders"), {"country": "IN"}
    counter.add(1, attributes)
    attributes["country"] = "BR"
    counter.add(1, attributes)
    assert collected() == {"orders": {(("country", "IN"),): 1, (("country", "BR"),): 1}}


def test_attributes_of_wrong_types_are_cleaned_as_those_of_spans(meter, collected, caplog):
    counter = meter.create_counter("orders")
    counter.add(1, {"amount": Decimal("1.5"), "": "no name", 7: "seven"})
    counter.add(1, "not attributes")
    assert collected() == {"orders": {(("7", "seven"), ("amount", "1.5")): 1, (): 1}}
    assert "Invalid type" in caplog.text


@pytest.mark.parametrize("amount", [-1, -0.5, -(1 << 70)])
def test_a_negative_amount_is_ignored_and_told_once(meter, collected, provider, warnings, amount):
    counter, histogram = meter.create_counter("orders"), meter.create_histogram("latency")
    counter.add(1)
    for _ in range(3):
        counter.add(amount)
        histogram.record(amount)
    assert collected() == {"orders": {(): 1}}
    assert warnings() == [
        "orders: an amount is negative; it is ignored.",
        "latency: an amount is negative; it is ignored.",
    ]
    assert provider.ignored() == {"negative": 6}


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), float("-inf"), 10**400])
def test_an_amount_that_is_not_finite_is_ignored_and_told_once(meter, collected, provider, warnings, amount):
    up_down, gauge = meter.create_up_down_counter("queue"), meter.create_gauge("heat")
    up_down.add(1)
    gauge.set(2)
    for _ in range(2):
        up_down.add(amount)
        gauge.set(amount)
    assert collected() == {"queue": {(): 1}, "heat": {(): 2}}
    assert len(warnings()) == 2
    assert provider.ignored() == {"not finite": 4}


@pytest.mark.parametrize("amount", [None, "7", object(), 1j, [1]])
def test_what_is_no_number_is_ignored(meter, provider, amount):
    counter = meter.create_counter("orders")
    counter.add(amount)
    counter.add(amount)
    assert provider.collect() == []
    assert provider.ignored() == {"not a number": 2}


def test_numbers_of_other_makes_are_taken(meter, collected):
    counter = meter.create_counter("orders")
    for amount in (True, Decimal("0.5"), Fraction(1, 4), 1):
        counter.add(amount)
    assert collected() == {"orders": {(): 2.75}}


def test_an_int_beyond_64_bits_becomes_a_float(meter, collected):
    gauge = meter.create_gauge("g")
    gauge.set(1 << 70)
    gauge.set(1 << 70)
    assert collected() == {"g": {(): float(1 << 70)}}


def test_the_same_instrument_is_made_once_whatever_its_case(meter, collected, warnings):
    first = meter.create_counter("Orders", "1", "How many.")
    assert meter.create_counter("orders", "1", "How many.") is first
    assert warnings() == []
    first.add(1)
    assert collected() == {"Orders": {(): 1}}


def test_of_two_descriptions_the_longer_is_sent(provider, meter, warnings):
    meter.create_counter("orders", description="Orders.").add(1)
    meter.create_counter("orders", "{order}", description="Orders.").add(1)
    meter.create_counter("orders", description="Orders, paid or not.").add(1)
    meter.create_counter("orders", description="Any.").add(1)
    metric, other = provider.collect()
    assert (other.unit, other.description) == ("{order}", "Orders.")
    assert (metric.description, metric.points[0].value) == ("Orders, paid or not.", 3)
    assert warnings()[1:] == ["orders exists with another description; the longer one is used."]


def test_one_name_for_two_kinds_is_two_metrics_and_a_warning(provider, meter, warnings):
    meter.create_counter("orders").add(1)
    meter.create_histogram("ORDERS").record(1)
    meter.create_histogram("orders", "ms").record(1)
    assert [(metric.name, metric.kind, metric.unit) for metric in provider.collect()] == [
        ("orders", "sum", ""),
        ("ORDERS", "histogram", ""),
        ("orders", "histogram", "ms"),
    ]
    assert len(warnings()) == 2
    assert "orders exists as Counter in '' and is now made as Histogram in 'ms'" in warnings()[1]


def test_meters_do_not_know_each_others_instruments(provider, warnings):
    provider.get_meter("a").create_counter("orders").add(1)
    provider.get_meter("b", "2").create_gauge("orders").set(2)
    assert [(metric.scope.name, metric.scope.version) for metric in provider.collect()] == [
        ("a", ""),
        ("b", "2"),
    ]
    assert warnings() == []


def test_the_same_scope_gives_the_same_meter(provider):
    assert provider.get_meter("a", "1") is provider.get_meter("a", "1", "", {})
    assert provider.get_meter("a", "1") is not provider.get_meter("a", "1", attributes={"x": 1})


@pytest.mark.parametrize("name", ["", "1st", "two words", "ä", "x" * 256, None, 7])
def test_a_name_that_is_none_gives_an_instrument_that_ignores(provider, meter, warnings, name):
    counter = meter.create_counter(name)
    counter.add(1)
    meter.create_observable_gauge(name, [lambda options: [api.Observation(1)]])
    assert provider.collect() == []
    assert provider.ignored() == {"invalid name": 2}
    assert [warning.partition(" has ")[0] for warning in warnings()] == [
        "Meter 'shop': a Counter",
        "Meter 'shop': a ObservableGauge",
    ]


def test_a_name_that_is_none_is_not_shown(meter, warnings):
    meter.create_counter("orders of ada@example.com")
    assert "ada" not in "".join(warnings())


@pytest.mark.parametrize("unit", ["ä", "x" * 64, 7])
def test_a_unit_that_is_none_is_left_out(provider, meter, warnings, unit):
    meter.create_counter("orders", unit).add(1)
    assert [metric.unit for metric in provider.collect()] == [""]
    assert len(warnings()) == 1


def test_the_advisory_says_which_buckets(provider, meter, warnings):
    histogram = meter.create_histogram("latency", "s", explicit_bucket_boundaries_advisory=[0.1, 1])
    meter.create_histogram("latency", "s", explicit_bucket_boundaries_advisory=[5, 6])
    for value in (0.05, 0.1, 0.11, 1.0, 1.1):
        histogram.record(value)
    ((point,),) = [metric.points for metric in provider.collect()]
    assert (point.bounds, point.bucket_counts) == ((0.1, 1.0), [2, 2, 1])
    assert warnings() == ["latency exists with other bucket boundaries; those are used."]


@pytest.mark.parametrize("bounds", [[2, 1], ["a"], "12", 7, [1, float("inf")], [1, 1]])
def test_an_advisory_that_is_none_is_told_and_left_out(provider, meter, warnings, bounds):
    meter.create_histogram("latency", explicit_bucket_boundaries_advisory=bounds).record(1)
    ((point,),) = [metric.points for metric in provider.collect()]
    assert len(point.bounds) == 15
    assert len(warnings()) == 1


def test_the_first_measurement_is_told_once():
    told = []
    provider = MeterProvider(on_first=lambda: told.append("first"))
    counter = provider.get_meter("a").create_counter("orders")
    assert told == []
    counter.add(-1)
    assert told == []
    counter.add(1)
    counter.add(1)
    provider.get_meter("b").create_observable_counter("c", [lambda options: []])
    assert told == ["first"]


def test_an_instrument_with_callbacks_is_told_when_it_is_made():
    told = []
    provider = MeterProvider(on_first=lambda: told.append("first"))
    provider.get_meter("b").create_observable_counter("c", [lambda options: []])
    assert told == ["first"]


def test_a_failing_start_is_counted_and_the_measurement_kept(warnings):
    provider = MeterProvider(on_first=lambda: 1 / 0)
    provider.get_meter("a").create_counter("orders").add(1)
    assert values(provider) == {"orders": {(): 1}}
    assert warnings() == ["Metrics cannot be sent (ZeroDivisionError)."]


def test_after_the_shutdown_nothing_is_measured_and_what_was_is_told(meter, provider, collected):
    counter = meter.create_counter("orders")
    meter.create_observable_gauge("heat", [lambda options: [api.Observation(1)]])
    counter.add(1)
    provider.shutdown()
    provider.shutdown()
    counter.add(1)
    meter.create_counter("later").add(1)
    assert collected() == {"orders": {(): 1}}
    assert isinstance(provider.get_meter("another"), NoOpMeter)


def test_flush_and_shutdown_flush_with_what_callbacks_say():
    flushed = []

    def flush(timeout_s):
        flushed.append((timeout_s, values(provider)))
        return len(flushed) == 1

    provider = MeterProvider(flush=flush)
    provider.get_meter("a").create_observable_gauge("heat", [lambda options: [api.Observation(1)]])
    assert provider.force_flush(5_000) is True
    provider.shutdown(2_000)
    assert flushed == [(5.0, {"heat": {(): 1}}), (2.0, {"heat": {(): 1}})]


def test_a_failing_flush_is_false(warnings):
    provider = MeterProvider(flush=lambda timeout_s: 1 / 0)
    assert provider.force_flush() is False
    assert warnings() == ["Metrics could not be flushed (ZeroDivisionError)."]


def test_a_disabled_sdk_gives_meters_that_do_nothing(monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert isinstance(MeterProvider().get_meter("a"), NoOpMeter)


def test_proxy_instruments_of_the_api_reach_ours():
    # A provider set later: what the API hands out before is backed by ours afterwards.
    from opentelemetry.metrics._internal import _ProxyMeterProvider

    early = _ProxyMeterProvider()
    counter = early.get_meter("lib").create_counter("orders")
    histogram = early.get_meter("lib").create_histogram("latency", explicit_bucket_boundaries_advisory=[1])
    provider = MeterProvider()
    early.on_set_meter_provider(provider)
    counter.add(1, {"a": "b"})
    histogram.record(2)
    assert sorted(metric.name for metric in provider.collect()) == ["latency", "orders"]


def test_names_without_end_take_no_memory_without_end(monkeypatch, provider, meter, warnings):
    monkeypatch.setattr("traceo.metrics.meter._MOST_INSTRUMENTS", 2)
    monkeypatch.setattr("traceo.metrics.provider._MOST_METERS", 2)
    for number in range(4):
        meter.create_counter(f"orders.{number}").add(1)
    for number in range(4):
        provider.get_meter(f"meter.{number}").create_counter("c").add(1)
    assert [metric.name for metric in provider.collect()] == ["orders.0", "orders.1", "c"]
    assert provider.ignored() == {"too many instruments": 2, "too many meters": 3}
    assert len(warnings()) == 2
