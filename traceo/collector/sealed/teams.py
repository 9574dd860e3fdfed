"""The teams whose batches this collector stores without being able to read them."""

import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec

from traceo.collector import journal
from traceo.errors import TrustError
from traceo.sealing import PublishedKeys, base64url

__all__ = ["Teams"]


class Teams:
    """``folder/NAME.jws``, each a key set that a team has published; looked at again when a key is unknown.

    Their age does not matter here: a batch that waited in a sender's spool is sealed to an old key.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._seen: dict[Path, int] = {}
        self._names: dict[bytes, str] = {}

    def named(self, kids: Iterable[bytes]) -> str | None:
        """The team that one of these keys belongs to."""
        wanted = tuple(kids)
        name = self._find(wanted)
        if name is None:
            self._look()
            name = self._find(wanted)
        return name

    def _find(self, kids: tuple[bytes, ...]) -> str | None:
        return next((self._names[kid] for kid in kids if kid in self._names), None)

    def _look(self) -> None:
        with self._lock:
            for path in (*self._folder.glob("*.jws"), *self._folder.glob("*.json")):
                try:
                    changed = path.stat().st_mtime_ns
                    if self._seen.get(path) == changed:
                        continue
                    self._seen[path] = changed
                    published = _read(path.read_bytes())
                except (OSError, TrustError) as error:
                    journal.warning("team not known", reason=path.stem, cause=type(error).__name__)
                    continue
                for key in published.keys:
                    for recipient in (key.recipient, key.fallback):
                        if recipient is not None:
                            self._names[recipient.kid] = path.stem


class _Envelope(msgspec.Struct):
    payload: str


class _Payload(msgspec.Struct):
    issued_at: int


def _read(document: bytes) -> PublishedKeys:
    """The keys in `document` as on the day it was issued; `TrustError` when it is not a sound one."""
    try:
        envelope = msgspec.json.decode(document, type=_Envelope)
        issued_s = msgspec.json.decode(base64url.decode(envelope.payload), type=_Payload).issued_at
    except (msgspec.DecodeError, ValueError):
        raise TrustError("the key set document is malformed") from None
    return PublishedKeys.verify(document, pin=None, now_s=issued_s)
