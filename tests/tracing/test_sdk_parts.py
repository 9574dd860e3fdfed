"""Parts made for opentelemetry-sdk, on our provider: processors, exporters, samplers, resources, id generators."""

import io
import json

import pytest
from opentelemetry import trace as api
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource as SdkResource
from opentelemetry.sdk.trace import sampling as sdk_sampling
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator as SdkIds
from opentelemetry.sdk.util.instrumentation import InstrumentationScope as SdkScope

from traceo.tracing import Span, TracerProvider, snapshot
from traceo.tracing.sampling import ALWAYS_OFF, ParentBased


def provider_of(**settings):
    return TracerProvider(shutdown_on_exit=False, **settings)


def test_a_simple_processor_fills_an_in_memory_exporter():
    exporter = InMemorySpanExporter()
    provider = provider_of()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with (
        provider.get_tracer("t").start_as_current_span("outer"),
        provider.get_tracer("t").start_as_current_span("inner"),
    ):
        pass
    assert [span.name for span in exporter.get_finished_spans()] == ["inner", "outer"]


def test_a_batch_processor_delivers_on_flush_and_leaves_unsampled_spans():
    exporter = InMemorySpanExporter()
    provider = provider_of()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    for number in range(5):
        provider.get_tracer("t").start_span(str(number)).end()
    assert provider.force_flush()
    assert sorted(span.name for span in exporter.get_finished_spans()) == list("01234")
    provider.shutdown()


def test_the_console_exporter_prints_the_same_json_as_for_an_sdk_span():
    def printed(provider):
        out = io.StringIO()
        provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=out)))
        tracer = provider.get_tracer("t")
        link = api.Link(api.SpanContext(1, 2, is_remote=False), {"l": 1})
        span = tracer.start_span(
            "work", kind=api.SpanKind.CLIENT, attributes={"a": [1]}, links=[link], start_time=10**18
        )
        span.add_event("e", {"b": "x"}, 10**18)
        span.set_status(api.StatusCode.ERROR, "no")
        span.end(10**18 + 1)
        return json.loads(out.getvalue())

    resource = SdkResource({"service.name": "shop"})
    ours = printed(provider_of(resource=resource))
    theirs = printed(sdk.TracerProvider(resource=resource, shutdown_on_exit=False))
    for shown in (ours, theirs):
        shown["context"]["trace_id"] = shown["context"]["span_id"] = "…"
    assert ours == theirs


def test_our_spans_are_readable_spans_for_isinstance_once_the_sdk_is_there():
    span = provider_of().get_tracer("t").start_span("work")
    assert isinstance(span, sdk.ReadableSpan)
    assert isinstance(span, sdk.Span)
    assert isinstance(span, Span)
    assert type(span) is Span


@pytest.mark.parametrize("multi", [sdk.SynchronousMultiSpanProcessor, sdk.ConcurrentMultiSpanProcessor])
def test_an_active_span_processor_of_the_sdk_can_be_given(multi):
    exporter = InMemorySpanExporter()
    provider = provider_of(active_span_processor=multi())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("t").start_span("work").end()
    assert [span.name for span in exporter.get_finished_spans()] == ["work"]
    assert provider.force_flush()
    provider.shutdown()


@pytest.mark.parametrize(
    ("sampler", "kept"),
    [
        (sdk_sampling.ALWAYS_ON, True),
        (sdk_sampling.ALWAYS_OFF, False),
        (sdk_sampling.TraceIdRatioBased(0.0), False),
        (sdk_sampling.DEFAULT_ON, True),
        (sdk_sampling.ParentBased(ALWAYS_OFF), False),
        (ParentBased(sdk_sampling.ALWAYS_ON), True),
        (sdk_sampling.AlwaysRecordSampler(sdk_sampling.ALWAYS_OFF), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_samplers_of_both_makes_decide_and_nest(sampler, kept):
    tracer = provider_of(sampler=sampler).get_tracer("t")
    with tracer.start_as_current_span("root", attributes={"a": 1}) as root:
        child = tracer.start_span("child")
    assert (root.is_recording(), child.get_span_context().trace_id) == (
        False,
        root.get_span_context().trace_id,
    ) or kept
    assert child.is_recording() is kept


def test_a_resource_and_an_id_generator_of_the_sdk_can_be_given():
    resource = SdkResource({"service.name": "shop"}, "https://s")
    ended = []
    provider = provider_of(resource=resource, id_generator=SdkIds(), sink=ended.append)
    provider.get_tracer("t").start_span("work").end()
    record = snapshot(ended[0])
    assert provider.resource is ended[0].resource is resource
    assert (record.resource.attributes, record.resource.schema_url) == ({"service.name": "shop"}, "https://s")
    assert record.flags & 2


def test_a_scope_equals_the_sdks_of_the_same_content():
    scope = provider_of().get_tracer("lib", "1", "https://s", {"a": 1}).start_span("x").instrumentation_scope
    assert scope == SdkScope("lib", "1", "https://s", {"a": 1})
    assert SdkScope("lib", "1", "https://s", {"a": 1}) == scope
    assert scope != SdkScope("lib", "2", "https://s", {"a": 1})
    assert hash(scope) == hash(SdkScope("lib", "1", "https://s", {"a": 1}))


def test_limits_of_the_sdk_can_be_given():
    span = (
        provider_of(span_limits=sdk.SpanLimits(max_span_attributes=1))
        .get_tracer("t")
        .start_span("x", attributes={"a": 1, "b": 2})
    )
    assert (dict(span.attributes), span.dropped_attributes) == ({"b": 2}, 1)


def test_a_span_of_the_sdk_has_the_same_record_as_ours():
    def record(provider):
        link = api.Link(api.SpanContext(1, 2, is_remote=True), {"l": 1})
        remote = api.SpanContext(
            7, 8, is_remote=True, trace_flags=api.TraceFlags(1), trace_state=api.TraceState([("k", "v")])
        )
        context = api.set_span_in_context(api.NonRecordingSpan(remote))
        span = provider.get_tracer("t", "1", "https://s", {"q": 1}).start_span(
            "work", context, api.SpanKind.SERVER, {"a": [1]}, [link], 5
        )
        span.add_event("e", {"b": "x"}, 6)
        span.set_status(api.StatusCode.ERROR, "no")
        span.end(7)
        return plain(snapshot(span))

    def plain(value):
        if hasattr(type(value), "__module__") and type(value).__module__ == "traceo.records":
            names = [name for name in dir(value) if not name.startswith("_")]
            return {name: plain(getattr(value, name)) for name in names if name != "span_id"}
        return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value

    resource = SdkResource({"service.name": "shop"})
    ours = record(provider_of(resource=resource))
    theirs = record(sdk.TracerProvider(resource=resource, shutdown_on_exit=False))
    assert ours == theirs


def test_an_sdk_span_can_be_the_parent_of_ours_and_ours_of_theirs():
    ours, theirs = provider_of().get_tracer("t"), sdk.TracerProvider(shutdown_on_exit=False).get_tracer("t")
    with (
        theirs.start_as_current_span("a") as a,
        ours.start_as_current_span("b") as b,
        theirs.start_as_current_span("c") as c,
    ):
        pass
    assert (b.parent, c.parent) == (a.get_span_context(), b.get_span_context())
