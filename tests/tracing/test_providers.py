"""The provider: scopes, processors, shutdown, variables, fork."""

import json
import os
import subprocess
import sys

import pytest
from opentelemetry.trace import NonRecordingSpan, NoOpTracer

from traceo.tracing import Resource, Tracer, TracerProvider, default_resource


def provider_of(**settings):
    return TracerProvider(shutdown_on_exit=False, **settings)


class Recording:
    """A third-party span processor that notes every call."""

    def __init__(self, name, calls, *, fails_in=(), flushes=True):
        self.name, self.calls, self.fails_in, self.flushes = name, calls, fails_in, flushes

    def note(self, what, *more):
        self.calls.append((self.name, what, *more))
        if what in self.fails_in:
            raise RuntimeError(what)

    def on_start(self, span, parent_context=None):
        self.note("start", parent_context)

    def _on_ending(self, span):
        self.note("ending")

    def on_end(self, span):
        self.note("end", span.name)

    def shutdown(self):
        self.note("shutdown")

    def force_flush(self, timeout_millis=30000):
        self.note("flush")
        return self.flushes


def test_the_same_scope_gives_the_same_tracer():
    provider = provider_of()
    tracer = provider.get_tracer("lib", "1", "https://s", {"a": 1})
    assert isinstance(tracer, Tracer)
    assert provider.get_tracer("lib", "1", "https://s", {"a": 1}) is tracer
    others = [("lib", "2"), ("lib", "1"), ("lib", "1", "https://t"), ("lib", "1", "https://s", {"a": 2})]
    assert all(provider.get_tracer(*other) is not tracer for other in others)


def test_a_spans_scope_and_resource_are_the_tracers():
    provider = provider_of(resource=Resource({"service.name": "shop"}))
    span = provider.get_tracer("lib", "1", "https://s", {"a": 1}).start_span("work")
    scope = span.instrumentation_scope
    assert (scope.name, scope.version, scope.schema_url, dict(scope.attributes)) == (
        "lib",
        "1",
        "https://s",
        {"a": 1},
    )
    with pytest.warns(DeprecationWarning, match="instrumentation_scope"):
        info = span.instrumentation_info
    assert (info.name, info.version) == ("lib", "1")
    assert json.loads(scope.to_json()) == {
        "name": "lib",
        "version": "1",
        "schema_url": "https://s",
        "attributes": {"a": 1},
    }
    tracer = provider.get_tracer("lib")
    assert span.resource is provider.resource is tracer.resource
    assert (tracer.sampler, tracer.id_generator) == (provider.sampler, provider.id_generator)


def test_a_missing_name_is_logged_and_works(caplog):
    assert provider_of().get_tracer("").start_span("work").is_recording()
    assert "missing module name" in caplog.text


def test_otel_sdk_disabled_gives_a_tracer_that_does_nothing(monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", " True ")
    assert isinstance(provider_of().get_tracer("lib"), NoOpTracer)


def test_processors_are_called_in_order():
    calls = []
    provider = provider_of()
    provider.add_span_processor(Recording("a", calls))
    provider.add_span_processor(Recording("b", calls))
    provider.get_tracer("t").start_span("work").end()
    expected = [("start", None), ("ending",), ("end", "work")]
    assert calls == [(name, *call) for call in expected for name in "ab"]


def test_a_processor_added_later_serves_tracers_made_before():
    calls = []
    provider = provider_of()
    tracer = provider.get_tracer("t")
    provider.add_span_processor(Recording("a", calls))
    tracer.start_span("work").end()
    assert len(calls) == 3


def test_a_processor_that_fails_stops_neither_the_next_nor_the_application(caplog):
    calls = []
    provider = provider_of()
    provider.add_span_processor(
        Recording("bad", calls, fails_in={"start", "ending", "end", "shutdown", "flush"})
    )
    provider.add_span_processor(Recording("good", calls))
    for _ in range(2):
        provider.get_tracer("t").start_span("work").end()
    assert provider.force_flush() is False
    provider.shutdown()
    assert [call[1] for call in calls if call[0] == "good"] == ["start", "ending", "end"] * 2 + [
        "flush",
        "shutdown",
    ]
    assert len(caplog.records) == 5


def test_force_flush_is_true_only_when_all_flushed_in_time():
    calls = []
    provider = provider_of()
    assert provider.force_flush()
    provider.add_span_processor(Recording("a", calls, flushes=False))
    provider.add_span_processor(Recording("b", calls))
    assert provider.force_flush(1000) is False
    assert [call[0] for call in calls] == ["a", "b"]
    assert provider.force_flush(0) is False
    assert len(calls) == 2


def test_shutdown_happens_once():
    calls = []
    provider = provider_of()
    provider.add_span_processor(Recording("a", calls))
    provider.shutdown()
    provider.shutdown()
    assert calls == [("a", "shutdown")]


def test_the_processors_are_shut_down_at_exit_unless_told_otherwise():
    code = """
import sys
from traceo.tracing import TracerProvider
class P:
    def shutdown(self): print("down")
TracerProvider(shutdown_on_exit=sys.argv[1] == "yes").add_span_processor(P())
"""
    outputs = [
        subprocess.run([sys.executable, "-c", code, told], capture_output=True, text=True, check=True).stdout
        for told in ("yes", "no")
    ]
    assert outputs == ["down\n", ""]


def test_a_tracer_configurator_switches_tracers_off_and_on():
    class Config:
        def __init__(self, is_enabled):
            self.is_enabled = is_enabled

    provider = provider_of(_tracer_configurator=lambda scope: Config(scope.name != "noisy"))
    noisy, other = provider.get_tracer("noisy"), provider.get_tracer("other")
    assert isinstance(noisy.start_span("x"), NonRecordingSpan)
    assert other.start_span("x").is_recording()
    provider._set_tracer_configurator(tracer_configurator=lambda scope: Config(True))
    assert noisy.start_span("x").is_recording()


def test_the_default_resource_knows_the_process_and_the_variables():
    environ = {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=a%20b, service.name=shop ,,broken"}
    attributes = default_resource(environ=environ).attributes
    assert (attributes["service.name"], attributes["deployment.environment.name"]) == ("shop", "a b")
    assert (attributes["telemetry.sdk.name"], attributes["process.pid"]) == ("traceo", os.getpid())
    assert (
        default_resource(environ={**environ, "OTEL_SERVICE_NAME": "web"}).attributes["service.name"] == "web"
    )
    assert default_resource("api", environ=environ).attributes["service.name"] == "api"
    assert default_resource(environ={}).attributes["service.name"].startswith("unknown_service:python")


def test_resources_merge_and_refuse_two_schemas(caplog):
    merged = Resource({"a": 1, "b": 1}).merge(Resource({"b": 2}, "https://x"))
    assert (dict(merged.attributes), merged.schema_url) == ({"a": 1, "b": 2}, "https://x")
    assert merged.merge(Resource({"c": 3}, "https://y")) is merged
    assert "differ" in caplog.text
    assert json.loads(merged.to_json()) == {"attributes": {"a": 1, "b": 2}, "schema_url": "https://x"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_its_own_ids_and_process_attributes():
    code = """
import os, json
from traceo.tracing import TracerProvider, snapshot
provider = TracerProvider(shutdown_on_exit=False)
tracer = provider.get_tracer("t")
tracer.start_span("warm")
read, write = os.pipe()
pid = os.fork()
span = tracer.start_span("work")
record = snapshot(span) if not span.end() else None
seen = [span.context.trace_id, record.resource.attributes["process.pid"] == os.getpid(),
        record.resource.attributes["service.instance.id"], dict(span.resource.attributes)["process.pid"] == os.getpid()]
if pid == 0:
    os.write(write, json.dumps(seen).encode()); os._exit(0)
os.waitpid(pid, 0)
print(json.dumps([seen, json.loads(os.read(read, 65536))]))
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    parent, child = json.loads(output)
    assert parent[0] != child[0]
    assert parent[2] != child[2]
    assert [parent[1], parent[3], child[1], child[3]] == [True] * 4


def test_tracing_loads_no_sdk_and_nothing_heavy():
    code = """
import sys
import traceo.tracing, traceo.exporters.otlp
heavy = {"opentelemetry.sdk", "google.protobuf", "grpc", "httpx", "rich", "asyncio", "cryptography"}
print(sorted(heavy & set(sys.modules)))
"""
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )


@pytest.mark.parametrize(
    ("propagators", "header"),
    [("tracecontext,baggage", "traceparent"), ("b3", "b3"), ("b3multi", "x-b3-traceid")],
)
def test_propagation_goes_through_the_api_and_its_variable(propagators, header):
    code = """
import sys
from opentelemetry import propagate, trace
from traceo.tracing import TracerProvider
tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
carrier = {}
with tracer.start_as_current_span("client") as span:
    propagate.inject(carrier)
child = tracer.start_span("server", propagate.extract(carrier))
assert child.parent.span_id == span.context.span_id and child.parent.is_remote, child.parent
print(sys.argv[1] in carrier)
"""
    environ = {**os.environ, "OTEL_PROPAGATORS": propagators}
    done = subprocess.run(
        [sys.executable, "-c", code, header], capture_output=True, text=True, check=False, env=environ
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
