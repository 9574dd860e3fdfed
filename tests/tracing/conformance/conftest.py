"""One provider, its ended spans, and parents of every kind.

The files here follow the headings of OpenTelemetry's tracing specification (API and SDK); each test names
the sentence it holds us to.
"""

import pytest
from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from traceo.tracing import TracerProvider


@pytest.fixture
def ended():
    """Spans, as the sink was given them."""
    return []


@pytest.fixture
def make_provider(ended):
    def make(**settings):
        return TracerProvider(sink=ended.append, shutdown_on_exit=False, **settings)

    return make


@pytest.fixture
def provider(make_provider):
    return make_provider()


@pytest.fixture
def tracer(provider):
    return provider.get_tracer("test")


@pytest.fixture
def remote():
    """``remote(sampled=…)``: a context with a parent of another process."""

    def make(*, sampled=True, state=(), trace_id=0x5, is_remote=True):
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        context = SpanContext(trace_id, 0x6, is_remote, flags, TraceState(state))
        return api.set_span_in_context(NonRecordingSpan(context), Context())

    return make


class Recorder:
    """A span processor that notes what it is told, as OpenTelemetry's abstract one allows."""

    def __init__(self, name="", *, flushes=True, raises=()):
        self.name = name
        self.calls = []
        self._flushes = flushes
        self._raises = raises

    def _note(self, *call):
        self.calls.append(call)
        if call[0] in self._raises:
            raise RuntimeError(self.name)

    def on_start(self, span, parent_context=None):
        self._note("start", span, parent_context)

    def _on_ending(self, span):
        self._note("ending", span, span.is_recording())

    def on_end(self, span):
        self._note("end", span)

    def shutdown(self):
        self._note("shutdown")

    def force_flush(self, timeout_millis=30000):
        self._note("flush", timeout_millis)
        return self._flushes


@pytest.fixture
def recorder():
    return Recorder
