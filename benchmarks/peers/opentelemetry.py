"""opentelemetry-sdk with BatchSpanProcessor and OTLP over HTTP: no redaction, no sealing."""

from peers.workload import attributes

_tracer = None
_provider = None


def start(endpoint, *, sampled=True):
    global _tracer, _provider
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

    _provider = TracerProvider(
        resource=Resource.create({"service.name": "bench"}), sampler=ALWAYS_ON if sampled else ALWAYS_OFF
    )
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    trace.set_tracer_provider(_provider)
    _tracer = trace.get_tracer("bench")


def span(i):
    with _tracer.start_as_current_span("GET /api/orders/{order_id}") as current:
        for key, value in attributes(i):
            current.set_attribute(key, value)


def stop():
    _provider.force_flush(60_000)
    _provider.shutdown()


def asgi(app):
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

    return OpenTelemetryMiddleware(app, exclude_spans=["receive", "send"])


def sqlalchemy():
    from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor

    SQLAlchemyInstrumentor().instrument(tracer_provider=_provider, skip_dep_check=True)
