"""Propagators: W3C trace context and baggage by default, B3 and others by OTEL_PROPAGATORS."""

import json
import os
import subprocess
import sys

import pytest
from opentelemetry import baggage, propagate
from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.propagators.b3 import B3MultiFormat, B3SingleFormat
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from traceo.tracing.consistent import ConsistentRatio
from traceo.tracing.sampling import ALWAYS_OFF, ParentBased

W3C = TraceContextTextMapPropagator()
PARENT = "00-00000000000000000000000000000abc-0000000000000def-01"


def injected(propagator, span):
    carrier = {}
    propagator.inject(carrier, api.set_span_in_context(span, Context()))
    return carrier


def test_a_span_is_injected_as_traceparent_and_tracestate(tracer, remote):
    span = tracer.start_span("s", remote(state=[("vendor", "1")]))
    context = span.get_span_context()
    assert injected(W3C, span) == {
        "traceparent": f"00-{context.trace_id:032x}-{context.span_id:016x}-01",
        "tracestate": "vendor=1",
    }


def test_the_random_flag_travels(tracer):
    assert injected(W3C, tracer.start_span("s"))["traceparent"].endswith("-03")


def test_a_dropped_span_travels_as_unsampled(make_provider):
    span = make_provider(sampler=ALWAYS_OFF).get_tracer("t").start_span("s")
    assert injected(W3C, span)["traceparent"].endswith("-02")


def test_the_sampling_threshold_travels(make_provider):
    span = make_provider(sampler=ParentBased(ConsistentRatio(1.0))).get_tracer("t").start_span("s")
    assert injected(W3C, span)["tracestate"] == "ot=th:0"


def test_an_extracted_parent_is_remote_and_followed(tracer):
    context = W3C.extract({"traceparent": PARENT, "tracestate": "a=1,b=2"}, Context())
    span = tracer.start_span("s", context)
    assert (span.context.trace_id, span.parent.span_id, span.parent.is_remote) == (0xABC, 0xDEF, True)
    assert dict(span.context.trace_state) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("header", ["", "00-0-0-01", "ff" + PARENT[2:], PARENT.replace("abc", "000")])
def test_a_header_that_is_none_starts_a_new_trace(tracer, header):
    assert tracer.start_span("s", W3C.extract({"traceparent": header}, Context())).parent is None


@pytest.mark.parametrize("propagator", [B3SingleFormat(), B3MultiFormat()])
@pytest.mark.parametrize("sampled", [True, False])
def test_b3_goes_there_and_back(make_provider, propagator, sampled):
    settings = {} if sampled else {"sampler": ALWAYS_OFF}
    tracer = make_provider(**settings).get_tracer("t")
    span = tracer.start_span("s")
    child = tracer.start_span("c", propagator.extract(injected(propagator, span), Context()))
    assert child.get_span_context().trace_id == span.get_span_context().trace_id
    assert child.get_span_context().trace_flags.sampled is sampled


SCRIPT = """
import json
from opentelemetry import baggage, context, propagate, trace
from traceo.tracing import TracerProvider
tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
context.attach(baggage.set_baggage("user", "7"))
with tracer.start_as_current_span("s") as span:
    carrier = {}
    propagate.inject(carrier)
back = propagate.extract(carrier, context.Context())
child = tracer.start_span("c", back)
followed = child.get_span_context().trace_id == span.get_span_context().trace_id
print(json.dumps([sorted(carrier), followed, baggage.get_all(back).get("user")]))
"""


@pytest.mark.parametrize(
    ("variable", "headers", "followed", "user"),
    [
        (None, ["baggage", "traceparent"], True, "7"),
        ("tracecontext", ["traceparent"], True, None),
        ("b3", ["b3"], True, None),
        ("b3multi,baggage", ["baggage", "x-b3-sampled", "x-b3-spanid", "x-b3-traceid"], True, "7"),
        ("tracecontext,b3", ["b3", "traceparent"], True, None),
        ("none", [], False, None),
    ],
)
def test_the_variable_names_the_propagators(variable, headers, followed, user):
    environ = {key: value for key, value in os.environ.items() if key != "OTEL_PROPAGATORS"}
    if variable is not None:
        environ["OTEL_PROPAGATORS"] = variable
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environ, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [headers, followed, user]


def test_baggage_stays_beside_the_span(tracer):
    context = baggage.set_baggage("user", "7", Context())
    span = tracer.start_span("s", context)
    carrier = {}
    propagate.inject(carrier, api.set_span_in_context(span, context))
    assert carrier["baggage"] == "user=7"
