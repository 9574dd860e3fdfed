"""How a connection comes about: TCP, a proxy's tunnel, TLS 1.3, and how it can be interrupted."""

import base64
import contextlib
import http
import http.client
import os
import socket
import ssl
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import msgspec

from traceo.errors import ConfigError

__all__ = ["Connection", "Proxy", "TLSFiles", "explain", "proxy_for", "split_url", "tls_context"]

# What a server says of a client certificate that it has seen and does not take.
_CERTIFICATE_ALERTS: Final = (
    "ALERT_UNKNOWN_CA",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_UNSUPPORTED_CERTIFICATE",
)


class TLSFiles(msgspec.Struct, frozen=True):
    """Paths of PEM files: a CA to trust instead of the system's, and a client certificate with its key."""

    ca: str = ""
    certificate: str = ""
    key: str = ""


class Proxy(msgspec.Struct, frozen=True):
    """Where a proxy listens and the header that authenticates us there, if any."""

    address: tuple[str, int]
    credentials: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Proxy({self.address!r}, {'with' if self.credentials else 'without'} credentials)"


class Connection(http.client.HTTPConnection):
    """`HTTPConnection` whose socket is known from before it connects, so that `interrupt` can reach it."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        proxy: Proxy | None,
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

    def _tunnel_through(self, sock: socket.socket, proxy: Proxy) -> None:
        host = f"[{self.host}]" if ":" in self.host else self.host
        target = f"{host}:{self.port}"
        headers = {"Host": target, **proxy.credentials}
        lines = [f"CONNECT {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        # Closed on the way out, or what it reads from would keep a refused socket open.
        with contextlib.closing(http.client.HTTPResponse(sock, method="CONNECT")) as answer:
            answer.begin()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"the proxy answered {answer.status}; see HTTPS_PROXY and NO_PROXY")


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
    if any(alert in reason for alert in _CERTIFICATE_ALERTS):
        return (
            f"it does not accept the client certificate ({reason.replace('_', ' ').lower()}); "
            "name one that its CA has signed in OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"
        )
    if "PROTOCOL_VERSION" in reason or "UNSUPPORTED_PROTOCOL" in reason:
        return "it does not offer TLS 1.3; switch TLS 1.3 on there"
    if "WRONG_VERSION_NUMBER" in reason or "HTTP_REQUEST" in reason:
        return "it does not speak TLS; an endpoint without TLS begins with http://"
    return f"TLS failed ({reason.replace('_', ' ').lower() or 'no reason given'})"


def split_url(endpoint: str) -> SplitResult:
    """The parts of an http or https URL; `ConfigError` for anything else."""
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


def tls_context(files: TLSFiles, *, loopback: bool) -> ssl.SSLContext:
    """TLS 1.3 or nothing, but for loopback; `ConfigError` when a file cannot be used."""
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


def proxy_for(scheme: str, host: str) -> Proxy | None:
    """The proxy that the environment (``http_proxy``, ``https_proxy``, ``no_proxy``) names for `host`."""
    value = getproxies_environment().get(scheme)
    if value is None or proxy_bypass(host):
        return None
    try:
        parts = split_url(value if "://" in value else f"http://{value}")
    except ConfigError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme != "http":
        raise ConfigError(
            f"the proxy for {scheme} cannot be used (from {scheme.upper()}_PROXY); "
            "give one like http://proxy.internal:3128, or name the host in NO_PROXY"
        )
    credentials: dict[str, str] = {}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        credentials["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return Proxy((parts.hostname or "", parts.port or http.client.HTTP_PORT), credentials)
