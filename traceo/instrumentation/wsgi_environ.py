"""Reading a WSGI environ (PEP 3333): addresses, headers, and text that it keeps in latin-1 characters."""

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from opentelemetry.util.types import AttributeValue

from traceo import semconv
from traceo.instrumentation.http_server import add_peer, add_server

__all__ = ["Environ", "Headers", "add_addresses", "propagated", "text_of"]

Environ: TypeAlias = dict[str, Any]

_PROPAGATED: Final = (
    ("HTTP_TRACEPARENT", b"traceparent"),
    ("HTTP_TRACESTATE", b"tracestate"),
    ("HTTP_BAGGAGE", b"baggage"),
)


class Headers:
    """A request's headers as pairs of bytes, made only when somebody goes through them."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Environ) -> None:
        self._environ = environ

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for key, value in self._environ.items():
            if key.startswith("HTTP_"):
                yield _bytes(key[5:].replace("_", "-").lower()), _bytes(value)


def propagated(environ: Environ) -> dict[bytes, bytes]:
    """The headers of W3C trace context and baggage, as far as they are there."""
    return {name: _bytes(environ[key]) for key, name in _PROPAGATED if key in environ}


def _bytes(text: str) -> bytes:
    return text.encode("latin-1", "replace")


def text_of(text: str) -> str:
    """What PEP 3333 has put into latin-1 characters."""
    return text if text.isascii() else text.encode("latin-1", "replace").decode("utf-8", "replace")


def add_addresses(attributes: dict[str, AttributeValue], environ: Environ) -> None:
    """Whom the request was for, and who sent it."""
    host: str | None = environ.get("HTTP_HOST")
    if host:
        add_server(attributes, host)
    elif environ.get("SERVER_NAME"):
        attributes[semconv.SERVER_ADDRESS] = environ["SERVER_NAME"]
        port = _port(environ.get("SERVER_PORT"))
        if port is not None:
            attributes[semconv.SERVER_PORT] = port
    address: str | None = environ.get("REMOTE_ADDR")
    if address:
        add_peer(attributes, address, _port(environ.get("REMOTE_PORT")))


def _port(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() else None
