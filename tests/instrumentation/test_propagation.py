import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.b3 import B3MultiFormat
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from traceo.instrumentation.propagation import extract, inject

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def restored():
    before = propagate.get_global_textmap()
    yield
    propagate.set_global_textmap(before)


def ids(context):
    span_context = get_current_span(context).get_span_context()
    return (
        span_context.trace_id,
        span_context.span_id,
        int(span_context.trace_flags),
        span_context.trace_state,
    )


hexes = st.text("0123456789abcdefAF-", max_size=40)
parents = st.one_of(
    st.just(PARENT),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=80),
    st.builds("{}-{}-{}-{}{}".format, st.sampled_from(["00", "01", "ff", "0"]), hexes, hexes, hexes, hexes),
    st.builds(
        "{}-{:032x}-{:016x}-{:02x}{}".format,
        st.sampled_from(["00", "01", "cc", "ff"]),
        st.integers(0, 2**128 - 1),
        st.integers(0, 2**64 - 1),
        st.integers(0, 255),
        st.sampled_from(["", "-", "-x", "x"]),
    ),
)
states = st.lists(st.sampled_from(["a=1", "b=2,c=3", "", "not valid", "d=" + "x" * 300]), max_size=3)


@given(parents, states)
def test_reading_agrees_with_the_apis_own_propagator(parent, state):
    headers = [(b"traceparent", parent.encode())] + [(b"tracestate", value.encode()) for value in state]
    ours, span = extract(Context(), headers, dict(headers))
    carrier = {"traceparent": [parent]} | ({"tracestate": state} if state else {})
    theirs = TraceContextTextMapPropagator().extract(carrier, Context())
    assert ids(ours) == ids(theirs)
    assert (span is not None) == bool(ids(theirs)[1])


@given(parents, states)
def test_writing_agrees_with_the_apis_own_propagator(parent, state):
    carrier = {"traceparent": [parent]} | ({"tracestate": state} if state else {})
    context = TraceContextTextMapPropagator().extract(carrier, Context())
    ours, theirs = {}, {}
    inject(get_current_span(context), context, ours.__setitem__)
    TraceContextTextMapPropagator().inject(theirs, context)
    assert ours == theirs


def test_the_propagator_that_the_app_sets_is_used_both_ways(restored):
    propagate.set_global_textmap(B3MultiFormat())
    headers = [
        (b"x-b3-traceid", b"0af7651916cd43dd8448eb211c80319c"),
        (b"x-b3-spanid", b"b7ad6b7169203331"),
        (b"x-b3-sampled", b"1"),
    ]
    context, span = extract(Context(), headers, dict(headers))
    assert ids(context)[1] == 0xB7AD6B7169203331
    written = {}
    inject(span, context, written.__setitem__)
    assert {name.lower() for name in written} == {"x-b3-traceid", "x-b3-spanid", "x-b3-sampled"}


def test_the_apis_default_is_recognised_and_read_by_hand(restored):
    propagate.set_global_textmap(
        CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])
    )
    headers = [(b"traceparent", PARENT.encode())]
    context, _ = extract(Context(), headers, dict(headers))
    assert ids(context)[1] == 0xB7AD6B7169203331
