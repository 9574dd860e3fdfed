"""A collector's key set: the root key that signs, and the epoch keys that open batches.

It lives in one file, ``keys.json``, mode 0600, of the collector's data directory (or of the machine of a team
that opens its own batches), or where another of `traceo.sealing.providers` keeps it. The application never
has any of it: it gets `KeySet.publish`'s document.

States of an epoch key: *pending* (published, so that every sender knows it before it is used), *primary*
(batches are sealed to it), *decrypt-only* (old batches still open), *destroyed* (the private half is gone;
what was sealed to it is unreadable everywhere). `traceo.sealing.rotation` moves keys along.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from traceo.errors import KeyFileError, SealingError
from traceo.sealing.hidden import HiddenBytes, never_pickled
from traceo.sealing.hpke import Kem, PrivateKeys, RecipientKey, RecipientSecret
from traceo.sealing.keyfile import read_secret_file, write_secret_file
from traceo.sealing.passphrase import is_locked, lock, unlock
from traceo.sealing.published import KeyState, PublishedKey, root_fingerprint, sign

__all__ = ["FILE_NAME", "EpochKey", "KeySet"]

FILE_NAME: Final = "keys.json"
_DAY_S: Final = 86_400
_VALID_S: Final = 7 * _DAY_S


class EpochKey(msgspec.Struct, frozen=True):
    """One recipient key and its state since `since_s` (unix seconds); a destroyed one has no `secret`."""

    recipient: RecipientKey
    state: KeyState
    since_s: int
    secret: RecipientSecret | None

    __reduce__ = never_pickled

    @classmethod
    def generate(cls, state: KeyState, *, now_s: int, kem: Kem | None = None) -> "EpochKey":
        """A new key in `state`."""
        secret = RecipientSecret.generate(kem)
        return cls(secret.recipient(), state, now_s, secret)

    def to(self, state: KeyState, *, now_s: int) -> "EpochKey":
        """The same key in another state; destroying it forgets the private half."""
        secret = None if state is KeyState.DESTROYED else self.secret
        return EpochKey(self.recipient, state, now_s, secret)


class KeySet(msgspec.Struct, frozen=True):
    """Root key and epoch keys. `serial` grows with every change. No secret shows in its repr."""

    root: bytes
    serial: int
    keys: Sequence[EpochKey]

    __reduce__ = never_pickled

    def __repr__(self) -> str:
        states = ", ".join(f"{key.recipient.kid.hex()} {key.state}" for key in self.keys)
        return f"KeySet({self.fingerprint}, serial {self.serial}: {states})"

    @classmethod
    def create(cls, *, kem: Kem | None = None, now_s: float | None = None) -> "KeySet":
        """A new root key and one primary epoch key (`kem`: the best this platform has)."""
        key = EpochKey.generate(KeyState.PRIMARY, now_s=_now(now_s), kem=kem)
        return cls(HiddenBytes(os.urandom(32)), 1, [key])

    @classmethod
    def load(cls, directory: Path | str, *, passphrase: str | None = None) -> "KeySet":
        """The key set in `directory`.

        Raises `KeyFileError` when it is missing, open to others, damaged, or locked and `passphrase` is not
        the one.
        """
        path = Path(directory) / FILE_NAME
        data = read_secret_file(path)
        if is_locked(data):
            if passphrase is None:
                raise KeyFileError(f"the key file {path} is locked; give its passphrase")
            data = unlock(data, passphrase)
        return cls.from_bytes(data, place=f"the key file {path}")

    @classmethod
    def from_bytes(cls, data: bytes, *, place: str) -> "KeySet":
        """What `to_bytes` made. `KeyFileError` for anything else: says `place`, never what stands there."""
        data = HiddenBytes(data)
        try:
            return _from_file(msgspec.json.decode(data, type=_File))
        except SealingError as error:
            raise KeyFileError(f"{place} cannot be used: {error}") from None
        except (msgspec.DecodeError, ValueError):
            # `from None`: a decoder's message may quote the file.
            raise KeyFileError(f"{place} is damaged or not a Traceo key set") from None

    @classmethod
    def load_or_create(cls, directory: Path | str) -> "KeySet":
        """The key set in `directory`, made there when there is none; of several starters, one makes it."""
        path = Path(directory) / FILE_NAME
        if not path.exists():
            write_secret_file(path, cls.create().to_bytes(), replace=False)
        return cls.load(directory)

    def save(self, directory: Path | str, *, passphrase: str | None = None) -> None:
        """Write the private key file, mode 0600, replacing the old one whole; locked given a passphrase."""
        data = self.to_bytes()
        write_secret_file(Path(directory) / FILE_NAME, data if passphrase is None else lock(data, passphrase))

    def to_bytes(self) -> HiddenBytes:
        """All of it, private halves included, as JSON: what a key file holds."""
        return _to_file(self)

    def publish(self, *, now_s: float | None = None, valid_s: int = _VALID_S) -> bytes:
        """The signed public document (see `traceo.sealing.published`), good for `valid_s` seconds.

        It holds what a sender needs, the primary key and the pending one: keys that only open would make it
        grow with every rotation.
        """
        issued = _now(now_s)
        rows = [
            PublishedKey(key.recipient, key.state, key.since_s, _fallback(key.secret))
            for key in self.keys
            if key.secret is not None and key.state in {KeyState.PRIMARY, KeyState.PENDING}
        ]
        return sign(
            rows, root=self._root(), serial=self.serial, issued_at_s=issued, expires_at_s=issued + valid_s
        )

    @property
    def fingerprint(self) -> str:
        """What an application pins: see `traceo.sealing.published`."""
        return root_fingerprint(self._root().public_key().public_bytes_raw())

    def private_keys(self) -> PrivateKeys:
        """All keys that still open batches. Making them costs about a millisecond: keep the result."""
        secrets = [key.secret for key in self.keys if key.secret is not None]
        fallbacks = [secret.fallback() for secret in secrets]
        return PrivateKeys([*secrets, *(secret for secret in fallbacks if secret is not None)])

    def recipient(self) -> RecipientKey:
        """The primary key's public half."""
        return self.primary().recipient

    def primary(self) -> EpochKey:
        """The key that batches are sealed to now."""
        return next(key for key in self.keys if key.state is KeyState.PRIMARY)

    def with_keys(self, keys: Sequence[EpochKey]) -> "KeySet":
        """The next serial of this set, with other keys."""
        return KeySet(self.root, self.serial + 1, keys)

    def _root(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.root)


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    kem: Kem
    public: bytes
    seed: bytes | None
    state: KeyState
    since: int

    def __repr__(self) -> str:
        return f"<key {self.state}>"


class _File(msgspec.Struct, forbid_unknown_fields=True):
    version: Literal[1]
    serial: int
    root: bytes
    keys: list[_Row]

    def __repr__(self) -> str:
        return f"<key set, serial {self.serial}>"


def _fallback(secret: RecipientSecret) -> RecipientKey | None:
    companion = secret.fallback()
    return None if companion is None else companion.recipient()


def _now(now_s: float | None) -> int:
    return int(time.time() if now_s is None else now_s)


def _to_file(key_set: KeySet) -> HiddenBytes:
    rows = [
        _Row(
            key.recipient.kem,
            key.recipient.public,
            None if key.secret is None else bytes(key.secret.seed),
            key.state,
            key.since_s,
        )
        for key in key_set.keys
    ]
    return HiddenBytes(msgspec.json.encode(_File(1, key_set.serial, bytes(key_set.root), rows)))


def _from_file(file: _File) -> KeySet:
    keys = [_epoch(row) for row in file.keys]
    if len(file.root) != 32 or sum(key.state is KeyState.PRIMARY for key in keys) != 1:
        raise ValueError("a root key of the wrong length, or not exactly one primary key")
    return KeySet(HiddenBytes(file.root), file.serial, keys)


def _epoch(row: _Row) -> EpochKey:
    public = RecipientKey(row.kem, row.public)
    if row.seed is None:
        if row.state is not KeyState.DESTROYED:
            raise ValueError("a living key without its private half")
        return EpochKey(public, row.state, row.since, None)
    secret = RecipientSecret(row.kem, HiddenBytes(row.seed))
    if secret.recipient() != public or row.state is KeyState.DESTROYED:
        raise ValueError("a private key that does not match its public half or its state")
    return EpochKey(public, row.state, row.since, secret)
