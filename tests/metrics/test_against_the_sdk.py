"""The same measurements through opentelemetry-sdk and through ours: the same metrics."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from opentelemetry import metrics as api
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics import MeterProvider as SdkProvider
from opentelemetry.sdk.metrics import view as sdk_view
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

from traceo.metrics import MeterProvider

CUMULATIVE, DELTA = AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA
# As the SDK's OTLP exporters understand the variable.
PREFERENCES = {
    "cumulative": {},
    "delta": {sdk.Counter: DELTA, sdk.Histogram: DELTA, sdk.ObservableCounter: DELTA},
    "lowmemory": {sdk.Counter: DELTA, sdk.Histogram: DELTA},
}

VALUES = st.one_of(
    st.sampled_from(["a", "b", 0, 1, True, False, 1.0, 2.5, ("x", "y"), ["x", "y"], [1], [True]])
)
ATTRIBUTES = st.one_of(
    st.none(), st.dictionaries(st.sampled_from(["k", "route", "status"]), VALUES, max_size=3)
)
NUMBERS = st.one_of(
    st.integers(-5, 1000),
    st.floats(-10, 20_000, allow_nan=False).map(lambda value: round(value, 3)),
    st.sampled_from([float("nan"), float("inf"), 0, 0.0, 5, 5.0, 10_000]),
)
STEPS = st.lists(
    st.one_of(
        st.just("collect"),
        st.tuples(st.sampled_from(["counter", "updown", "histogram", "gauge"]), NUMBERS, ATTRIBUTES),
        st.tuples(st.sampled_from(["ocounter", "oupdown", "ogauge"]), st.integers(0, 100), ATTRIBUTES),
    ),
    max_size=30,
)


class Both:
    """An application, measured by one of the two."""

    def __init__(self, provider):
        self.observed = {"ocounter": [], "oupdown": [], "ogauge": []}
        meter = provider.get_meter("shop", "1")
        self.counter = meter.create_counter("counter", "1", "a counter")
        self.updown = meter.create_up_down_counter("updown")
        self.histogram = meter.create_histogram("histogram", "ms")
        self.gauge = meter.create_gauge("gauge")
        meter.create_observable_counter("ocounter", [self.reader("ocounter")])
        meter.create_observable_up_down_counter("oupdown", [self.reader("oupdown")])
        meter.create_observable_gauge("ogauge", [self.reader("ogauge")])

    def reader(self, name):
        def callback(options):
            return [api.Observation(value, attributes) for value, attributes in self.observed[name]]

        return callback

    def step(self, name, number, attributes):
        if name in self.observed:
            self.observed[name].append((number, attributes))
        elif name == "histogram":
            self.histogram.record(number, attributes)
        elif name == "gauge":
            self.gauge.set(number, attributes)
        else:
            getattr(self, name).add(number, attributes)


def frozen(value):
    if isinstance(value, (list, tuple)):
        return tuple(frozen(item) for item in value)
    return (type(value).__name__, value)


def key_of(attributes):
    return tuple(sorted((name, frozen(value)) for name, value in (attributes or {}).items()))


def sdk_metrics(reader):
    data = reader.get_metrics_data()
    found = {}
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                found[metric.name] = (metric.unit, metric.description, dict(sdk_points(metric)))
    return found


def sdk_points(metric):
    kind = type(metric.data).__name__
    temporality = int(getattr(metric.data, "aggregation_temporality", 0))
    for point in metric.data.data_points:
        shape = (kind, temporality, getattr(metric.data, "is_monotonic", False))
        if kind == "Histogram":
            has_any = point.count > 0
            shape += (
                point.count,
                pytest.approx(point.sum, abs=1e-6),
                point.min if has_any else None,
                point.max if has_any else None,
                list(point.bucket_counts),
                list(point.explicit_bounds),
            )
        else:
            shape += (pytest.approx(point.value, abs=1e-6), type(point.value).__name__)
        yield key_of(point.attributes), shape


KINDS = {"sum": "Sum", "gauge": "Gauge", "histogram": "Histogram"}


def our_metrics(provider):
    return {
        metric.name: (metric.unit, metric.description, dict(our_points(metric)))
        for metric in provider.collect()
    }


def our_points(metric):
    for point in metric.points:
        shape = (KINDS[metric.kind], metric.temporality, metric.is_monotonic)
        if metric.kind == "histogram":
            shape += (point.count, point.sum, point.min, point.max)
            shape += (list(point.bucket_counts), list(point.bounds))
        else:
            shape += (point.value, type(point.value).__name__)
        yield key_of(point.attributes), shape


@settings(max_examples=120)
@given(steps=STEPS, preference=st.sampled_from(sorted(PREFERENCES)))
def test_the_same_measurements_give_the_same_metrics(steps, preference):
    reader = InMemoryMetricReader(preferred_temporality=PREFERENCES[preference])
    sdk_provider = SdkProvider([reader], shutdown_on_exit=False)
    our_provider = MeterProvider(temporality=preference)
    theirs, ours = Both(sdk_provider), Both(our_provider)
    for step in [*steps, "collect"]:
        if step == "collect":
            assert our_metrics(our_provider) == sdk_metrics(reader)
            for observed in (*theirs.observed.values(), *ours.observed.values()):
                observed.clear()
        else:
            theirs.step(*step)
            ours.step(*step)


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["counter", "updown", "histogram", "gauge"]), st.integers(0, 50), ATTRIBUTES
        ),
        max_size=12,
    )
)
def test_views_of_the_sdk_do_the_same_with_us(steps):
    views = [
        sdk_view.View(instrument_name="counter", name="renamed", attribute_keys={"k"}),
        sdk_view.View(
            instrument_name="COUNT*", aggregation=sdk_view.ExplicitBucketHistogramAggregation([1, 10])
        ),
        sdk_view.View(instrument_type=sdk.Histogram, attribute_keys=set(), description="all of it"),
        sdk_view.View(instrument_type=sdk.Histogram, name="total", aggregation=sdk_view.SumAggregation()),
        sdk_view.View(instrument_name="gauge", aggregation=sdk_view.DropAggregation()),
        sdk_view.View(
            instrument_name="updown", meter_name="shop", aggregation=sdk_view.LastValueAggregation()
        ),
        sdk_view.View(instrument_name="updown", meter_name="another", name="never"),
    ]
    reader = InMemoryMetricReader()
    sdk_provider = SdkProvider([reader], views=views, shutdown_on_exit=False)
    our_provider = MeterProvider(views=views)
    theirs, ours = Both(sdk_provider), Both(our_provider)
    for step in steps:
        theirs.step(*step)
        ours.step(*step)
    assert our_metrics(our_provider) == sdk_metrics(reader)


MAGNITUDES = st.floats(1e-300, 1e300, allow_nan=False).flatmap(
    lambda value: st.sampled_from([value, 1.5, 3.0, 1000.0, 1e9])
)


@settings(max_examples=100)
@given(
    batches=st.lists(st.lists(st.one_of(MAGNITUDES, st.just(0.0)), max_size=20), min_size=1, max_size=3),
    size=st.sampled_from([2, 4, 20, 160]),
    preference=st.sampled_from(["cumulative", "delta"]),
)
def test_exponential_histograms_count_as_those_of_the_sdk_at_its_scale(batches, size, preference):
    # The SDK fails to add up intervals ("Incorrect merge scale") when one held nothing but zeros.
    assume(preference == "delta" or all(any(batch) for batch in batches))
    view = sdk_view.View(
        instrument_name="*", aggregation=sdk_view.ExponentialBucketHistogramAggregation(max_size=size)
    )
    reader = InMemoryMetricReader(preferred_temporality=PREFERENCES[preference])
    sdk_provider = SdkProvider([reader], views=[view], shutdown_on_exit=False)
    our_provider = MeterProvider(views=[view], temporality=preference)
    theirs = sdk_provider.get_meter("shop").create_histogram("h")
    ours = our_provider.get_meter("shop").create_histogram("h")
    for batch in batches:
        for value in batch:
            theirs.record(value)
            ours.record(value)
        data = reader.get_metrics_data()
        collected = our_provider.collect()
        if data is None:
            assert collected == []
            continue
        metric = data.resource_metrics[0].scope_metrics[0].metrics[0]
        (their_point,) = metric.data.data_points
        ((our_point,),) = [metric.points for metric in collected]
        assert our_point.count == their_point.count
        assert our_point.zero_count == their_point.zero_count
        assert our_point.sum == pytest.approx(their_point.sum)
        if their_point.count:
            assert (our_point.min, our_point.max) == (their_point.min, their_point.max)
        # The SDK keeps the scale of earlier intervals, and takes zeros for values of scale 0: ours is as fine or finer.
        assert our_point.scale >= their_point.scale or our_point.count == our_point.zero_count
        change = our_point.scale - their_point.scale
        assert counts_at(our_point.positive_offset, our_point.positive_counts, change) == counts_at(
            their_point.positive.offset, their_point.positive.bucket_counts, 0
        )


def counts_at(offset, counts, change):
    """Counts by bucket index, with the scale lowered by ``change``."""
    found = {}
    for place, count in enumerate(counts):
        if count:
            index = (offset + place) >> change
            found[index] = found.get(index, 0) + count
    return found
