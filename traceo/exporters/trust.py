"""Whom to seal to: the key set of one endpoint, and why it is believed.

A pinned fingerprint decides alone. Without one, a collector on this machine is believed on first use and
remembered, in memory and, when a folder is given, in a small file there; any other collector is not believed,
and the error says what to pin.
"""

import hashlib
import time
from pathlib import Path

import msgspec

from traceo.errors import KeyFileError, TrustError
from traceo.sealing.keyfile import read_secret_file, write_secret_file
from traceo.sealing.published import PublishedKeys

__all__ = ["Trust"]


class _Memory(msgspec.Struct):
    endpoint: str
    fingerprint: str
    serial: int
    document: str


class Trust:
    """The key set of the collector at `endpoint`; one thread uses it."""

    def __init__(self, endpoint: str, *, loopback: bool, pin: str, state_dir: Path | None) -> None:
        self._endpoint = endpoint
        self._loopback = loopback
        self._pin = pin.strip()
        name = f"trust-{hashlib.sha256(endpoint.encode()).hexdigest()[:16]}.json"
        self._path = None if state_dir is None else state_dir / name
        self._memory = self._recall()
        self.keys = self._remembered_keys()

    @property
    def established(self) -> bool:
        """Whether this endpoint is known to be a Traceo collector: then nothing goes there unsealed."""
        return self._memory is not None or self._pin != ""

    def accept(self, document: bytes) -> PublishedKeys:
        """Check a key set document and make it the current one; `TrustError` says what to do."""
        keys = PublishedKeys.verify(document, pin=self._pin or None)
        known = self._memory
        if not self._pin:
            self._check_signer(keys.fingerprint, known)
        if known is not None and known.fingerprint == keys.fingerprint and keys.serial < known.serial:
            raise TrustError("the key set is older than the one seen before")
        self.keys = keys
        fresh = _Memory(self._endpoint, keys.fingerprint, keys.serial, document.decode())
        if known is None or fresh.document != known.document:
            self._memory = fresh
            self._remember(fresh)
        return keys

    def usable(self) -> PublishedKeys | None:
        """The current key set unless it has expired."""
        keys = self.keys
        return keys if keys is not None and time.time() < keys.expires_at_s else None

    def _check_signer(self, fingerprint: str, known: _Memory | None) -> None:
        if self._loopback and known is not None and known.fingerprint != fingerprint:
            forget = "restart this process" if self._path is None else f"remove {self._path}"
            raise TrustError(
                f"its keys are now signed by {fingerprint} instead of {known.fingerprint}; "
                f"if that is right, {forget} or set TRACEO_SEAL_KEY={fingerprint}"
            )
        if not self._loopback:
            raise TrustError(
                "it is not on this machine and its signing key is not pinned; compare the fingerprint with "
                "what `traceo keys pin` says there, or the seal_key that it logs when it is ready, and set "
                f"TRACEO_SEAL_KEY={fingerprint}"
            )

    def _remembered_keys(self) -> PublishedKeys | None:
        if self._memory is None or not (self._loopback or self._pin):
            return None
        try:
            return PublishedKeys.verify(self._memory.document.encode(), pin=self._pin or None)
        except TrustError:
            return None

    def _recall(self) -> _Memory | None:
        if self._path is None or not self._path.exists():
            return None
        try:
            memory = msgspec.json.decode(read_secret_file(self._path), type=_Memory)
        except (KeyFileError, msgspec.DecodeError):
            return None
        # The file may be another machine's or, under a shared name, another pin's.
        fits = memory.endpoint == self._endpoint and self._pin in {"", memory.fingerprint}
        return memory if fits else None

    def _remember(self, memory: _Memory) -> None:
        if self._path is None:
            return
        try:
            write_secret_file(self._path, msgspec.json.encode(memory))
        except KeyFileError:
            # In memory it holds for this process; a folder we cannot write is not the application's problem.
            self._path = None
