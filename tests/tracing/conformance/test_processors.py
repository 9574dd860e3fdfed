"""Span processors: on start, on ending, on end, force flush, shutdown; the SDK's processors and exporters."""

import io
import json

import pytest
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from traceo.tracing.sampling import ALWAYS_OFF, Decision, StaticSampler


def test_processors_are_told_of_start_ending_and_end_in_order(provider, recorder):
    first, second = recorder("first"), recorder("second")
    provider.add_span_processor(first)
    provider.add_span_processor(second)
    span = provider.get_tracer("t").start_span("s")
    span.end()
    for processor in (first, second):
        assert [call[0] for call in processor.calls] == ["start", "ending", "end"]
        assert all(call[1] is span for call in processor.calls)


def test_on_start_gets_the_parent_context_and_may_change_the_span(provider, remote):
    seen = []

    class Naming(sdk.SpanProcessor):
        def on_start(self, span, parent_context=None):
            seen.append(parent_context)
            span.set_attribute("by", "processor")

    provider.add_span_processor(Naming())
    context = remote()
    span = provider.get_tracer("t").start_span("s", context)
    assert (seen, dict(span.attributes)) == ([context], {"by": "processor"})


def test_on_end_sees_a_span_that_no_longer_changes(provider, recorder):
    processor = recorder()
    provider.add_span_processor(processor)
    span = provider.get_tracer("t").start_span("s")
    span.end(5)
    assert (processor.calls[-1][0], span.end_time, span.is_recording()) == ("end", 5, False)


def test_dropped_spans_reach_no_processor(make_provider, recorder):
    provider = make_provider(sampler=ALWAYS_OFF)
    processor = recorder()
    provider.add_span_processor(processor)
    provider.get_tracer("t").start_span("s").end()
    assert processor.calls == []


@pytest.mark.parametrize("where", ["start", "ending", "end"])
def test_a_processor_that_raises_stops_neither_the_next_nor_the_sink_nor_the_application(
    provider, recorder, ended, caplog, where
):
    broken, sound = recorder(raises=[where]), recorder()
    provider.add_span_processor(broken)
    provider.add_span_processor(sound)
    for _ in range(3):
        provider.get_tracer("t").start_span("s").end()
    assert (len(sound.calls), len(ended)) == (9, 3)
    assert len(caplog.records) == 1, "reported once, then counted"


def test_a_processor_that_fails_to_shut_down_or_flush_does_not_keep_the_next_from_it(provider, recorder):
    provider.add_span_processor(recorder(raises=["shutdown", "flush"]))
    sound = recorder()
    provider.add_span_processor(sound)
    assert provider.force_flush() is False
    provider.shutdown()
    assert [call[0] for call in sound.calls] == ["flush", "shutdown"]


# --- the SDK's own


def test_the_simple_processor_exports_each_sampled_span_at_once(provider):
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    span = provider.get_tracer("t").start_span("s")
    assert exporter.get_finished_spans() == ()
    span.end()
    assert exporter.get_finished_spans() == (span,)


def test_the_batch_processor_exports_on_flush_and_at_shutdown(provider):
    exporter = InMemorySpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=3_600_000))
    provider.get_tracer("t").start_span("first").end()
    assert provider.force_flush() is True
    assert [span.name for span in exporter.get_finished_spans()] == ["first"]
    provider.get_tracer("t").start_span("second").end()
    provider.shutdown()
    assert [span.name for span in exporter.get_finished_spans()] == ["first", "second"]


@pytest.mark.parametrize("processor", [SimpleSpanProcessor, BatchSpanProcessor])
def test_recorded_spans_that_are_not_sampled_are_not_exported(make_provider, processor):
    exporter = InMemorySpanExporter()
    provider = make_provider(sampler=StaticSampler(Decision.RECORD_ONLY))
    provider.add_span_processor(processor(exporter))
    provider.get_tracer("t").start_span("s").end()
    provider.shutdown()
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize("make", [sdk.SynchronousMultiSpanProcessor, sdk.ConcurrentMultiSpanProcessor])
def test_the_sdks_composites_can_stand_in(make_provider, recorder, make):
    composite = make()
    provider = make_provider(active_span_processor=composite)
    processor = recorder()
    provider.add_span_processor(processor)
    provider.get_tracer("t").start_span("s").end()
    assert provider.force_flush() is True
    provider.shutdown()
    calls = [call[0] for call in processor.calls]
    assert calls == ["start", "ending", "end", "flush", "shutdown"]


def test_the_console_exporter_prints_a_span(provider):
    out = io.StringIO()
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=out)))
    provider.get_tracer("t").start_span("s", attributes={"a": 1}).end()
    printed = json.loads(out.getvalue())
    assert (printed["name"], printed["attributes"]) == ("s", {"a": 1})


def test_an_exporter_sees_what_a_readable_span_offers(provider):
    fields = [name for name, value in vars(sdk.ReadableSpan).items() if isinstance(value, property)]
    seen = []

    class Reading(SpanExporter):
        def export(self, spans):
            for span in spans:
                assert isinstance(span, sdk.ReadableSpan)
                seen.append({name: getattr(span, name) for name in fields if name != "instrumentation_info"})
            return SpanExportResult.SUCCESS

    provider.add_span_processor(SimpleSpanProcessor(Reading()))
    provider.get_tracer("t").start_span("s").end()
    assert seen[0].keys() >= {"attributes", "context", "dropped_events", "end_time", "parent", "resource"}


def test_the_otlp_exporters_encode_our_spans(provider):
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from traceo.exporters.otlp import encode_traces
    from traceo.tracing import snapshot

    span = provider.get_tracer("t", "1").start_span("s", attributes={"a": [1, "x"], "b": {"c": 1.5}})
    span.add_event("e", {"k": b"v"})
    span.end()
    ours = ExportTraceServiceRequest.FromString(encode_traces([snapshot(span)]))
    ours.resource_spans[0].scope_spans[0].spans[0].flags &= ~0xFF  # theirs leaves the trace flags out
    assert ours == encode_spans([span])


def test_a_provider_and_its_parts_pass_the_sdks_isinstance_once_it_is_loaded(provider):
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    span = provider.get_tracer("t").start_span("s")
    assert isinstance(provider, sdk.TracerProvider)
    assert isinstance(provider.resource, Resource)
    assert isinstance(span, sdk.Span)
    assert isinstance(span.instrumentation_scope, InstrumentationScope)
