"""What `traceo.init` does about metrics: whose provider, when it is made, which sources, where they go."""

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from traceo.errors import ConfigError
from traceo.metering import interval_s, sources_of
from traceo.pipeline.runtime_metrics import RuntimeMetrics
from traceo.records import ResourceRecord

GENEROUS_S = 60


@pytest.fixture
def run(recorder):
    def run(script: str, said: str = "", **environ: str) -> str:
        """Run a script in a process of its own against the recorder; returns what it printed."""
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "TRACEO_"))
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
            env={**clean, "TRACEO_ENDPOINT": recorder.url, "TRACEO_EXIT_TIMEOUT_S": "30", **environ},
            capture_output=True,
            text=True,
            timeout=GENEROUS_S,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, said)
        return done.stdout

    return run


def test_instruments_made_before_init_count_from_then_on_and_so_do_all_kinds(run, recorder):
    run(
        """
        import traceo
        before = traceo.counter("before", unit="{order}", description="Orders.")
        before.add(100)
        traceo.init()
        before.add(1, {"country": "IN"})
        traceo.counter("a").add(2)
        up = traceo.up_down_counter("b"); up.add(5); up.add(-2)
        traceo.histogram("c", unit="s", buckets=[1, 2]).record(1.5)
        traceo.gauge("d").set(4.5)
        traceo.observable_counter("e", lambda: 6)
        traceo.observable_up_down_counter("f", lambda: [(7, {"pool": "db"})])
        from opentelemetry.metrics import Observation
        traceo.observable_gauge("g", lambda: [Observation(8, {"pool": "db"})])
        """
    )
    found = recorder.metrics()
    assert {name: found[name] for name in ("before", *"abcdefg")} == {
        "before": {(("country", "IN"),): 1},
        "a": {(): 2},
        "b": {(): 3},
        "c": {(): 1},
        "d": {(): 4.5},
        "e": {(): 6},
        "f": {(("pool", "db"),): 7},
        "g": {(("pool", "db"),): 8},
    }


def test_metrics_of_the_api_are_ours_whenever_it_is_imported(run, recorder):
    run(
        """
        import sys, traceo
        traceo.init()
        assert "opentelemetry.metrics" not in sys.modules and "traceo.metrics" not in sys.modules
        with traceo.span("work"):
            pass
        traceo.flush()
        assert "opentelemetry.metrics" not in sys.modules, "nobody has asked for it"
        from opentelemetry import metrics
        metrics.get_meter("app").create_counter("late").add(3)
        """
    )
    assert recorder.metrics()["late"] == {(): 3}


@pytest.mark.parametrize("sources", ["auto", "auto,runtime,prometheus"])
def test_our_own_room_may_be_what_imports_the_api(run, recorder, sources):
    run(
        """
        import time, traceo
        client = traceo.init()
        if "prometheus" in client.config.metrics:  # then the pipeline thread imports it
            deadline = time.monotonic() + 30
            while client.metering.provider is None and time.monotonic() < deadline:
                time.sleep(0.005)
        from traceo.metrics import View
        traceo.counter("orders").add(1)
        """,
        TRACEO_METRICS=sources,
    )
    assert recorder.metrics()["orders"] == {(): 1}


def test_to_unhook_libraries_is_not_to_stop_measuring(run, recorder):
    run("import traceo; traceo.init(); traceo.uninstrument(); traceo.counter('orders').add(2)")
    assert recorder.metrics()["orders"] == {(): 2}


def test_another_meter_provider_stays_and_it_is_said(run, recorder):
    said = run(
        """
        from opentelemetry import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        reader = InMemoryMetricReader()
        metrics.set_meter_provider(MeterProvider([reader]))
        import traceo
        traceo.init()
        traceo.counter("orders").add(3)
        print(*traceo.status().notes)
        (metric,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
        print(metric.name, metric.data.data_points[0].value)
        """
    )
    assert said == (
        "opentelemetry.sdk.metrics._internal.MeterProvider was the meter provider before init(): what the "
        "application measures goes there; call traceo.init() first to have it here\norders 3\n"
    )
    assert "orders" not in recorder.metrics()


SERVER = """
    import traceo
    from opentelemetry import trace
    traceo.init()
    traceo.counter("orders").add(1, {"who": "ada@example.com"})
    with trace.get_tracer("app").start_as_current_span("GET", kind=trace.SpanKind.SERVER) as span:
        print(span.is_recording())
    traceo.flush()
"""


def test_by_default_the_applications_its_spans_and_traceos_own_are_sent(run, recorder):
    run(SERVER)
    found = recorder.metrics()
    assert set(found) == {
        "orders",
        "traces.span.metrics.duration",
        "traceo.redactions",
        "traceo.key.redactions",
        "traceo.delivered",
        "traceo.batches",
        "traceo.queue.usage",
    }
    assert found["orders"] == {(("who", "[EMAIL]"),): 1}
    assert found["traceo.redactions"] == {(("traceo.rule", "EMAIL"),): 1}
    assert found["traceo.key.redactions"] == {(("traceo.key", "who"),): 1}
    assert found["traceo.delivered"][(("traceo.signal", "traces"),)] == 1


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ("off", set()),
        ("-spans,-own", {"orders"}),
        ("-app,-own", {"traces.span.metrics.duration"}),
    ],
)
def test_sources_can_be_left_out(chosen, names, run, recorder):
    said = run(SERVER, TRACEO_METRICS=chosen, TRACEO_SAMPLE_RATE="0")
    assert set(recorder.metrics()) == names
    assert said == ("True\n" if chosen == "-app,-own" else "False\n"), "only its metric records the span"


def test_opentelemetrys_variables_count(run, recorder):
    run(SERVER, OTEL_METRICS_EXPORTER="none")
    assert recorder.metrics() == {}
    run(
        "import os; os.environ['OTEL_EXPORTER_OTLP_ENDPOINT'] = os.environ.pop('TRACEO_ENDPOINT')\n"
        + textwrap.dedent(SERVER),
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"{recorder.url}/elsewhere/v1/metrics",
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="delta",
    )
    assert recorder.metrics() == {}
    assert "orders" in recorder.metrics("/elsewhere/v1/metrics")
    temporalities = {
        metric.sum.aggregation_temporality
        for where, body in recorder.posts
        if where == "/elsewhere/v1/metrics"
        for group in ExportMetricsServiceRequest.FromString(body).resource_metrics
        for scope in group.scope_metrics
        for metric in scope.metrics
        if metric.HasField("sum")
    }
    assert temporalities == {1}


def test_a_wrong_interval_stops_init_and_says_what_to_give():
    assert interval_s({}) == 60
    assert interval_s({"OTEL_METRIC_EXPORT_INTERVAL": "1500"}) == 1.5
    for wrong in ("soon", "0", "-1"):
        with pytest.raises(ConfigError, match=f"OTEL_METRIC_EXPORT_INTERVAL is '{wrong}'; give milliseconds"):
            interval_s({"OTEL_METRIC_EXPORT_INTERVAL": wrong})


def test_one_callbacks_failure_is_not_the_others_and_is_said_once_without_its_words(run, recorder):
    printed = run(
        """
        import traceo
        traceo.init()
        traceo.counter("orders").add(1)
        def fails():
            raise ValueError("ada@example.com")
        traceo.observable_gauge("broken", fails)
        traceo.observable_gauge("odd", lambda: "many")
        traceo.flush()
        print(traceo.status().notes)
        """,
        said=(
            "traceo: broken: its callback failed (ValueError).\n"
            "traceo: odd: its callback failed (TypeError).\n"
        ),
    )
    found = recorder.metrics()
    assert found["orders"] == {(): 1}
    assert not {"broken", "odd"} & set(found)
    assert printed == "('metrics ignored: callback 2',)\n"


def test_prometheus_clients_metrics_are_sent_when_asked_for(run, recorder):
    script = """
        import prometheus_client, traceo
        traceo.init()
        orders = prometheus_client.Counter("shop_orders", "Orders.", ["who"])
        orders.labels("ada@example.com").inc(2)
        orders.labels("bob@example.com").inc(3)
        traceo.counter("mine").add(1)
    """
    run(script)
    assert "shop_orders_total" not in recorder.metrics()
    run(script, TRACEO_METRICS="prometheus")
    found = recorder.metrics()
    assert found["shop_orders_total"] == {(("who", "[EMAIL]"),): 5}
    assert found["mine"] == {(): 1}


def test_who_has_too_many_values_is_named(run, recorder):
    said = run(
        """
        import traceo
        from opentelemetry import trace
        traceo.init(sample_rate=0.0)
        tracer = trace.get_tracer("app")
        for number in range(2_050):
            given = {"http.request.method": "GET", "http.route": f"/{number}"}
            tracer.start_span("GET", kind=trace.SpanKind.SERVER, attributes=given).end()
        print(traceo.status().overflows)
        """
    )
    assert said == "{'http.server.request.duration{http.route}': 50}\n"
    found = recorder.metrics()["http.server.request.duration"]
    assert (len(found), found[(("otel.metric.overflow", True),)]) == (2_001, 50)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_the_interpreters_metrics_are_sent_when_asked_for_whatever_the_application_does(run, recorder):
    run("import traceo; traceo.init()", TRACEO_METRICS="runtime,-own")
    assert set(recorder.metrics()) == {
        "process.cpu.time",
        "process.memory.usage",
        "process.memory.virtual",
        "process.thread.count",
        "process.unix.file_descriptor.count",
        "process.context_switches",
        "process.paging.faults",
        "cpython.gc.collections",
        "cpython.gc.collected_objects",
        "cpython.gc.uncollectable_objects",
    }


def runtime(**options):
    made = RuntimeMetrics(**{"is_delta": False, "clock": time.time_ns, **options})

    def read():
        return {metric.name: metric for metric in made.collect(ResourceRecord({}))}

    return made, read


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_what_the_system_says_of_the_process_is_what_is_told(tmp_path):
    import gc
    import resource

    _, read = runtime()
    with (tmp_path / "file").open("w"):
        found = read()
    (memory,) = found["process.memory.usage"].points
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert 1_000_000 < memory.value <= peak * 1.01
    user = found["process.cpu.time"].points[0]
    assert user.attributes == {"cpu.mode": "user"}
    assert 0 < user.value <= os.times().user
    (descriptors,) = found["process.unix.file_descriptor.count"].points
    assert descriptors.value == len(list(Path("/proc/self/fd").iterdir()))
    collections = found["cpython.gc.collections"]
    assert [point.attributes["cpython.gc.generation"] for point in collections.points] == [0, 1, 2]
    gc.collect()
    assert read()["cpython.gc.collections"].points[2].value == collections.points[2].value + 1


def test_with_deltas_counters_tell_the_difference_and_the_others_what_is():
    import gc

    _, read = runtime(is_delta=True)
    read()
    gc.collect()
    found = read()
    assert found["cpython.gc.collections"].points[2].value == 1
    assert (found["cpython.gc.collections"].temporality, found["process.thread.count"].temporality) == (1, 2)


@pytest.fixture
def loop():
    """A loop that runs in a thread of its own."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


def _until(what) -> None:
    deadline = time.monotonic() + GENEROUS_S
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_loop_that_is_busy_is_seen_to_be_late_and_is_asked_once_a_second(loop):
    made, read = runtime()
    assert "asyncio.event_loop.lag" not in read(), "nothing is told of loops that are not"
    finish = asyncio.Event()
    task = asyncio.run_coroutine_threadsafe(finish.wait(), loop)
    _until(lambda: len(asyncio.all_tasks(loop)) == 1)
    blocked, release = threading.Event(), threading.Event()

    def block():
        blocked.set()
        release.wait(GENEROUS_S)

    loop.call_soon_threadsafe(block)
    assert blocked.wait(GENEROUS_S)
    asked_ns = time.monotonic_ns()
    made.loops.look()
    made.loops.look()
    _until(lambda: time.monotonic_ns() - asked_ns > 30_000_000)
    release.set()
    _until(lambda: "asyncio.event_loop.lag" in read())
    (point,) = read()["asyncio.event_loop.lag"].points
    assert point.count == 1
    assert point.min == point.max == point.sum > 0.03
    assert sum(point.bucket_counts[:4]) == 0
    assert [one.value for one in read()["asyncio.task.count"].points] == [1]
    loop.call_soon_threadsafe(finish.set)
    assert task.result(GENEROUS_S)


def test_a_loop_that_is_closed_meanwhile_harms_nobody():
    made, read = runtime()
    closed = asyncio.new_event_loop()
    waiting = closed.create_task(asyncio.sleep(0))
    made.loops.look()
    closed.run_until_complete(waiting)
    closed.close()
    made.loops.restart()
    made.loops.look()
    assert "asyncio.event_loop.lag" not in read()


def test_the_sources_of_a_setting():
    assert sources_of("auto") == {"app", "spans", "own"}
    assert sources_of("runtime") == {"app", "spans", "own", "runtime"}
    assert sources_of("-spans") == {"app", "own"}
    assert sources_of("app,runtime") == {"app", "runtime"}
    assert sources_of("auto,app") == {"app", "spans", "own"}
    assert sources_of("auto,prometheus,-own") == {"app", "spans", "prometheus"}
    assert sources_of("off") == frozenset()
