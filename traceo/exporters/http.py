"""One HTTP/1.1 connection to one origin, kept alive, on `http.client`.

It never follows a redirect, speaks TLS 1.3 or nothing to any host that is not this machine, makes a new
connection in a forked child, and can be interrupted: `close` from another thread ends a send that is blocked
in connect, handshake, write or read.
"""

import http.client
import ipaddress
import os
import ssl
import time
from collections.abc import Mapping
from typing import Final

import msgspec

from traceo._version import __version__
from traceo.exporters.connection import Connection, TLSFiles, explain, proxy_for, split_url, tls_context

__all__ = ["HttpSender", "Response", "TLSFiles", "explain", "is_loopback"]

_MAX_ANSWER: Final = 1024 * 1024
_USER_AGENT: Final = f"Traceo-Python/{__version__}"


class Response(msgspec.Struct, frozen=True):
    """An answer; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpSender:
    """Sends requests to `endpoint`'s origin; one thread sends, any thread may `close`.

    `headers` go with every request. `ConfigError` when the endpoint or a TLS file is unusable; `OSError` for
    anything that goes wrong on the way (see `explain`), and for an answer of more than `answer_bytes`.
    """

    def __init__(
        self,
        endpoint: str,
        headers: Mapping[str, str],
        timeout_s: float,
        *,
        tls: TLSFiles | None = None,
        answer_bytes: int = _MAX_ANSWER,
    ) -> None:
        parts = split_url(endpoint)
        self._host = parts.hostname or ""
        self._secure = parts.scheme == "https"
        self._port = parts.port or (http.client.HTTPS_PORT if self._secure else http.client.HTTP_PORT)
        self._headers = {"User-Agent": _USER_AGENT, **headers}
        self._timeout_s = timeout_s
        self._answer_bytes = answer_bytes
        self._loopback = is_loopback(self._host)
        self._context = tls_context(tls or TLSFiles(), loopback=self._loopback) if self._secure else None
        self._proxy = None if self._loopback else proxy_for(parts.scheme, self._host)
        if self._proxy is not None and not self._secure:
            self._headers |= self._proxy.credentials
        self._connection: Connection | None = None
        self._busy = False
        self._closed = False

    @property
    def loopback(self) -> bool:
        """Whether the peer is on this machine."""
        return self._loopback

    def send(self, path: str, body: bytes, content_type: str, content_encoding: str = "") -> Response:
        """POST `body` to `path`."""
        headers = {"Content-Type": content_type}
        if content_encoding:
            headers["Content-Encoding"] = content_encoding
        return self._request("POST", path, body, headers)

    def get(self, path: str) -> Response:
        """GET `path`."""
        return self._request("GET", path, None, {})

    def delete(self, path: str) -> Response:
        """DELETE `path`."""
        return self._request("DELETE", path, None, {})

    def close(self) -> None:
        """Close for good; a send in another thread ends at once with `ConnectionAbortedError`."""
        # The order matters: a sender marks itself busy before it looks at `_closed`.
        self._closed = True
        connection = self._connection
        # fork: an interrupt would reach the parent's connection, and whoever was busy is not in this process.
        if not self._busy or (connection is not None and connection.pid != os.getpid()):
            self._drop()
        elif connection is not None:
            connection.interrupt()

    def _request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        self._busy = True
        try:
            return self._read(self._answer(method, path, body, headers))
        except (OSError, http.client.HTTPException) as error:
            self._drop()
            if self._closed:
                raise ConnectionAbortedError("closed") from error
            if isinstance(error, OSError):
                raise
            raise ConnectionError(f"not an HTTP answer ({type(error).__name__})") from error
        finally:
            self._busy = False
            if self._closed:
                self._drop()

    def _answer(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        """Send the request and read the head of its answer."""
        connection, reused = self._current()
        try:
            return self._ask(connection, method, path, body, headers)
        except (
            http.client.RemoteDisconnected,
            BrokenPipeError,
            ConnectionResetError,
            ssl.SSLEOFError,
        ):
            # A server may close a connection that was idle; a fresh one decides.
            if not reused or self._closed:
                raise
        self._drop()
        return self._ask(self._current()[0], method, path, body, headers)

    def _ask(
        self, connection: Connection, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        if connection.sock is None:
            connection.connect()
        try:
            connection.request(method, self._target(path), body, {**self._headers, **headers})
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError) as error:
            # The peer hung up on us; it may have said why before: an early 413, or a TLS alert.
            try:
                return connection.getresponse()
            except ssl.SSLError as alert:
                raise (error if isinstance(alert, ssl.SSLEOFError) else alert) from None
            except (OSError, http.client.HTTPException):
                raise error from None
        return connection.getresponse()

    def _read(self, answer: http.client.HTTPResponse) -> Response:
        deadline = time.monotonic() + self._timeout_s
        content = bytearray()
        # In pieces: a peer that drips must not hold the thread longer than a peer that is silent.
        while piece := answer.read1(_MAX_ANSWER):
            content += piece
            if len(content) > self._answer_bytes or time.monotonic() > deadline:
                raise TimeoutError("the answer is too long or too slow")
        if answer.length:
            raise ConnectionError("the answer ends early")
        headers = {name.lower(): value for name, value in answer.getheaders()}
        answer.close()
        if answer.will_close:
            self._drop()
        return Response(answer.status, headers, bytes(content))

    def _target(self, path: str) -> str:
        if self._proxy is None or self._secure:
            return path
        return f"http://{self._host}:{self._port}{path}"

    def _current(self) -> tuple[Connection, bool]:
        if self._closed:
            raise ConnectionAbortedError("closed")
        if (connection := self._connection) is not None:
            if connection.pid == os.getpid() and connection.sock is not None:
                return connection, True
            # fork: the parent goes on using this socket; close our copy without a word to the peer.
            self._drop()
        connection = self._connection = self._open()
        if self._closed:
            connection.interrupt()
        return connection, False

    def _open(self) -> Connection:
        return Connection(
            self._host, self._port, proxy=self._proxy, context=self._context, timeout_s=self._timeout_s
        )

    def _drop(self) -> None:
        if (connection := self._connection) is not None:
            self._connection = None
            connection.close()


def is_loopback(host: str) -> bool:
    """Whether `host` can only be this machine.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("10.0.0.1")
    (True, True, False)
    """
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
