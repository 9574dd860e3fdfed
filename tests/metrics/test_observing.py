"""Callbacks: asked once a collection, and harmless."""

import threading
import time

import pytest
from opentelemetry.metrics import CallbackOptions, Observation

from tests.metrics.conftest import values
from traceo.metrics import ExplicitBucketHistogram, MeterProvider, View


def test_a_callback_is_asked_once_a_collection(meter, collected):
    asked = []

    def callback(options):
        asked.append(options)
        return [Observation(len(asked), {"a": "b"})]

    meter.create_observable_counter("reads", [callback])
    assert [collected(), collected()] == [{"reads": {(("a", "b"),): 1}}, {"reads": {(("a", "b"),): 2}}]
    assert asked == [CallbackOptions(10_000), CallbackOptions(10_000)]


def test_a_callback_may_be_a_generator_function(meter, collected):
    def callback(options):
        yield Observation(1, {"n": 1})
        yield Observation(2, {"n": 2})

    meter.create_observable_up_down_counter("queue", [callback])
    assert collected() == {"queue": {(("n", 1),): 1, (("n", 2),): 2}}


def test_a_callback_may_be_a_generator_that_is_sent_the_options(meter, collected):
    sent = []

    def generator():
        options = yield
        for number in range(2):
            sent.append(options.timeout_millis)
            options = yield [Observation(number)]

    meter.create_observable_gauge("heat", [generator()])
    assert [collected() for _ in range(4)] == [{"heat": {(): 0}}, {"heat": {(): 1}}, {}, {}]
    assert sent == [10_000, 10_000]


def test_a_failing_callback_loses_only_what_it_did_not_say(meter, provider, collected, warnings):
    def breaks(options):
        yield Observation(1, {"n": 1})
        raise KeyError("n")

    meter.create_observable_gauge("heat", [breaks, lambda options: [Observation(2, {"n": 2})]])
    meter.create_observable_gauge("cold", [lambda options: [Observation(3)]])
    for _ in range(2):
        assert collected() == {"heat": {(("n", 1),): 1, (("n", 2),): 2}, "cold": {(): 3}}
    assert provider.ignored() == {"callback": 2}
    assert warnings() == ["heat: its callback failed (KeyError)."]


def test_a_value_that_is_none_is_lost_alone(meter, provider, collected):
    garbage = [
        Observation(1, {"n": 1}),
        "text",
        None,
        Observation("text"),
        Observation(float("nan")),
        Observation(2, {"n": 2}),
    ]
    meter.create_observable_gauge("heat", [lambda options: garbage])
    assert collected() == {"heat": {(("n", 1),): 1, (("n", 2),): 2}}
    assert provider.ignored() == {"not an observation": 2, "not a number": 1, "not finite": 1}


@pytest.mark.parametrize("callback", [lambda options: None, list, 7, lambda options: 7])
def test_what_is_no_callback_is_counted(meter, provider, callback):
    meter.create_observable_gauge("heat", [callback])
    assert provider.collect() == []
    assert provider.ignored() == {"callback": 1}


def test_callbacks_that_are_no_list_are_counted(meter, provider):
    meter.create_observable_gauge("heat", 7)
    meter.create_observable_gauge("cold")
    assert provider.collect() == []
    assert provider.ignored() == {"internal": 1}


def test_a_callback_without_end_is_ended(meter, provider):
    def forever(options):
        while True:
            yield Observation(1)

    meter.create_observable_counter("reads", [forever])
    assert provider.collect() != []
    assert provider.ignored() == {"callback": 1}


def test_the_same_instrument_made_again_asks_all_callbacks(meter, collected):
    meter.create_observable_gauge("heat", [lambda options: [Observation(1, {"n": 1})]])
    meter.create_observable_gauge("heat", [lambda options: [Observation(2, {"n": 2})]])
    assert collected() == {"heat": {(("n", 1),): 1, (("n", 2),): 2}}


def test_observations_of_one_series_add_up_and_of_a_gauge_the_last_counts(meter, collected):
    said = [Observation(1), Observation(2)]
    meter.create_observable_counter("reads", [lambda options: said])
    meter.create_observable_gauge("heat", [lambda options: said])
    assert collected() == {"reads": {(): 3}, "heat": {(): 2}}


def test_a_view_that_drops_attributes_adds_up_what_was_observed():
    provider = MeterProvider(views=[View(instrument_name="reads", attribute_keys=frozenset())])
    provider.get_meter("a").create_observable_counter(
        "reads", [lambda options: [Observation(1, {"n": 1}), Observation(2, {"n": 2})]]
    )
    assert values(provider) == {"reads": {(): 3}}


def test_callbacks_do_not_become_histograms(warnings):
    provider = MeterProvider(views=[View(instrument_name="*", aggregation=ExplicitBucketHistogram())])
    provider.get_meter("a").create_observable_gauge("heat", [lambda options: [Observation(1)]])
    assert values(provider) == {"heat": {(): 1}}
    assert len(warnings()) == 1


def test_an_instrument_may_be_made_in_a_callback(meter, collected):
    def callback(options):
        meter.create_counter("made").add(1)
        return [Observation(1)]

    meter.create_observable_gauge("heat", [callback])
    assert collected() == {"heat": {(): 1}, "made": {(): 1}}


def test_a_coroutine_is_no_answer(meter, provider):
    async def callback(options):
        return [Observation(1)]

    meter.create_observable_gauge("heat", [callback])
    assert provider.collect() == []
    assert provider.ignored() == {"callback": 1}


def test_a_callback_that_hangs_holds_nobody_up(meter, provider, collected, warnings):
    entered, release, asked = threading.Event(), threading.Event(), []

    def hangs(options):
        asked.append(options)
        yield Observation(1, {"n": 1})
        if len(asked) == 1:
            entered.set()
            release.wait(20)
        yield Observation(2, {"n": 2})

    meter.create_observable_counter("reads", [hangs])
    meter.create_counter("orders").add(1)
    found = [metric.name for metric in provider.collect(timeout_millis=1000)]  # time to begin
    assert entered.wait(10)
    assert "orders" in found
    assert collected() == {"orders": {(): 1}}  # and does not ask again
    release.set()
    deadline = time.monotonic() + 10
    while not provider._asker._unfinished.is_done(0) and time.monotonic() < deadline:
        pass
    assert collected() == {"orders": {(): 1}, "reads": {(("n", 1),): 1, (("n", 2),): 2}}
    assert len(asked) == 2
    assert provider.ignored() == {"callback unfinished": 2}


def test_what_is_said_too_late_is_not_taken(provider):
    from traceo.metrics.asking import Round

    taken, late = [], Round()
    assert late.take(lambda: taken.append(1))
    late.end()
    assert not late.take(lambda: taken.append(2))
    assert taken == [1]
