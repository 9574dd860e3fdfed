"""Whom to seal to, as a setting says it: the collector, by its pin, and key sets that lie in files.

A file holds the signed document that ``traceo keys publish`` writes. It was put there by whoever runs the
application, so any signer is believed; what it says about its age is not.
"""

import time
from pathlib import Path

import msgspec

from traceo.errors import ConfigError, TrustError
from traceo.sealing.hpke import RecipientKey
from traceo.sealing.published import PublishedKeys

__all__ = ["KeySetFile", "SealTo"]

_PIN = "sha256:"
_COLLECTOR = "collector"


class SealTo(msgspec.Struct, frozen=True):
    """The recipients of batches: the collector, whose signer may be pinned, and the holders of key sets.

    >>> SealTo.parse("sha256:abc, /etc/escrow.json")
    SealTo(collector=True, pin='sha256:abc', files=('/etc/escrow.json',))
    >>> SealTo.parse("/etc/team.json").collector
    False
    """

    collector: bool = True
    pin: str = ""
    files: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "SealTo":
        """Read fingerprints, paths and the word ``collector``, separated by commas.

        Raises `ConfigError` for two fingerprints. Files alone leave the collector out: it stores what it
        cannot read.
        """
        parts = [part.strip() for part in text.split(",") if part.strip()]
        pins = [part for part in parts if part.startswith(_PIN)]
        files = tuple(part for part in parts if part not in {*pins, _COLLECTOR})
        if len(pins) > 1:
            raise ConfigError("seal_key has two fingerprints; a collector has one")
        return cls(len(parts) > len(files) or not files, pins[0] if pins else "", files)


class KeySetFile:
    """A published key set in a file, read again when it changes. One thread uses it."""

    __slots__ = ("_keys", "_stamp", "path")

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._stamp: tuple[int, int, int] = (0, 0, 0)
        self._keys: PublishedKeys | None = None

    def recipient(self) -> RecipientKey:
        """The key to seal to now. `TrustError` when the file is missing, is no key set, or has expired."""
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if self._keys is None or stamp != self._stamp:
                self._keys, self._stamp = self._read(), stamp
        except OSError as error:
            raise TrustError(f"the key set {self.path} cannot be read: {error.strerror}") from None
        if time.time() >= self._keys.expires_at_s:
            raise TrustError(f"{self.path}: the key set has expired; publish it again")
        return self._keys.recipient()

    def _read(self) -> PublishedKeys:
        try:
            return PublishedKeys.verify(self.path.read_bytes(), pin=None)
        except TrustError as error:
            raise TrustError(f"{self.path}: {error}; publish the key set again") from None
