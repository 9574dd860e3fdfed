"""From ended spans to OTLP bytes, 512 spans of eight attributes: the encoder alone, in one thread.

Traceo's figure includes taking the record off the span; OpenTelemetry's is its protobuf encoder and serialisation.
"""

import time

TITLE = "OTLP encoding (CPU µs a span)"
PEERS = ["traceo", "traceo-pure", "opentelemetry"]
ROUNDS = 5
FIGURE = "us_per_span"
COLUMNS = {"us_per_span": "µs a span", "body_bytes": "bytes a span"}

SPANS, REPEATS = 512, 60


def measure(peer, _endpoint):
    encode, spans = (_traceo if peer.__name__.endswith("traceo") else _opentelemetry)()
    body = encode(spans)
    samples = []
    for _ in range(REPEATS):
        before = time.thread_time()
        encode(spans)
        samples.append((time.thread_time() - before) / SPANS * 1e6)
    samples.sort()
    return {"us_per_span": samples[len(samples) // 2], "body_bytes": len(body) / SPANS}


def _make(provider):
    from peers.workload import attributes

    tracer = provider.get_tracer("bench")
    for i in range(SPANS):
        with tracer.start_as_current_span("GET /api/orders/{order_id}") as current:
            for key, value in attributes(i):
                current.set_attribute(key, value)


def _traceo():
    from traceo.exporters.otlp import encode_traces
    from traceo.tracing import TracerProvider, snapshot

    ended = []
    _make(TracerProvider(sink=ended.append))
    return (lambda spans: encode_traces([snapshot(span) for span in spans])), ended


def _opentelemetry():
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    _make(provider)
    return (lambda spans: encode_spans(spans).SerializeToString()), memory.get_finished_spans()
