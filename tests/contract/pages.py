"""An HTTP server of nobody's framework, for clients to talk to."""

import json

__all__ = ["pages"]


async def pages(scope, receive, send) -> None:
    """``/echo/…`` answers with the body it got, ``/refuse`` with 503, ``/move`` sends to ``/echo/moved``."""
    assert scope["type"] == "http"
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    path = scope["path"]
    headers = [(b"content-type", b"application/json")]
    status = 200
    if path.startswith("/refuse"):
        status = 503
    if path.startswith("/move"):
        status = 302
        headers.append((b"location", b"/echo/moved"))
    content = json.dumps({"method": scope["method"], "body": body.decode()}).encode()
    headers.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
