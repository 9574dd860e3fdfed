"""One HTTP/1.1 connection to one origin, kept alive, on `http.client`.

It never follows a redirect, speaks TLS 1.3 or nothing to any host that is not this machine, makes a new
connection in a forked child, and can be interrupted: `close` from another thread ends a send that is blocked
in connect, handshake, write or read.
"""

import base64
import contextlib
import http
import http.client
import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import msgspec

from traceo._version import __version__
from traceo.errors import ConfigError

__all__ = ["HttpSender", "Response", "TLSFiles", "explain", "is_loopback"]

_MAX_ANSWER: Final = 1024 * 1024
_USER_AGENT: Final = f"Traceo-Python/{__version__}"


class Response(msgspec.Struct, frozen=True):
    """An answer; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TLSFiles(msgspec.Struct, frozen=True):
    """Paths of PEM files: a CA to trust instead of the system's, and a client certificate with its key."""

    ca: str = ""
    certificate: str = ""
    key: str = ""


class _Proxy(msgspec.Struct, frozen=True):
    address: tuple[str, int]
    credentials: Mapping[str, str]


class _Connection(http.client.HTTPConnection):
    """`HTTPConnection` whose socket is known from before it connects, so that `interrupt` can reach it."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        proxy: _Proxy | None,
        context: ssl.SSLContext | None,
        timeout_s: float,
    ) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self.pid = os.getpid()
        self._proxy = proxy
        self._context = context
        self._wait_s = timeout_s
        self._held: socket.socket | None = None
        self._interrupted = False
        if context is not None:
            self.default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        """Connect, through the proxy when there is one, and finish the TLS handshake."""
        sock = self._dial((self.host, self.port) if self._proxy is None else self._proxy.address)
        self.sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is None:
            return
        if self._proxy is not None:
            self._tunnel_through(sock, self._proxy)
        secure = self._context.wrap_socket(sock, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock = self._hold(secure)
        secure.do_handshake()

    def interrupt(self) -> None:
        """End whatever another thread is doing with this connection."""
        self._interrupted = True
        if (held := self._held) is not None:
            # Not `SSLSocket.shutdown`: that first takes the TLS layer off, and a write of the other thread
            # that comes between would go out in clear.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(held, socket.SHUT_RDWR)

    def _dial(self, address: tuple[str, int]) -> socket.socket:
        failure = OSError("its name has no address")
        for family, kind, protocol, _, target in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
            sock = self._hold(socket.socket(family, kind, protocol))
            try:
                sock.settimeout(self._wait_s)
                sock.connect(target)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        raise failure

    def _hold(self, sock: socket.socket) -> socket.socket:
        self._held = sock
        if self._interrupted:
            sock.close()
            raise ConnectionAbortedError("closed")
        return sock

    def _tunnel_through(self, sock: socket.socket, proxy: _Proxy) -> None:
        host = f"[{self.host}]" if ":" in self.host else self.host
        target = f"{host}:{self.port}"
        headers = {"Host": target, **proxy.credentials}
        lines = [f"CONNECT {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        answer = http.client.HTTPResponse(sock, method="CONNECT")
        answer.begin()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"the proxy answered {answer.status}")


class HttpSender:
    """Sends requests to `endpoint`'s origin; one thread sends, any thread may `close`.

    `headers` go with every request. `ConfigError` when the endpoint or a TLS file is unusable; `OSError` for
    anything that goes wrong on the way (see `explain`).
    """

    def __init__(
        self, endpoint: str, headers: Mapping[str, str], timeout_s: float, *, tls: TLSFiles | None = None
    ) -> None:
        parts = _split(endpoint)
        self._host = parts.hostname or ""
        self._secure = parts.scheme == "https"
        self._port = parts.port or (http.client.HTTPS_PORT if self._secure else http.client.HTTP_PORT)
        self._headers = {"User-Agent": _USER_AGENT, **headers}
        self._timeout_s = timeout_s
        self._loopback = is_loopback(self._host)
        self._context = _tls_context(tls or TLSFiles(), loopback=self._loopback) if self._secure else None
        self._proxy = None if self._loopback else _proxy(parts.scheme, self._host)
        if self._proxy is not None and not self._secure:
            self._headers |= self._proxy.credentials
        self._connection: _Connection | None = None
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

    def close(self) -> None:
        """Close for good; a send in another thread ends at once with `ConnectionAbortedError`."""
        # The order matters: a sender marks itself busy before it looks at `_closed`.
        self._closed = True
        if not self._busy:
            self._drop()
        elif (connection := self._connection) is not None:
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
        self, connection: _Connection, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
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
            if len(content) > _MAX_ANSWER or time.monotonic() > deadline:
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

    def _current(self) -> tuple[_Connection, bool]:
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

    def _open(self) -> _Connection:
        return _Connection(
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


def explain(error: OSError) -> str:
    """What went wrong in words that say what to do, without anything that was sent."""
    match error:
        case ssl.SSLCertVerificationError():
            return (
                f"its certificate is not trusted ({error.verify_message}); "
                "name its CA in OTEL_EXPORTER_OTLP_CERTIFICATE"
            )
        case ssl.SSLError():
            return _explain_tls(error)
        case socket.gaierror():
            return "its name does not resolve"
        case TimeoutError():
            return "it did not answer in time"
        case ConnectionRefusedError():
            return "nothing listens there"
        case _:
            return error.strerror or str(error) or type(error).__name__


def _explain_tls(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if isinstance(error, ssl.SSLEOFError):
        return "it hung up without giving a reason, as some do when they want a client certificate"
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
        return (
            "it wants a client certificate; name yours in OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE "
            "and OTEL_EXPORTER_OTLP_CLIENT_KEY"
        )
    if "PROTOCOL_VERSION" in reason or "UNSUPPORTED_PROTOCOL" in reason:
        return "it does not offer TLS 1.3; switch TLS 1.3 on there"
    if "WRONG_VERSION_NUMBER" in reason or "HTTP_REQUEST" in reason:
        return "it does not speak TLS; an endpoint without TLS begins with http://"
    return f"TLS failed ({reason.replace('_', ' ').lower() or 'no reason given'})"


def _split(endpoint: str) -> SplitResult:
    try:
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(
            "the endpoint is not a URL (from OTEL_EXPORTER_OTLP_ENDPOINT or init); "
            "give one like http://127.0.0.1:4318"
        )
    return parts


def _tls_context(files: TLSFiles, *, loopback: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=files.ca or None)
        if not loopback:
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        if files.certificate:
            context.load_cert_chain(files.certificate, files.key or None)
    except (OSError, ValueError) as error:
        raise ConfigError(
            "a TLS file cannot be used (OTEL_EXPORTER_OTLP_CERTIFICATE, _CLIENT_CERTIFICATE or _CLIENT_KEY): "
            f"{explain(error) if isinstance(error, OSError) else error}"
        ) from error
    return context


def _proxy(scheme: str, host: str) -> _Proxy | None:
    value = getproxies_environment().get(scheme)
    if value is None or proxy_bypass(host):
        return None
    parts = _split(value if "://" in value else f"http://{value}")
    credentials: dict[str, str] = {}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        credentials["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return _Proxy((parts.hostname or "", parts.port or http.client.HTTP_PORT), credentials)
