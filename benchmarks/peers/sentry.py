"""sentry-sdk: one transaction per span, its tracing unit."""

from urllib.parse import urlsplit

from peers.workload import attributes

_sentry = None


def start(endpoint, *, sampled=True, shutdown_timeout=30):
    global _sentry
    import sentry_sdk

    sentry_sdk.init(
        dsn=f"http://key@{urlsplit(endpoint).netloc}/1",
        traces_sample_rate=1.0 if sampled else 0.0,
        send_client_reports=False,
        auto_session_tracking=False,
        shutdown_timeout=shutdown_timeout,
    )
    _sentry = sentry_sdk


def span(i):
    with _sentry.start_transaction(name="GET /api/orders/{order_id}", op="http.server") as current:
        for key, value in attributes(i):
            current.set_data(key, value)


def stop():
    _sentry.flush(60)
    _sentry.get_client().close(timeout=30)


def asgi(app):
    from sentry_sdk.integrations.asgi import SentryAsgiMiddleware

    return SentryAsgiMiddleware(app)
