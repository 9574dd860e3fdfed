"""Who answers which path."""

from traceo.collector import journal
from traceo.collector.http import App, Message, Receive, Scope, Send, respond_problem
from traceo.collector.problems import Problem

__all__ = ["dispatcher"]


def dispatcher(*, receiver: App, api: App, probes: App, pages: App) -> App:
    """One ASGI application of four: OTLP, the query API, health and metrics, and the web pages."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # no websockets; uvicorn answers the handshake with 403
        path: str = scope["path"]
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        if path.startswith("/v1/"):
            target = receiver
        elif path.startswith("/api/") or path == "/api":
            target = api
        elif path in {"/healthz", "/readyz", "/metrics"}:
            target = probes
        else:
            target = pages
        try:
            await target(scope, receive, watched)
        except Exception as error:
            journal.error("request failed", part=type(target).__name__, cause=type(error).__name__)
            if not started:
                await respond_problem(
                    send,
                    Problem(
                        500, "internal", "Internal error", "the collector failed on this request; see its log"
                    ),
                )

    return app
