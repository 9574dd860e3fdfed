"""elastic-apm: one transaction per span, its tracing unit."""

from peers.workload import attributes

_client = None


def start(endpoint, *, sampled=True):
    global _client
    import elasticapm

    _client = elasticapm.Client(
        server_url=endpoint,
        service_name="bench",
        transaction_sample_rate=1.0 if sampled else 0.0,
        central_config=False,
        metrics_interval="0ms",
        cloud_provider="none",
        log_level="off",
    )
    elasticapm.instrumentation  # noqa: B018  loaded on purpose


def span(i):
    import elasticapm

    _client.begin_transaction("request")
    elasticapm.label(**{key.replace(".", "_"): value for key, value in attributes(i)})
    _client.end_transaction("GET /api/orders/{order_id}", "HTTP 2xx")


def stop():
    _client._transport.flush()
    _client.close()


def asgi(app):
    from elasticapm.contrib.asgi import ASGITracingMiddleware

    return ASGITracingMiddleware(app)
