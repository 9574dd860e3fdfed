"""The few lines of ASGI that bare routes need."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

from traceo.collector.problems import Problem, problem_body

__all__ = ["App", "Headers", "Message", "Receive", "Scope", "Send", "respond", "respond_problem"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]


async def respond(send: Send, status: int, content_type: bytes, body: bytes, headers: Headers = ()) -> None:
    """Send one whole answer."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", b"%d" % len(body)),
                (b"x-content-type-options", b"nosniff"),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def respond_problem(send: Send, problem: Problem, headers: Headers = ()) -> None:
    """Send a problem as its RFC 9457 body."""
    await respond(
        send,
        problem.status,
        b"application/problem+json",
        problem_body(problem),
        (*problem.headers, *headers),
    )
