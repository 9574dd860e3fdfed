"""Counts, errors and latency of spans, whatever the sampler does."""

import os
import threading

import pytest
from opentelemetry.trace import SpanKind, Status, StatusCode

from traceo.records import HistogramPoint
from traceo.tracing import Resource, TracerProvider
from traceo.tracing.consistent import ConsistentRatio
from traceo.tracing.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from traceo.tracing.span import DroppedSpan
from traceo.tracing.span_metrics import SpanMetrics

SERVER, CLIENT, PRODUCER, CONSUMER = (
    SpanKind.SERVER,
    SpanKind.CLIENT,
    SpanKind.PRODUCER,
    SpanKind.CONSUMER,
)
MS = 1_000_000


def provider_with(sampler=ALWAYS_ON, *, sink=None, keep_errors=False, **options) -> TracerProvider:
    return TracerProvider(
        sampler,
        Resource({"service.name": "test"}),
        shutdown_on_exit=False,
        sink=sink,
        keep_errors=keep_errors,
        span_metrics=SpanMetrics(**options),
    )


def record(provider, name="work", kind=SERVER, attributes=None, ms=20, status=None) -> None:
    span = provider.get_tracer("test").start_span(
        name, kind=kind, attributes=attributes, start_time=1_000 * MS
    )
    if status is not None:
        span.set_status(status)
    span.end((1_000 + ms) * MS)


def series(provider) -> dict:
    """metric → {attributes: count}, with attributes as a sorted tuple."""
    return {
        metric.name: {tuple(sorted(point.attributes.items())): point.count for point in metric.points}
        for metric in provider.collect()
    }


def point_of(provider) -> HistogramPoint:
    (metric,) = provider.collect()
    (point,) = metric.points
    return point


SPANS = {
    "http.server.request.duration": (
        SERVER,
        {
            "http.request.method": "GET",
            "http.route": "/orders/{id}",
            "http.response.status_code": 200,
            "url.scheme": "https",
            "url.path": "/orders/7",
            "client.address": "192.0.2.7",
        },
        {
            "http.request.method": "GET",
            "http.route": "/orders/{id}",
            "http.response.status_code": 200,
            "url.scheme": "https",
        },
    ),
    "http.client.request.duration": (
        CLIENT,
        {
            "http.request.method": "POST",
            "url.full": "https://pay.example/7",
            "server.address": "pay.example",
            "server.port": 443,
            "http.response.status_code": 503,
            "error.type": "503",
        },
        {
            "http.request.method": "POST",
            "server.address": "pay.example",
            "server.port": 443,
            "http.response.status_code": 503,
            "error.type": "503",
        },
    ),
    "db.client.operation.duration": (
        CLIENT,
        {
            "db.system.name": "postgresql",
            "db.operation.name": "SELECT",
            "db.collection.name": "orders",
            "db.query.text": "SELECT 1",
            "http.request.method": "POST",
        },
        {
            "db.system.name": "postgresql",
            "db.operation.name": "SELECT",
            "db.collection.name": "orders",
        },
    ),
    "messaging.process.duration": (
        CONSUMER,
        {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.operation.name": "poll",
            "messaging.destination.name": "orders",
            "messaging.message.id": "1",
        },
        {
            "messaging.system": "kafka",
            "messaging.operation.name": "poll",
            "messaging.destination.name": "orders",
        },
    ),
    "messaging.client.operation.duration": (
        PRODUCER,
        {
            "messaging.system": "rabbitmq",
            "messaging.operation.name": "send",
            "messaging.destination.name": "amq.gen-7",
            "messaging.destination.temporary": True,
        },
        {"messaging.system": "rabbitmq", "messaging.operation.name": "send"},
    ),
    "rpc.server.call.duration": (
        SERVER,
        {"rpc.system": "grpc", "rpc.service": "Shop", "rpc.method": "Pay", "rpc.grpc.status_code": 0},
        {
            "rpc.system.name": "grpc",
            "rpc.service": "Shop",
            "rpc.method": "Pay",
            "rpc.response.status_code": 0,
        },
    ),
    "mcp.client.operation.duration": (
        CLIENT,
        {"mcp.method.name": "tools/call", "gen_ai.tool.name": "add", "gen_ai.operation.name": "execute_tool"},
        {"mcp.method.name": "tools/call", "gen_ai.tool.name": "add"},
    ),
    "traces.span.metrics.duration": (
        SERVER,
        {"who": "nobody"},
        {"span.name": "work", "span.kind": "server", "status.code": "unset"},
    ),
}


@pytest.mark.parametrize("metric", SPANS)
def test_a_span_is_measured_where_the_conventions_say_and_by_attributes_of_few_values(metric):
    kind, given, expected = SPANS[metric]
    provider = provider_with()
    record(provider, kind=kind, attributes=given)
    assert series(provider) == {metric: {tuple(sorted(expected.items())): 1}}


def test_a_consumer_that_only_receives_is_a_client():
    provider = provider_with()
    record(
        provider,
        kind=CONSUMER,
        attributes={"messaging.system": "kafka", "messaging.operation.type": "receive"},
    )
    assert list(series(provider)) == ["messaging.client.operation.duration"]


def test_a_call_of_a_language_model_counts_its_tokens_too():
    provider = provider_with()
    given = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 300,
        "gen_ai.usage.output_tokens": 20,
    }
    record(provider, kind=CLIENT, attributes=given)
    found = {metric.name: metric for metric in provider.collect()}
    tokens = found["gen_ai.client.token.usage"]
    assert tokens.unit == "{token}"
    assert {point.attributes["gen_ai.token.type"]: (point.count, point.sum) for point in tokens.points} == {
        "input": (1, 300),
        "output": (1, 20),
    }
    assert [point.count for point in found["gen_ai.client.operation.duration"].points] == [1]


def test_internal_spans_are_not_measured():
    provider = provider_with()
    record(provider, kind=SpanKind.INTERNAL)
    assert provider.collect() == []


def test_a_point_has_seconds_in_the_buckets_that_the_conventions_advise():
    provider = provider_with(clock=iter((100, 200)).__next__)
    for ms in (5, 6, 20_000, -3):
        record(provider, attributes={"http.request.method": "GET"}, ms=ms)
    (metric,) = provider.collect()
    (point,) = metric.points
    assert (metric.kind, metric.unit, metric.temporality) == ("histogram", "s", 2)
    assert point.bounds == (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
    assert point.bucket_counts == [2, 1, *[0] * 12, 1], "upper bounds are inclusive, time never runs back"
    assert (point.count, point.sum, point.min, point.max) == (4, 20.011, 0.0, 20.0)
    assert (point.start_ns, point.time_ns) == (100, 200)


def test_at_one_percent_counts_errors_and_latency_are_exact():
    kept = []
    provider = provider_with(ParentBased(ConsistentRatio(0.01)), sink=kept.append)
    tracer = provider.get_tracer("test")
    for number in range(10_000):
        attributes = {"http.request.method": "GET", "http.route": "/"}
        span = tracer.start_span("GET /", kind=SERVER, attributes=attributes, start_time=0)
        span.set_attribute("http.response.status_code", 500 if number % 100 == 7 else 200)
        if number % 100 == 7:
            span.set_attribute("error.type", "500")
        span.end(10 * MS)
    assert 20 < len(kept) < 300, "the sampler went on as before"
    (metric,) = provider.collect()
    assert {
        (p.attributes["http.response.status_code"], p.attributes.get("error.type")): p.count
        for p in metric.points
    } == {(200, None): 9_900, (500, "500"): 100}
    assert sum(point.sum for point in metric.points) == pytest.approx(100)


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, ParentBased(ALWAYS_OFF), ParentBased(ConsistentRatio(0))])
def test_a_span_left_out_records_for_its_metric_alone_and_its_internal_children_nothing(sampler):
    kept = []
    provider = provider_with(sampler, sink=kept.append)
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("GET /", kind=SERVER) as server:
        assert server.is_recording()
        assert not server.get_span_context().trace_flags.sampled
        with tracer.start_as_current_span("inside") as inside:
            assert type(inside) is DroppedSpan
            with tracer.start_as_current_span(
                "SELECT", kind=CLIENT, attributes={"db.system.name": "x"}
            ) as db:
                assert db.get_span_context().trace_id == server.get_span_context().trace_id
    assert kept == []
    assert {name: sum(found.values()) for name, found in series(provider).items()} == {
        "traces.span.metrics.duration": 1,
        "db.client.operation.duration": 1,
    }


def test_without_span_metrics_a_span_left_out_is_dropped_as_before():
    provider = TracerProvider(ALWAYS_OFF, shutdown_on_exit=False)
    assert type(provider.get_tracer("test").start_span("GET /", kind=SERVER)) is DroppedSpan
    assert provider.collect() == []


def test_an_error_without_a_type_is_named_by_its_exception():
    provider = provider_with()
    tracer = provider.get_tracer("test")
    with pytest.raises(KeyError), tracer.start_as_current_span("GET", kind=SERVER):
        raise KeyError("7")
    record(provider, name="GET", status=Status(StatusCode.ERROR))
    record(provider, name="GET", status=Status(StatusCode.OK))
    rows = {
        (dict(key)["status.code"], dict(key).get("error.type"))
        for key in series(provider)["traces.span.metrics.duration"]
    }
    assert rows == {("error", "KeyError"), ("error", "_OTHER"), ("ok", None)}


def test_a_kept_trace_stands_for_its_bucket_and_only_once():
    provider = provider_with()
    span = provider.get_tracer("test").start_span("GET", kind=SERVER, start_time=0)
    span.end(30 * MS)
    (exemplar,) = point_of(provider).exemplars
    context = span.get_span_context()
    assert (exemplar.value, exemplar.time_ns) == (0.03, 30 * MS)
    assert (exemplar.trace_id, exemplar.span_id) == (context.trace_id, context.span_id)
    assert point_of(provider).exemplars == []


def test_a_trace_that_is_left_out_stands_for_nothing():
    provider = provider_with(ALWAYS_OFF)
    record(provider)
    assert point_of(provider).exemplars == []


def test_a_trace_that_is_kept_for_its_error_stands_for_it():
    kept = []
    provider = provider_with(ALWAYS_OFF, sink=kept.append, keep_errors=True)
    tracer = provider.get_tracer("test")
    record(provider, name="fine")
    with (
        tracer.start_as_current_span("GET", kind=SERVER) as server,
        tracer.start_as_current_span("query", kind=CLIENT, attributes={"db.system.name": "x"}) as query,
    ):
        query.set_status(Status(StatusCode.ERROR))
    assert len(kept) == 2
    found = {
        exemplar.span_id
        for metric in provider.collect()
        for point in metric.points
        for exemplar in point.exemplars
    }
    assert found == {server.get_span_context().span_id, query.get_span_context().span_id}


def test_exemplars_can_be_switched_off(monkeypatch):
    monkeypatch.setenv("OTEL_METRICS_EXEMPLAR_FILTER", "always_off")
    provider = provider_with()
    record(provider)
    assert point_of(provider).exemplars == []


def test_beyond_the_limit_spans_are_counted_together_and_the_attribute_is_named():
    provider = provider_with(limit=10)
    for number in range(30):
        record(provider, attributes={"http.request.method": "GET", "http.route": f"/{number}"})
    found = series(provider)["http.server.request.duration"]
    assert len(found) == 11
    assert found[(("otel.metric.overflow", True),)] == 20
    assert provider.span_metrics.overflows() == {"http.server.request.duration{http.route}": 20}


def test_a_value_that_is_no_key_counts_with_the_rest():
    provider = provider_with()
    record(provider, attributes={"http.request.method": "GET", "http.route": {"a": 1}})
    assert series(provider) == {"http.server.request.duration": {(("otel.metric.overflow", True),): 1}}


def test_times_that_are_no_numbers_harm_nobody():
    provider = provider_with()
    span = provider.get_tracer("test").start_span("GET", kind=SERVER, start_time="soon")
    span.end()
    tracer = provider.get_tracer("test")
    tracer.start_span("GET", kind=SERVER, start_time=1.5 * MS).end(2.5 * MS)
    assert point_of(provider).sum == 0.001
    assert provider.span_metrics.durations.failures == 1


@pytest.mark.parametrize("preference", ["delta", "lowmemory"])
def test_deltas_tell_what_has_come_since(preference, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", preference)
    provider = provider_with(clock=iter((100, 200, 300, 400)).__next__)
    record(provider, ms=5)
    (first,) = provider.collect()
    record(provider, ms=7)
    record(provider, ms=9)
    second = point_of(provider)
    assert (first.temporality, first.points[0].count, first.points[0].max) == (1, 1, 0.005)
    assert (second.count, second.sum, second.min, second.max) == (2, 0.016, 0.007, 0.009)
    assert (second.start_ns, second.time_ns) == (200, 300)
    assert provider.collect() == []


def test_the_first_span_measured_is_announced_once():
    calls = []
    provider = provider_with(on_first=lambda: calls.append(1))
    record(provider, kind=SpanKind.INTERNAL)
    assert calls == []
    record(provider)
    record(provider)
    assert calls == [1]


def test_threads_lose_no_count():
    provider = provider_with(ALWAYS_OFF)
    tracer = provider.get_tracer("test")

    def work():
        for number in range(2_000):
            tracer.start_span("GET", kind=SERVER, attributes={"http.request.method": str(number % 7)}).end()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(series(provider)["http.server.request.duration"].values()) == 8_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_starts_from_zero():
    provider = provider_with()
    record(provider)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        before = series(provider)
        record(provider)
        os.write(writer, repr((before, point_of(provider).count)).encode())
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert os.read(reader, 1000) == b"({}, 1)"
    os.close(reader)
    os.close(writer)
    assert point_of(provider).count == 1


def test_a_sampler_of_the_sdk_that_drops_is_followed():
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF as SDK_ALWAYS_OFF

    kept = []
    provider = provider_with(SDK_ALWAYS_OFF, sink=kept.append)
    record(provider)
    assert (point_of(provider).count, kept) == (1, [])
