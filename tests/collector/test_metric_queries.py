"""Metrics as the API answers them, against values worked out here from what was measured."""

import bisect
import itertools
import math
import random
import statistics
import time
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

S = 1_000_000_000
T0 = 1_790_000_040 * S  # a whole minute
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5]


@pytest.fixture(scope="module", params=["tail", "segments"])
def collector(request, tmp_path_factory, launch):
    """All tests see their rows in the hot tail of one collector, and in small segments of another."""
    settings = {"roll_rows": 5} if request.param == "segments" else {}
    running = launch(tmp_path_factory.mktemp(request.param) / "data", **settings)
    yield running
    running.end()


def send(collector, request):
    def taken():
        return collector.post("/v1/metrics", request.SerializeToString()).status == 200

    collector.wait_for(taken)  # with segments of five rows the collector asks to come again, often


def ask(collector, name, start_s=0, end_s=60, **parameters):
    query = urllib.parse.urlencode(
        {"start": T0 + start_s * S, "end": T0 + end_s * S, **parameters}, doseq=True
    )
    answer = collector.get(f"/api/traceo/metrics/{urllib.parse.quote(name, safe='')}?{query}")
    assert answer.status == 200, answer.body
    return answer.json


def lines(collector, name, *args, **parameters):
    """Series by the values they are grouped by."""
    found = ask(collector, name, *args, **parameters)
    return {
        tuple(one["attributes"].values()): [value for _, value in one["points"]] for one in found["series"]
    }


def line(collector, name, *args, **parameters):
    return lines(collector, name, *args, **parameters)[()]


def point(value, at_s, start_s=0, **attributes):
    return {
        "asDouble": value,
        "timeUnixNano": T0 + int(at_s * S),
        "startTimeUnixNano": T0 + int(start_s * S) if start_s is not None else 0,
        "attributes": attributes,
    }


def counter(name, *points, temporality=2, monotonic=True, unit="1"):
    data = {"aggregationTemporality": temporality, "isMonotonic": monotonic, "dataPoints": list(points)}
    return {"name": name, "unit": unit, "sum": data}


def gauge(name, *points, unit="1"):
    return {"name": name, "unit": unit, "gauge": {"dataPoints": list(points)}}


def histogram(values, at_s, start_s=0, bounds=BOUNDS, **more):
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[bisect.bisect_left(bounds, value)] += 1
    return {
        "timeUnixNano": T0 + at_s * S,
        "startTimeUnixNano": T0 + start_s * S,
        "count": len(values),
        "sum": math.fsum(values),
        "bucketCounts": counts,
        "explicitBounds": list(bounds),
        **more,
    }


def exponential(values, at_s, start_s=0, scale=3, **more):
    def buckets(positive):
        # OTLP: bucket i holds (base^i, base^(i+1)]
        indexes = [math.ceil(math.log2(value) * 2**scale) - 1 for value in positive]
        if not indexes:
            return {}
        first = min(indexes)
        counts = [indexes.count(i) for i in range(first, max(indexes) + 1)]
        return {"offset": first, "bucketCounts": counts}

    return {
        "timeUnixNano": T0 + at_s * S,
        "startTimeUnixNano": T0 + start_s * S,
        "count": len(values),
        "sum": math.fsum(values),
        "scale": scale,
        "zeroCount": values.count(0),
        "positive": buckets([value for value in values if value > 0]),
        "negative": buckets([-value for value in values if value < 0]),
        **more,
    }


def of_histograms(name, *points, kind="histogram", temporality=2, unit="s"):
    return {
        "name": name,
        "unit": unit,
        kind: {"aggregationTemporality": temporality, "dataPoints": list(points)},
    }


def interpolated(bounds, counts, rank):
    """Prometheus' histogram_quantile, by the book."""
    wanted = rank * sum(counts)
    below = 0.0
    for number, count in enumerate(counts):
        if below + count >= wanted and count:
            if number == len(bounds):
                return bounds[-1]
            low = bounds[number - 1] if number else 0.0
            return low + (bounds[number] - low) * (wanted - below) / count
        below += count
    raise AssertionError


# the list


def test_the_list_tells_what_there_is_of_every_service(collector, make):
    shop = make.metrics(
        {**counter("list.requests", point(1, 1, route="/a"), point(2, 1, route="/b")), "description": "old"},
    )
    late = {**counter("list.requests", point(3, 9, route="/b", code=200)), "description": "Requests"}
    send(collector, shop)
    send(collector, make.metrics(late, service="payments"))
    send(collector, make.metrics(of_histograms("list.time", histogram([1], 2), temporality=1)))
    send(collector, make.metrics(gauge("list.temperature", point(1, 3), unit="Cel")))

    def found(query=""):
        answer = collector.get(f"/api/traceo/metrics{query}").json
        return [one for one in answer["metrics"] if one["name"].startswith("list.")]

    requests = {
        "name": "list.requests",
        "kind": "sum",
        "unit": "1",
        "description": "Requests",
        "temporality": "cumulative",
        "is_monotonic": True,
        "services": ["payments", "shop"],
        "attributes": ["code", "route"],
        "series": 3,
        "last_seen_unix_nano": str(T0 + 9 * S),
    }
    temperature = {
        **requests,
        "name": "list.temperature",
        "kind": "gauge",
        "unit": "Cel",
        "description": "",
        "temporality": None,
        "is_monotonic": False,
        "services": ["shop"],
        "attributes": [],
        "series": 1,
        "last_seen_unix_nano": str(T0 + 3 * S),
    }
    timing = {**temperature, "name": "list.time", "kind": "histogram", "unit": "s", "temporality": "delta"}
    assert found() == [requests, temperature, {**timing, "last_seen_unix_nano": str(T0 + 2 * S)}]
    assert [one["name"] for one in found("?service=payments")] == ["list.requests"]
    assert found("?service=payments")[0] | {"services": ["payments", "shop"]} == requests | {
        "attributes": ["code", "route"],
        "series": 1,
    }
    assert found("?service=nobody") == []


# sums


def test_the_rate_of_a_cumulative_counter_has_no_holes_and_is_right_over_a_reset(collector, make):
    # 60 in the first ten seconds, 30 in the next ten, a restart after 25 s, 20 until 30 s
    send(
        collector,
        make.metrics(
            counter(
                "rate.reset",
                point(60, 10),
                point(90, 20),
                point(20, 30, start_s=25),
                point(20, 40, start_s=25),
            )
        ),
    )
    found = ask(collector, "rate.reset", 0, 50, step_s=5)
    assert {name: value for name, value in found.items() if name != "series"} == {
        "name": "rate.reset",
        "unit": "1",
        "kind": "sum",
        "description": "",
        "aggregation": "rate",
        "start_unix_nano": str(T0),
        "step_s": 5,
        "omitted": 0,
        "exemplars": [],
    }
    assert found["series"][0]["points"] == [
        [str(T0 + at * S), value]
        for at, value in zip(range(0, 50, 5), [6, 6, 3, 3, None, 4, 0, 0, None, None], strict=True)
    ]
    assert line(collector, "rate.reset", 0, 40, step_s=20, aggregation="sum") == [90, 20]
    assert line(collector, "rate.reset", 0, 40, step_s=20, aggregation="last") == [60, 20]


def test_a_counter_that_falls_without_a_new_start_was_reset(collector, make):
    send(
        collector,
        make.metrics(
            counter("rate.falls", *(point(v, at) for v, at in ((50, 10), (70, 20), (5, 30), (15, 40))))
        ),
    )
    assert line(collector, "rate.falls", 0, 40, step_s=10, aggregation="sum") == [50, 20, 5, 10]


def test_a_counter_whose_sender_does_not_say_when_it_began_counts_from_its_second_point(collector, make):
    send(
        collector,
        make.metrics(
            counter("rate.unknown", *(point(v, at, None) for v, at in ((1000, 10), (1020, 20), (7, 30))))
        ),
    )
    assert line(collector, "rate.unknown", 0, 30, step_s=10, aggregation="sum") == [None, 20, 7]


def test_processes_of_one_service_are_added_and_never_taken_for_resets(collector, make):
    for pid, factor in ((1, 1), (2, 100)):
        points = [point(factor * at, at) for at in (10, 20, 30)]
        send(collector, make.metrics(counter("rate.pids", *points), resource={"process.pid": pid}))
    # without a pid they differ by their start alone
    for start, factor in ((0, 1), (5, 10)):
        points = [point(factor * (at - start), at + start / 10, start_s=start) for at in (10, 20, 30)]
        send(collector, make.metrics(counter("rate.starts", *points)))
    assert line(collector, "rate.pids", 0, 30, step_s=10) == [101, 101, 101]
    grouped = lines(collector, "rate.pids", 0, 30, step_s=10, group_by="process.pid")
    assert grouped == {("2",): [100, 100, 100], ("1",): [1, 1, 1]}
    total = line(collector, "rate.starts", 0, 40, step_s=40, aggregation="sum")
    assert total == [pytest.approx(30 + 250)]


def test_a_new_series_of_a_running_process_grew_since_the_last_export_not_since_the_start(collector, make):
    began = -100_000
    send(collector, make.metrics(counter("rate.new", *(point(1000, at, began, code=200) for at in (10, 20)))))
    send(
        collector,
        make.metrics(counter("rate.new", point(1000, 30, began, code=200), point(8, 30, began, code=500))),
    )
    assert line(collector, "rate.new", 0, 40, step_s=10, attribute="code:500", aggregation="sum") == [
        None, None, 8, None,
    ]  # fmt: skip


def test_deltas_are_added_and_one_that_was_sent_twice_counts_once(collector, make):
    request = make.metrics(
        counter(
            "delta", *(point(v, at, at - 10, k="a") for v, at in ((5, 10), (7, 20), (9, 30))), temporality=1
        )
    )
    send(collector, request)
    send(collector, request)
    assert line(collector, "delta", 0, 30, step_s=10, aggregation="sum") == [5, 7, 9]
    assert line(collector, "delta", 0, 30, step_s=15) == [pytest.approx(8.5 / 15), pytest.approx(12.5 / 15)]
    assert line(collector, "delta", 0, 40, step_s=40, aggregation="count") == [3]


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 50), st.booleans()), min_size=1, max_size=8),
    st.integers(1, 40),
    st.data(),
)
@settings(max_examples=40)
def test_whatever_the_step_all_that_was_counted_is_shown_once(shared, make, history, step_s, data):
    """`history`: seconds until the next export, what happened in them, and whether a restart came before."""
    name = f"total.{next(NUMBERS)}"
    points, at, start, total, value = [], 0, 0, 0, 0
    for seconds, count, restart in history:
        if restart:
            start, value = at, 0
        at += seconds
        value += count
        total += count
        points.append(point(value, at, start))
    for some in (points[::2], points[1::2]):
        send(shared, make.metrics(counter(name, *data.draw(st.permutations(some)))))
    found = line(shared, name, 0, at, step_s=step_s, aggregation="sum")
    assert math.fsum(value or 0 for value in found) == pytest.approx(total)
    rates = line(shared, name, 0, at, step_s=step_s)
    assert math.fsum(value or 0 for value in rates) * step_s == pytest.approx(total)


NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def shared(tmp_path_factory, launch):
    running = launch(tmp_path_factory.mktemp("shared") / "data")
    yield running
    running.end()


def test_a_sum_that_falls_is_added_over_processes_and_its_rate_may_be_negative(collector, make):
    for pid, values in ((1, (5, 3)), (2, (10, 20))):
        points = [point(value, at) for value, at in zip(values, (10, 20), strict=True)]
        send(
            collector,
            make.metrics(counter("updown", *points, monotonic=False), resource={"process.pid": pid}),
        )
    assert ask(collector, "updown")["aggregation"] == "last"
    assert line(collector, "updown", 0, 30, step_s=10) == [None, 15, 23]
    falling = line(collector, "updown", 0, 20, step_s=10, aggregation="rate", attribute="process.pid:1")
    assert falling == [0.5, -0.2]


# gauges


def test_a_gauge_holds_until_its_next_value_but_not_longer_than_it_usually_does(collector, make):
    send(
        collector, make.metrics(gauge("held", *(point(v, at, None) for v, at in ((1, 5), (3, 15), (2, 25)))))
    )
    assert line(collector, "held", 0, 80, step_s=5) == [None, 1, 1, 3, 3, 2, 2, 2, 2, 2, *[None] * 6]
    assert line(collector, "held", 0, 30, step_s=10, aggregation="avg") == [1, 2, 2.5]
    assert line(collector, "held", 0, 30, step_s=10, aggregation="count") == [1, 1, 1]


def test_two_exports_at_once_do_not_make_a_gauge_short_lived(collector, make):
    send(collector, make.metrics(gauge("flushed", point(1, 5, None), point(2, 5.1, None))))
    assert line(collector, "flushed", 0, 30, step_s=10) == [2, 2, 2]


def test_a_point_without_a_recorded_value_ends_a_gauge(collector, make):
    ends = {"timeUnixNano": T0 + 20 * S, "flags": 1}
    send(collector, make.metrics(gauge("ended", point(4, 0, None), point(4, 10, None), ends)))
    assert line(collector, "ended", 0, 40, step_s=10) == [4, 4, None, None]


def test_gauges_of_several_processes_are_averaged_or_added(collector, make):
    for pid, value in ((1, 10), (2, 30)):
        send(collector, make.metrics(gauge("many", point(value, 5, None)), resource={"process.pid": pid}))
    assert line(collector, "many", 0, 10, step_s=10) == [20]
    assert line(collector, "many", 0, 10, step_s=10, aggregation="avg") == [20]
    assert line(collector, "many", 0, 10, step_s=10, aggregation="sum") == [40]


# histograms


@pytest.mark.parametrize("temporality", [1, 2])
def test_quantiles_of_buckets_are_those_of_interpolation_by_the_book(collector, make, temporality):
    values = random.Random(temporality)
    first = [values.lognormvariate(-3, 1) for _ in range(400)]
    second = [values.lognormvariate(-1.5, 0.5) for _ in range(300)]
    name = f"explicit.{temporality}"
    if temporality == 2:
        points = [histogram(first, 10), histogram(first + second, 20)]
    else:
        points = [histogram(first, 10, 0), histogram(second, 20, 10)]
    send(collector, make.metrics(of_histograms(name, *points, temporality=temporality)))
    for aggregation, rank in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
        expected = [
            interpolated(BOUNDS, histogram(part, 0)["bucketCounts"], rank) for part in (first, second)
        ]
        assert line(collector, name, 0, 20, step_s=10, aggregation=aggregation) == pytest.approx(expected)
        both = interpolated(BOUNDS, histogram(first + second, 0)["bucketCounts"], rank)
        assert line(collector, name, 0, 20, step_s=20, aggregation=aggregation) == pytest.approx([both])
    assert ask(collector, name)["aggregation"] == "p95"
    assert line(collector, name, 0, 20, step_s=10, aggregation="count") == [400, 300]
    assert line(collector, name, 0, 20, step_s=10, aggregation="rate") == [40, 30]
    sums = line(collector, name, 0, 20, step_s=10, aggregation="sum")
    assert sums == pytest.approx([math.fsum(first), math.fsum(second)])
    averages = line(collector, name, 0, 20, step_s=10, aggregation="avg")
    assert averages == pytest.approx([statistics.fmean(first), statistics.fmean(second)])


@pytest.mark.parametrize("temporality", [1, 2])
@pytest.mark.parametrize("scale", [4, 0])
def test_quantiles_of_exponential_buckets_are_within_a_bucket_of_the_true_ones(
    collector, make, scale, temporality
):
    values = random.Random(scale)
    first = [values.lognormvariate(-3, 1) for _ in range(500)]
    second = [values.lognormvariate(2, 2) for _ in range(500)]
    name = f"exponential.{scale}.{temporality}"
    # a wider range makes an SDK take a coarser scale, in the middle of a stream
    if temporality == 2:
        points = [exponential(first, 10, scale=scale + 2), exponential(first + second, 20, scale=scale)]
    else:
        points = [exponential(first, 10, scale=scale + 2), exponential(second, 20, 10, scale=scale)]
    send(
        collector,
        make.metrics(of_histograms(name, *points, kind="exponentialHistogram", temporality=temporality)),
    )
    base = 2 ** (2**-scale)
    for aggregation, rank in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        found = line(collector, name, 0, 20, step_s=10, aggregation=aggregation)
        for shown, part in zip(found, (first, second), strict=True):
            true = sorted(part)[math.ceil(rank * len(part)) - 1]
            assert true / base <= shown <= true * base


def test_negative_values_and_zeros_have_quantiles_too(collector, make):
    values = [-8.0, -4.0, 0, 0, 0, 0, 1.0, 2.0, 4.0, 8.0]
    send(
        collector,
        make.metrics(
            of_histograms("signed", exponential(values, 10, scale=8), kind="exponentialHistogram", unit="K")
        ),
    )
    assert line(collector, "signed", 0, 10, step_s=10, aggregation="p50") == [0]
    assert line(collector, "signed", 0, 10, step_s=10, aggregation="p99") == [pytest.approx(8, rel=0.01)]


def test_the_least_and_the_largest_value_bound_the_outer_buckets(collector, make):
    values = [0.3, 0.3, 40.0, 60.0]
    send(
        collector,
        make.metrics(of_histograms("bounded", histogram(values, 10, min=0.3, max=60.0), temporality=1)),
    )
    # two values from 2.5 (the last bound) to 60, the 95th of a hundred is at nine tenths of the way
    assert line(collector, "bounded", 0, 10, step_s=10) == [pytest.approx(2.5 + 57.5 * 0.9)]
    assert line(collector, "bounded", 0, 10, step_s=10, aggregation="p50") == [pytest.approx(0.5)]


def test_histograms_of_different_bounds_are_put_together(collector, make):
    low, high = [0.2] * 50, [0.8] * 50
    send(collector, make.metrics(of_histograms("mixed", histogram(low, 10, bounds=[0.1, 0.3]))))
    send(
        collector,
        make.metrics(
            of_histograms("mixed", histogram(high, 10, bounds=[0.7, 0.9])), resource={"host.name": "b"}
        ),
    )
    assert line(collector, "mixed", 0, 10, step_s=10, aggregation="p50") == [pytest.approx(0.3)]
    assert line(collector, "mixed", 0, 10, step_s=10, aggregation="p90") == [pytest.approx(0.7 + 0.2 * 0.8)]


def test_a_histogram_that_restarts_or_gets_other_bounds_invents_nothing(collector, make):
    send(
        collector,
        make.metrics(
            of_histograms(
                "restarts",
                histogram([0.2] * 10, 10),
                histogram([0.2] * 12, 20),
                histogram([0.9] * 4, 30),  # no new start, but fewer
                histogram([0.9] * 4 + [0.3], 40, bounds=[0.25, 0.5, 1]),
                histogram([0.9] * 4 + [0.3] * 3, 50, bounds=[0.25, 0.5, 1]),
            )
        ),
    )
    p50 = line(collector, "restarts", 0, 50, step_s=10, aggregation="p50")
    assert p50 == [pytest.approx(0.175), pytest.approx(0.175), 0.75, None, pytest.approx(0.375)]
    assert line(collector, "restarts", 0, 50, step_s=10, aggregation="count") == [10, 2, 4, 1, 2]


def test_a_histogram_without_buckets_has_rates_and_no_quantiles(collector, make):
    bare = {**histogram([1, 2], 10), "bucketCounts": [], "explicitBounds": []}
    send(collector, make.metrics(of_histograms("bare", bare)))
    assert line(collector, "bare", 0, 10, step_s=10) == [None]
    assert line(collector, "bare", 0, 10, step_s=10, aggregation="avg") == [1.5]


def test_a_summary_shows_the_quantiles_it_came_with(collector, make):
    points = [
        {
            "timeUnixNano": T0 + at * S,
            "startTimeUnixNano": T0,
            "count": 10 * at,
            "sum": 5.0 * at,
            "quantileValues": [{"quantile": 0.5, "value": at}, {"quantile": 0.99, "value": 10 * at}],
        }
        for at in (10, 20)
    ]
    send(collector, make.metrics({"name": "summary", "unit": "s", "summary": {"dataPoints": points}}))
    assert line(collector, "summary", 0, 20, step_s=10) == [10, 10]
    assert line(collector, "summary", 0, 30, step_s=10, aggregation="p99") == [None, 100, 200]
    assert lines(collector, "summary", 0, 30, step_s=10, aggregation="p95") == {}
    assert line(collector, "summary", 0, 20, step_s=10, aggregation="avg") == [0.5, 0.5]


# groups, filters, exemplars


def test_series_are_grouped_by_keys_of_points_and_resources_and_filtered_by_them(collector, make):
    for host in ("a", "b"):
        points = [
            point(10, 10, method="GET", code=200),
            point(20, 10, method="POST", code=200),
            point(5, 10, method="POST", code=500),
        ]
        send(collector, make.metrics(counter("grouped", *points), resource={"host.name": host}))
    send(collector, make.metrics(counter("grouped", point(1, 10)), service="payments"))
    ten = {"start_s": 0, "end_s": 10, "step_s": 10, "aggregation": "sum"}
    assert lines(collector, "grouped", **ten) == {(): [71]}
    assert lines(collector, "grouped", **ten, service="payments") == {(): [1]}
    assert lines(collector, "grouped", **ten, group_by=["method", "host.name"], service="shop") == {
        ("POST", "a"): [25],
        ("POST", "b"): [25],
        ("GET", "a"): [10],
        ("GET", "b"): [10],
    }
    assert lines(collector, "grouped", **ten, group_by="method") == {
        ("POST",): [50],
        ("GET",): [20],
        (None,): [1],
    }
    filtered = ["code:200", "host.name:a"]
    assert lines(collector, "grouped", **ten, attribute=filtered) == {(): [30]}
    assert lines(collector, "grouped", **ten, attribute="code:404") == {}


def test_at_most_twenty_series_are_shown_the_largest_and_the_others_counted(collector, make):
    points = [point(number, 10, customer=f"c{number:02}") for number in range(1, 26)]
    send(collector, make.metrics(counter("wide", *points), of_histograms(
        "wide.time", *(histogram([0.1] * number, 10, attributes={"customer": f"c{number:02}"}) for number in range(1, 26))
    )))  # fmt: skip
    found = ask(collector, "wide", 0, 10, step_s=10, group_by="customer", aggregation="sum")
    assert [one["attributes"]["customer"] for one in found["series"]] == [
        f"c{n:02}" for n in range(25, 5, -1)
    ]
    assert found["omitted"] == 5
    found = ask(collector, "wide.time", 0, 10, step_s=10, group_by="customer")
    assert {one["attributes"]["customer"] for one in found["series"]} == {f"c{n:02}" for n in range(6, 26)}
    assert found["omitted"] == 5


def exemplar(value, at_ms, trace=0, **attributes):
    return {
        "asDouble": value,
        "timeUnixNano": T0 + at_ms * 1_000_000,
        "traceId": "AAAAAAAAAAAAAAAAAAAA" + f"{trace:02}==" if trace else "",
        "spanId": "AAAAAAAAA" + f"{trace % 10}A=" if trace else "",
        "filteredAttributes": attributes,
    }


def test_exemplars_lead_from_a_series_to_a_trace_once_each(collector, make):
    quick = [exemplar(0.01, 1000), exemplar(0.02, 2000, trace=10, user="u1")]
    slow = [exemplar(0.9, 3000, trace=20), exemplar(0.8, 99_000, trace=30)]
    cumulative = of_histograms(
        "with.exemplars",
        histogram([0.01, 0.02], 10, attributes={"route": "/quick"}, exemplars=quick),
        histogram([0.01, 0.02], 20, attributes={"route": "/quick"}, exemplars=quick),
        histogram([0.9], 20, attributes={"route": "/slow"}, exemplars=slow),
    )
    send(collector, make.metrics(cumulative))
    found = ask(collector, "with.exemplars", 0, 20, step_s=10, group_by="route", aggregation="count")
    names = [one["attributes"]["route"] for one in found["series"]]
    shown = [(names[one["series"]], one["value"], one["attributes"]) for one in found["exemplars"]]
    assert shown == [("/quick", 0.01, {}), ("/quick", 0.02, {"user": "u1"}), ("/slow", 0.9, {})]
    assert [len(one["trace_id"]) for one in found["exemplars"]] == [0, 32, 32]
    assert [len(one["span_id"]) for one in found["exemplars"]] == [0, 16, 16]
    assert found["exemplars"][1]["time_unix_nano"] == str(T0 + 2 * S)
    only = ask(collector, "with.exemplars", 0, 20, step_s=10, attribute="route:/slow")
    assert [(one["value"], one["attributes"]) for one in only["exemplars"]] == [(0.9, {"route": "/slow"})]


def test_of_very_many_exemplars_the_slow_ones_of_every_step_are_kept(collector, make):
    many = [exemplar(value / 1000, 10 * value, trace=10 + value % 80) for value in range(1000)]
    send(collector, make.metrics(of_histograms("crowded", histogram([0.1] * 1000, 10, exemplars=many))))
    found = ask(collector, "crowded", 0, 10, step_s=1)["exemplars"]
    assert len(found) == 200
    kept = [one["value"] for one in found]
    assert [sum(step <= 10 * value < step + 1 for value in kept) for step in range(10)] == [20] * 10
    assert 0.999 in kept
    assert 0.099 in kept


# what it is asked


def test_a_name_may_have_slashes_and_its_newest_kind_is_shown(collector, make):
    send(collector, make.metrics(gauge("odd/name: ü", point(1, 1, None))))
    assert line(collector, "odd/name: ü", 0, 10, step_s=10) == [1]
    send(collector, make.metrics(gauge("changed", point(1, 1, None), unit="ms")))
    send(collector, make.metrics(counter("changed", point(5, 9, 0)), service="payments"))
    newest = ask(collector, "changed", 0, 10, step_s=10)
    assert (newest["kind"], newest["unit"]) == ("sum", "1")
    assert ask(collector, "changed", 0, 10, step_s=10, service="shop")["kind"] == "gauge"


def test_without_times_it_is_the_last_hour_as_far_as_all_processes_have_reported(shared, make):
    now = time.time_ns()

    def since(seconds_ago):
        return -(T0 - now) / S - seconds_ago

    for pid, latest in ((1, 5), (2, 20), (3, 1200)):  # the third has ended
        points = [point(float(n), since(latest + 10 * (4 - n)), since(latest + 40)) for n in range(1, 5)]
        shared.post(
            "/v1/metrics",
            make.metrics(counter("recent", *points), resource={"process.pid": pid}).SerializeToString(),
        )
    answer = shared.get("/api/traceo/metrics/recent?step_s=10&aggregation=rate").json
    assert answer["step_s"] == 10
    assert len(answer["series"][0]["points"]) in {360, 361}
    known = [(int(at), value) for at, value in answer["series"][0]["points"] if value is not None]
    assert now - 40 * S < known[-1][0] <= now - 20 * S  # the first is later than that, but not the second
    assert known[-1][1] == pytest.approx(0.2)  # no fall at the end
    spread = {round(value, 6) for at, value in known if at < now - 600 * S}
    assert max(spread) == pytest.approx(0.1)
    assert shared.get("/api/traceo/metrics/recent").json["step_s"] == 30


WRONG = {
    "start=yesterday": "query parameter start: it is not a time",
    "start=20&end=10": "query parameter start: it is after end",
    "step_s=0": "query parameter step_s: it is not a whole number",
    "step_s=1.5": "query parameter step_s: it is not a whole number",
    "start=2026-01-01T00:00:00Z&step_s=1": "query parameter step_s: it makes more than 1500 steps; give at least",
    "aggregation=median": "query parameter aggregation: it is not known; give one of rate",
    "aggregation=p95": "query parameter aggregation: p95 says nothing about a metric of kind sum; give one of rate",
    "attribute=route": "query parameter attribute: it has no colon",
    "groupby=route": "query parameter groupby: it is not known; did you mean group_by?",
    "service=a&service=b": "query parameter service: it is given 2 times",
    "group_by=a&group_by=b&group_by=c&group_by=d&group_by=e": "query parameter group_by: it is given 5 times",
}


@pytest.mark.parametrize("query", WRONG)
def test_a_wrong_parameter_is_told_with_its_fix(shared, make, query):
    send(shared, make.metrics(counter("wrong", point(1, 1))))
    answer = shared.get(f"/api/traceo/metrics/wrong?{query}")
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json["detail"].startswith(WRONG[query])


def test_an_unknown_metric_is_not_found(shared):
    answer = shared.get("/api/traceo/metrics/nothing")
    assert (answer.status, answer.json["type"]) == (404, "urn:traceo:problem:unknown-metric")
    assert shared.get("/api/traceo/metrics?name=x").status == 400


def test_the_documents_of_the_api_tell_all_parameters(shared):
    paths = shared.get("/api/openapi.json").json["paths"]
    named = {
        one["name"]: one["description"] for one in paths["/api/traceo/metrics/{name}"]["get"]["parameters"]
    }
    assert set(named) == {
        "name", "service", "start", "end", "step_s", "aggregation", "group_by", "attribute",
    }  # fmt: skip
    assert all(named.values())
    assert b"/api/traceo/metrics/{name}" in shared.get("/api/docs").body


def test_a_key_or_value_is_never_read_as_sql(shared, make):
    odd = "a'b\"c$name]~1/{rows}<picked>"
    send(shared, make.metrics(counter("odd", {**point(4, 10), "attributes": {odd: odd}})))
    query = {"group_by": odd, "attribute": f"{odd}:{odd}"}
    assert lines(shared, "odd", 0, 10, step_s=10, aggregation="sum", **query) == {(odd,): [4]}


@pytest.mark.parametrize("aggregation", ["rate", "sum", "last", "avg", "p50", "p99", "count"])
def test_extreme_points_do_not_spoil_a_metric(shared, make, aggregation):
    last, name = 2**63 - 1, f"extreme.{aggregation}"
    for pid in (1, 2):
        numbers = [
            {"asDouble": value, "timeUnixNano": at, "startTimeUnixNano": start}
            for value, at, start in (
                (1.7e308, T0 + 1, 0),
                (-1.7e308, T0 + 2, last),
                (1.7e308, last, 1),
                (5e-324, 1, last),
                (0, last - 1, last),
            )
        ]
        point = {"timeUnixNano": T0 + 5, "count": last, "sum": 1.7e308, "startTimeUnixNano": T0 + 9}
        buckets = {"bucketCounts": [0, last], "explicitBounds": [-1.7e308], "max": 1.7e308}
        scales = [
            {"scale": scale, "positive": {"offset": 2**31 - 1, "bucketCounts": [last]}} for scale in (64, -64)
        ]
        send(
            shared,
            make.metrics(
                gauge(f"{name}.gauge", *numbers),
                counter(f"{name}.counter", *numbers),
                counter(f"{name}.delta", *numbers, temporality=1),
                counter(f"{name}.updown", *numbers, monotonic=False),
                of_histograms(
                    f"{name}.explicit", {**point, **buckets}, {**point, **buckets, "timeUnixNano": last}
                ),
                of_histograms(
                    f"{name}.exponential",
                    *({**point, **scale, "timeUnixNano": T0 + at} for at, scale in enumerate(scales)),
                    kind="exponentialHistogram",
                    temporality=1,
                ),
                resource={"process.pid": pid},
            ),
        )
    for kind in ("gauge", "counter", "delta", "updown", "explicit", "exponential"):
        for span in (f"start={T0 - S}&end={T0 + S}", "start=0", f"start=0&end={last}"):
            answer = shared.get(f"/api/traceo/metrics/{name}.{kind}?aggregation={aggregation}&{span}")
            assert answer.status == 200 or "says nothing" in answer.json["detail"], answer.body
    assert shared.get("/api/traceo/metrics").status == 200
