"""What the tests of the server hooks share."""

import http.client
import io
import sys
import time
from collections.abc import Callable
from typing import Any

from traceo.records import SpanRecord

__all__ = ["ask", "environ", "ignore", "told", "until"]


def told(span: SpanRecord) -> tuple[object, int, str, list[str]]:
    """Status code, span status, error.type and the exceptions recorded, types without their modules."""
    return (
        span.attributes.get("http.response.status_code"),
        span.status_code,
        span.attributes.get("error.type", "").rpartition(".")[2],
        [event.attributes["exception.type"].rpartition(".")[2] for event in span.events],
    )


def ask(base: str, path: str) -> tuple[bytes, dict[str, Any]]:
    """One request to ``base``; the body, and the attributes that a 200 has but for ``http.route``.

    A WSGI server does not tell the peer's port.
    """
    host, _, port = base.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        connection.request("GET", f"{path}?size=large", headers={"User-Agent": "test/1"})
        local = connection.sock.getsockname()
        body = connection.getresponse().read()
    finally:
        connection.close()
    return body, {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "url.path": path,
        "url.query": "size=large",
        "server.address": host,
        "server.port": int(port),
        "client.address": host,
        "network.peer.address": host,
        "network.peer.port": local[1],
        "network.protocol.version": "1.1",
        "user_agent.original": "test/1",
    }


def environ(**more: Any) -> dict[str, Any]:
    """A request as a WSGI server hands it over."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": "10.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.0",
        "REMOTE_ADDR": "10.0.0.9",
        "REMOTE_PORT": "4711",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **more,
    }


def ignore(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], None]:
    """A ``start_response``."""
    del status, headers, exc_info
    return lambda data: None


def until(happened: Callable[[], bool], *, within_s: float = 5.0) -> None:
    """Returns once ``happened()``, for what a server does after its client has the answer."""
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.002)
