"""TLS for the collector's port: 1.3 or nothing, with client certificates when a CA for them is named."""

import asyncio
import ssl
from pathlib import Path
from typing import Final, NoReturn

from traceo.collector import journal
from traceo.collector.settings import Settings
from traceo.errors import ConfigError

__all__ = ["Tls"]

_LOOK_EVERY_S: Final = 5.0
_REASONS: Final = (
    (
        "PEER_DID_NOT_RETURN_A_CERTIFICATE",
        "a client without a certificate; give it one that the CA of --tls-client-ca has signed",
    ),
    ("CERTIFICATE_VERIFY_FAILED", "a client certificate that the CA of --tls-client-ca has not signed"),
    ("UNSUPPORTED_PROTOCOL", "a client that offers no TLS 1.3; update it"),
    ("HTTP_REQUEST", "a client that does not speak TLS; its endpoint has to begin with https://"),
    ("UNKNOWN_CA", "a client that does not trust our certificate; give it the CA of --tls-cert"),
    ("CERTIFICATE_UNKNOWN", "a client that does not trust our certificate; give it the CA of --tls-cert"),
    ("BAD_CERTIFICATE", "a client that does not accept our certificate; see its names and dates"),
)


class Tls:
    """The server's context; certificates that are replaced on disk count for new connections.

    Raises `ConfigError` for files that cannot be used.
    """

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        self._certificate = certificate
        self._key = key
        self._client_ca = client_ca
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.sslobject_class = _Watched
        self._load()
        self._seen = self._stamp()

    def refresh(self) -> None:
        """Take up certificates that changed; what cannot be used is logged and the old ones stay."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._load()
        except ConfigError as error:
            journal.error("tls files not taken up", reason=str(error))
        else:
            journal.info("tls files taken up")

    @classmethod
    def of(cls, settings: Settings) -> "Tls | None":
        """What `settings` ask for; None for plain HTTP."""
        if settings.tls_cert is None or settings.tls_key is None:
            return None
        return cls(settings.tls_cert, settings.tls_key, settings.tls_client_ca)

    async def keep(self) -> None:
        """`refresh` for as long as the collector runs."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self.refresh()

    def _load(self) -> None:
        try:
            # On a context of their own first: half a change must not reach the one in use.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._certificate, self._key)
            self.context.load_cert_chain(self._certificate, self._key)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"the certificate {self._certificate} and the key {self._key} cannot be used: "
                f"{_reason(error)} (from --tls-cert and --tls-key); give PEM files that belong together"
            ) from None
        if not self._client_ca:
            return
        try:
            self.context.load_verify_locations(self._client_ca)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"the CA {self._client_ca} cannot be used: {_reason(error)} (from --tls-client-ca); "
                "give a PEM file of certificates"
            ) from None
        self.context.verify_mode = ssl.CERT_REQUIRED

    def _stamp(self) -> tuple[float, ...]:
        paths = (self._certificate, self._key, self._client_ca)
        return tuple(_changed_s(path) for path in paths if path is not None)


class _Watched(ssl.SSLObject):
    """Says in our log why a client was turned away, and lets TLS's alert, which tells the client, get out.

    The event loop cuts the connection as soon as a handshake raises, before the alert is written. Asking for
    more input first makes it write; the client then hangs up, or the loop's own time for handshakes ends.
    """

    _refusal: ssl.SSLError | None = None
    _patience = 16  # reads; a client that goes on talking must not fill our memory

    def do_handshake(self) -> None:
        if self._refusal is not None:
            self._wait(self._refusal)
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            reason = error.reason or ""
            known = (words for part, words in _REASONS if part in reason)
            words = next(known, reason.replace("_", " ").lower() or "no reason given")
            journal.warning("tls refused", reason=words)
            if "ALERT" in reason or "HTTP_REQUEST" in reason:
                raise  # the client knows already, or would not understand
            self._refusal = error
            self._wait(error)

    def _wait(self, refusal: ssl.SSLError) -> NoReturn:
        self._patience -= 1
        if self._patience < 0:
            raise refusal
        raise ssl.SSLWantReadError


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not PEM").replace("_", " ").lower()
    return (error.strerror if isinstance(error, OSError) else "") or "not PEM"


def _changed_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
