"""ddtrace to an agent's trace endpoint."""

import os
from urllib.parse import urlsplit

from peers.workload import attributes

_tracer = None


def start(endpoint, *, sampled=True):
    global _tracer
    os.environ.update(
        DD_TRACE_AGENT_URL=endpoint,
        DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
        DD_REMOTE_CONFIGURATION_ENABLED="false",
        DD_TRACE_STARTUP_LOGS="false",
        DD_TRACE_SAMPLING_RULES='[{"sample_rate": 1}]' if sampled else '[{"sample_rate": 0}]',
        DD_SERVICE="bench",
        DD_AGENT_HOST=urlsplit(endpoint).hostname,
    )
    from ddtrace.trace import tracer

    _tracer = tracer


def span(i):
    with _tracer.trace("GET /api/orders/{order_id}") as current:
        for key, value in attributes(i):
            current.set_tag(key, value)


def stop():
    _tracer.flush()
    _tracer.shutdown()


def asgi(app):
    from ddtrace.contrib.asgi import TraceMiddleware

    return TraceMiddleware(app)


def sqlalchemy():
    from ddtrace import patch

    patch(sqlalchemy=True)
