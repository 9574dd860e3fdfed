"""Who answers which path."""

from traceo.collector import journal
from traceo.collector.hosts import is_local
from traceo.collector.http import App, Message, Receive, Scope, Send, respond_problem
from traceo.collector.problems import Problem

__all__ = ["dispatcher", "is_local"]

_SEALED = ("/api/traceo/subject-keys", "/api/traceo/sealed")
_MISDIRECTED = Problem(
    421,
    "host",
    "Not under this name",
    "this collector listens on loopback and answers as localhost or 127.0.0.1; a proxy must set Host",
)


def dispatcher(*, receiver: App, sealed: App, api: App, probes: App, pages: App, local_only: bool) -> App:
    """One ASGI application of five: OTLP, sealed things, the query API, health and metrics, the web pages.

    With ``local_only`` (it listens on loopback) what can be read is shown under local names only: a web
    page elsewhere cannot point a name of its own at 127.0.0.1 and read traces through somebody's browser
    (DNS rebinding).
    """

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
        elif path.startswith(_SEALED):
            target = sealed
        elif path.startswith("/api/") or path == "/api":
            target = api
        elif path in {"/healthz", "/readyz", "/metrics"}:
            target = probes
        else:
            target = pages
        if local_only and target is not receiver and not is_local(_host(scope)):
            await respond_problem(send, _MISDIRECTED)
            return
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


def _host(scope: Scope) -> str:
    host: str = dict(scope["headers"]).get(b"host", b"localhost").decode("latin-1")
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
