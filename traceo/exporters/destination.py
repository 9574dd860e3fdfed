"""Where telemetry goes: the one way out of the process.

`Destination` is cheap to make and imports nothing heavy; the first delivery, in the pipeline thread, loads
HTTP, compression and sealing. What it does with an endpoint is in `traceo.exporters.peer`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from traceo.config import public_url
from traceo.errors import ConfigError
from traceo.exporters.outcome import Outcome, Package, SealMode, Signal

if TYPE_CHECKING:
    from traceo.exporters.peer import Peer

__all__ = ["Destination", "DestinationStatus", "Outcome", "Package", "SealMode", "Signal"]


_KEY_TABLE_PATH: Final = "/api/traceo/subject-keys"


class DestinationStatus(msgspec.Struct, frozen=True):
    """What is known of an endpoint, for `traceo.status()`.

    `mode` is "unknown" until it answered; `kem` is "X_WING" or "X25519" when sealed; `fingerprint` is whom we
    trust.
    """

    endpoint: str
    mode: Literal["unknown", "sealed", "plain", "carrier"]
    encoding: str = ""
    fingerprint: str = ""
    kem: str = ""


class Destination:
    """The OTLP/HTTP endpoint of this process.

    `endpoint` is a base URL (``/v1/traces`` and its like are appended); `signal_endpoints` gives a full URL
    for single signals (``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT``). `seal` is "auto", "required", "off" or
    "carrier"; `pin` is `TRACEO_SEAL_KEY`: the fingerprint of the collector's signing key, files of key sets,
    or both (see `traceo.sealing.recipients`). `sender_key` is the file of the key to sign with. `key_table`
    is the URL of the collector that keeps the keys of sealed values, when it is another. `state_dir` is where
    trust on first use is remembered. The paths `ca_file`, `certificate_file` and `key_file` are PEM files for
    TLS.

    One thread delivers; any thread may `close`. Nothing but a bug raises: what goes wrong is in the
    `Outcome`.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        headers: Mapping[str, str] | None = None,
        api_key: str = "",
        timeout_s: float = 10.0,
        seal: SealMode = "auto",
        pin: str = "",
        sender_key: str = "",
        key_table: str = "",
        tenant: str = "",
        state_dir: Path | str | None = None,
        signal_endpoints: Mapping[Signal, str] | None = None,
        ca_file: str = "",
        certificate_file: str = "",
        key_file: str = "",
    ) -> None:
        self._endpoint = endpoint
        self._headers = {name.lower(): value for name, value in (headers or {}).items()}
        if api_key:
            self._headers.setdefault("authorization", f"Bearer {api_key}")
        self._timeout_s = timeout_s
        self._seal: SealMode = seal
        self._pin = pin
        self._sender_key = sender_key
        self._key_table = key_table.rstrip("/")
        self._tenant = tenant
        self._state_dir = Path(state_dir) if state_dir else None
        self._signal_endpoints = dict(signal_endpoints or {})
        self._tls = (ca_file, certificate_file, key_file)
        self._peers: dict[str, Peer] = {}
        self._closed = False

    def deliver(self, signal: Signal, payload: bytes, batch_id: bytes) -> Outcome:
        """Package and send `payload`, an OTLP protobuf message; give the same `batch_id` on every attempt."""
        outcome = Outcome.retry("not sent")
        # Twice: the peer may have rotated its keys, or taken back an encoding, since the last batch.
        for _ in range(2):
            package = self.package(signal, payload, batch_id)
            if isinstance(package, Outcome):
                return package
            outcome = self.send(package)
            if not outcome.reseal:
                break
        return outcome

    def package(self, signal: Signal, payload: bytes, batch_id: bytes | None = None) -> Package | Outcome:
        """`payload` compressed and, for a Traceo collector, sealed; an outcome when that cannot be done now.

        `batch_id` is 16 bytes; random when not given. A sealed package can be kept and sent later, by any
        process.
        """
        peer = self._peer(signal)
        if isinstance(peer, Outcome):
            return peer
        return peer[0].package(signal, payload, batch_id or os.urandom(16))

    def seal(self, signal: Signal, payload: bytes, batch_id: bytes) -> Package | None:
        """A package for the disk: sealed with what is known, without asking anybody; None if that cannot be.

        Also after `close`.
        """
        base, _ = self._route(signal)
        try:
            peer = self._peers.get(base) or self._make_peer(base)
        except ConfigError:
            return None
        return peer.seal(signal, payload, batch_id)

    def send(self, package: Package) -> Outcome:
        """Send a package. After `Outcome.reseal`, make it again from its payload before the next attempt."""
        peer = self._peer(package.signal)
        if isinstance(peer, Outcome):
            return peer
        return peer[0].send(package, peer[1])

    def close(self) -> None:
        """Close for good; a delivery that is under way ends at once, with a `retry` outcome."""
        self._closed = True
        for peer in list(self._peers.values()):
            peer.close()

    def status(self) -> DestinationStatus:
        """What is known of the endpoint for traces so far."""
        base, _ = self._route("traces")
        peer = self._peers.get(base)
        if peer is None or peer.kind == "unknown":
            return DestinationStatus(public_url(self._endpoint), "unknown")
        if self._seal == "carrier":
            return DestinationStatus(peer.name, "carrier")
        if peer.kind == "otlp":
            return DestinationStatus(peer.name, "plain", peer.encoding)
        keys = peer.trust.keys
        if keys is None:
            return DestinationStatus(peer.name, "sealed", "zstd")
        return DestinationStatus(peer.name, "sealed", "zstd", keys.fingerprint, keys.recipient().kem.name)

    def _peer(self, signal: Signal) -> "tuple[Peer, str] | Outcome":
        """The peer for `signal` and the request path there."""
        base, path = self._route(signal)
        peer = self._peers.get(base)
        if peer is None:
            try:
                peer = self._make_peer(base)
            except ConfigError as error:
                return Outcome.retry(str(error))
        return Outcome.retry("closed") if self._closed else (peer, path)

    def _make_peer(self, base: str) -> "Peer":
        from traceo.exporters.http import TLSFiles  # noqa: PLC0415 - heavy; the pipeline thread pays, not startup
        from traceo.exporters.peer import Peer, PeerSettings  # noqa: PLC0415 - the same
        from traceo.sealing.recipients import SealTo  # noqa: PLC0415 - the same

        whom = SealTo.parse(self._pin)
        seal = self._seal
        if base == self._key_table and base != self._endpoint.rstrip("/"):
            # Whatever the way of the batches is, the table is a Traceo collector that is spoken to directly.
            seal, whom = "auto", SealTo(pin=whom.pin)
        elif seal == "carrier" and not whom.files:
            raise ConfigError(
                "seal is carrier, which needs a file with a key set: name it in TRACEO_SEAL_KEY"
            )
        settings = PeerSettings(
            headers=self._headers,
            timeout_s=self._timeout_s,
            seal=seal,
            pin=whom.pin,
            to_collector=whom.collector,
            files=whom.files,
            sender_key=self._sender_key,
            tenant=self._tenant,
            state_dir=self._state_dir,
            tls=TLSFiles(*self._tls),
        )
        peer = Peer(base, settings)
        self._peers[base] = peer
        if self._closed:
            peer.close()
        return peer

    def _route(self, signal: Signal) -> tuple[str, str]:
        """(base URL, request path) of `signal`."""
        if signal == "keys":
            base = self._key_table or self._endpoint.rstrip("/")
            return base, _path(base) + _KEY_TABLE_PATH
        suffix = f"/v1/{signal}"
        url = self._signal_endpoints.get(signal)
        if url is None:
            base = self._endpoint.rstrip("/")
            return base, _path(base) + suffix
        if url.endswith(suffix):
            return url.removesuffix(suffix), _path(url)
        return url.removesuffix(_path(url)), _path(url) or "/"


def _path(url: str) -> str:
    _, _, rest = url.partition("://")
    _, slash, path = rest.partition("/")
    return slash + path
