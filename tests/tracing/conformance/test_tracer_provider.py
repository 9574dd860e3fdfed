"""TracerProvider: get a tracer, shutdown, force flush, configuration."""

import time

import pytest
from opentelemetry.trace import NoOpTracer

from traceo.exporters.outcome import Outcome
from traceo.testing import Capture
from traceo.tracing import Resource, TracerProvider

# --- tracer creation


def test_a_tracer_is_got_by_name_version_schema_url_and_attributes(provider):
    tracer = provider.get_tracer("lib", "1.0", "https://example.com/schema", {"a": 1})
    scope = tracer.start_span("s").instrumentation_scope
    assert (scope.name, scope.version, scope.schema_url, dict(scope.attributes)) == (
        "lib",
        "1.0",
        "https://example.com/schema",
        {"a": 1},
    )


@pytest.mark.parametrize("name", ["", None])
def test_an_invalid_name_gives_a_working_tracer_and_a_log_line(provider, caplog, name):
    tracer = provider.get_tracer(name)
    assert tracer.start_span("s").is_recording()
    assert tracer.start_span("s").instrumentation_scope.name == ""
    assert "missing module name" in caplog.text


def test_identical_parameters_give_an_equal_tracer_and_distinct_ones_another(provider):
    tracer = provider.get_tracer("lib", "1", "url", {"a": 1})
    assert provider.get_tracer("lib", "1", "url", {"a": 1}) is tracer
    for other in (
        ("lib2", "1", "url", {"a": 1}),
        ("lib", "2", "url", {"a": 1}),
        ("lib", "1", "url2", {"a": 1}),
        ("lib", "1", "url", {"a": 2}),
        ("lib", "1", "url", {"a": True}),
    ):
        assert provider.get_tracer(*other) is not tracer


def test_a_changed_configuration_applies_to_tracers_that_were_already_given_out(provider, recorder, ended):
    tracer = provider.get_tracer("lib")
    late = recorder()
    provider.add_span_processor(late)
    tracer.start_span("s").end()
    assert [call[0] for call in late.calls] == ["start", "ending", "end"]


def test_every_span_has_the_providers_resource(make_provider):
    resource = Resource({"service.name": "shop"})
    tracer = make_provider(resource=resource).get_tracer("lib")
    assert tracer.start_span("s").resource is resource


# --- shutdown


def test_shutdown_shuts_every_processor_down_once(provider, recorder):
    first, second = recorder(), recorder()
    provider.add_span_processor(first)
    provider.add_span_processor(second)
    provider.shutdown()
    provider.shutdown()
    assert first.calls == second.calls == [("shutdown",)]


def test_after_shutdown_tracers_are_no_op_ones(provider):
    provider.shutdown()
    assert type(provider.get_tracer("lib")) is NoOpTracer


def test_shutdown_includes_a_flush_of_the_pipeline():
    asked = []
    provider = TracerProvider(shutdown_on_exit=False, flush=lambda timeout_s: asked.append(timeout_s) or True)
    provider.shutdown()
    provider.shutdown()
    assert asked == [None]


# --- force flush


def test_force_flush_reaches_every_processor_and_the_pipeline_with_what_is_left_of_the_timeout(recorder):
    asked = []
    provider = TracerProvider(shutdown_on_exit=False, flush=lambda timeout_s: asked.append(timeout_s) or True)
    first, second = recorder(), recorder()
    provider.add_span_processor(first)
    provider.add_span_processor(second)
    assert provider.force_flush(5000) is True
    assert second.calls[0][1] <= first.calls[0][1] <= 5000
    assert 0 < asked[0] <= 5.0


@pytest.mark.parametrize("flushed", [True, False])
def test_force_flush_says_whether_all_was_flushed(recorder, flushed):
    provider = TracerProvider(shutdown_on_exit=False, flush=lambda _: True)
    provider.add_span_processor(recorder(flushes=flushed))
    assert provider.force_flush() is flushed
    assert TracerProvider(shutdown_on_exit=False, flush=lambda _: flushed).force_flush() is flushed


def test_force_flush_stops_when_its_time_is_over():
    class Slow:
        def on_start(self, span, parent_context=None):
            pass

        on_end = on_start

        def force_flush(self, timeout_millis=30000):
            deadline = time.monotonic() + timeout_millis / 1000
            while time.monotonic() < deadline:
                time.sleep(0.001)
            return False

        def shutdown(self):
            pass

    asked = []
    provider = TracerProvider(
        shutdown_on_exit=False, flush=lambda timeout_s: asked.append(timeout_s) or False
    )
    provider.add_span_processor(Slow())
    provider.add_span_processor(Slow())
    assert provider.force_flush(20) is False
    assert asked[0] < 0.02, "what the processors left of it"


def test_a_pipeline_that_fails_to_flush_does_not_reach_the_application(caplog):
    def broken(timeout_s):
        raise RuntimeError("ada@example.com")

    provider = TracerProvider(shutdown_on_exit=False, flush=broken)
    assert provider.force_flush() is False
    provider.shutdown()
    assert "RuntimeError" in caplog.text
    assert "ada@example.com" not in caplog.text


def test_spans_that_ended_before_a_force_flush_are_delivered_by_it():
    captured = Capture()
    pipeline = captured.pipeline
    provider = TracerProvider(shutdown_on_exit=False, sink=pipeline.put_span, flush=pipeline.flush)
    provider.get_tracer("lib").start_span("s").end()
    assert provider.force_flush(10_000) is True
    assert pipeline.balance()[0].delivered == 1
    captured.memory.outcome = Outcome.retry("nothing listens there")
    provider.get_tracer("lib").start_span("s").end()
    assert provider.force_flush(50) is False
    assert pipeline.balance()[0].waiting == 1
    captured.memory.outcome = Outcome.accepted()
    pipeline.shutdown(10)
