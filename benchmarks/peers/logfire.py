"""logfire without its cloud: OTLP over HTTP to the sink."""

import os

from peers.workload import attributes

_logfire = None


def start(endpoint, *, sampled=True):
    global _logfire
    os.environ.update(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, LOGFIRE_IGNORE_NO_CONFIG="1")
    import logfire

    logfire.configure(
        send_to_logfire=False,
        console=False,
        service_name="bench",
        inspect_arguments=False,
        metrics=False,
        sampling=logfire.SamplingOptions(head=1.0 if sampled else 0.0),
    )
    _logfire = logfire


def span(i):
    with _logfire.span("GET /api/orders/{{order_id}}") as current:
        for key, value in attributes(i):
            current.set_attribute(key, value)


def stop():
    _logfire.force_flush(60_000)
    _logfire.shutdown()


def asgi(app):
    return _logfire.instrument_asgi(app)
