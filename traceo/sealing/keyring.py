"""The keys of sealed fields: reveal key → process key → subject key → value.

A process makes a *process key*, seals it to the reveal keys (`COSE_Encrypt`, as batches are) and makes one
*subject key* for each person whose values it seals, wrapped with the process key (AES Key Wrap, RFC 3394).
The wrapped keys go to a collector's key table ahead of the telemetry; the keys themselves never leave the
process. A key is used for at most 24 hours or 2**30 values, and never by two processes.

Who holds a reveal key opens any value whose wrapped keys still exist. Deleting a subject's wrapped keys makes
every token of that person unreadable, in every copy and backup of the telemetry.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from traceo.errors import OpenError
from traceo.sealing import base64url, cose
from traceo.sealing.field import field_kid, open_field, seal_field
from traceo.sealing.hidden import HiddenBytes
from traceo.sealing.hpke import OPEN_FAILED, PrivateKeys, RecipientKey

__all__ = ["FieldKeys", "RevealKeys", "WrappedKey", "decode_rows", "encode_rows"]

_KEY_BYTES: Final = 32
_MAX_AGE_S: Final = 24 * 3600
_MAX_USES: Final = 1 << 30
_MAX_SUBJECTS: Final = 10_000
_CONTENT_TYPE_LABEL: Final = 3
_CONTENT_TYPE: Final = "application/octet-stream"
_KID_CHARS: Final = 16
_MAX_SUBJECT: Final = 64
_MAX_WRAPPED: Final = 64 * 1024
_MAX_ROWS: Final = 50_000


class WrappedKey(msgspec.Struct, frozen=True):
    """A row of the key table. Nothing in it is secret.

    A process key has no `parent` and no `subject`, and `wrapped` is a `COSE_Encrypt` to the reveal keys. A
    subject key has the id of its process key as `parent` and the pseudonym of the person as `subject`.
    """

    kid: str
    parent: str
    subject: str
    created_s: int
    wrapped: bytes


def encode_rows(rows: Sequence[WrappedKey]) -> bytes:
    """Rows as JSON, the way they travel to the key table and from it."""
    return msgspec.json.encode(rows)


def decode_rows(data: bytes) -> list[WrappedKey]:
    """What `encode_rows` made, checked; `OpenError` for anything that is not at most 50 000 such rows."""
    try:
        rows = msgspec.json.decode(data, type=list[WrappedKey])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise OpenError(OPEN_FAILED) from None
    if len(rows) > _MAX_ROWS or not all(_is_sound(row) for row in rows):
        raise OpenError(OPEN_FAILED)
    return rows


def _is_sound(row: WrappedKey) -> bool:
    return (
        len(row.kid) == _KID_CHARS
        and len(row.parent) in {0, _KID_CHARS}
        and len(row.subject) <= _MAX_SUBJECT
        and 0 <= row.created_s < 1 << 40
        and 0 < len(row.wrapped) <= _MAX_WRAPPED
    )


class _ProcessKey:
    """A process key and the subject keys under it; hot and mutable, used by one thread."""

    __slots__ = ("born_s", "key", "kid", "pid", "subjects", "uses")

    def __init__(self, now_s: float) -> None:
        self.pid = os.getpid()
        self.born_s = now_s
        self.uses = 0
        self.key = HiddenBytes(os.urandom(_KEY_BYTES))
        self.kid = _new_kid()
        self.subjects: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def spent(self, now_s: float) -> bool:
        # fork: a child's process id differs, and it must not seal under its parent's key.
        return self.pid != os.getpid() or self.uses >= _MAX_USES or not 0 <= now_s - self.born_s < _MAX_AGE_S


class FieldKeys:
    """Seals values in this process; one thread uses it. Its repr shows nothing."""

    __slots__ = ("_clock", "_current", "_fresh", "_recipients")

    def __init__(
        self, recipients: Callable[[], Sequence[RecipientKey]], *, clock: Callable[[], float] = time.time
    ) -> None:
        """`recipients` gives the reveal keys, for each process key anew; it may raise `TraceoError`."""
        self._recipients = recipients
        self._clock = clock
        self._current: _ProcessKey | None = None
        self._fresh: list[WrappedKey] = []

    def seal(self, value: bytes, *, attribute: str, subject: str = "", json: bool = False) -> str:
        """`value` as a token; `subject` is the pseudonym of the person it is about, "" for nobody.

        Raises `TraceoError` when a new process key is due and there is no reveal key to seal it to.
        """
        now_s = self._clock()
        current = self._current
        if current is None or current.spent(now_s):
            current = self._renew(now_s)
        current.uses += 1
        kid, key = current.subjects.get(subject) or self._subject(current, subject, now_s)
        current.subjects.move_to_end(subject)
        return seal_field(value, key=key, kid=kid, attribute=attribute, json=json)

    def drain(self) -> Sequence[WrappedKey]:
        """The wrapped keys made since the last call; no token opens before the key table has its key."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def _renew(self, now_s: float) -> _ProcessKey:
        if self._current is not None and self._current.pid != os.getpid():
            # fork: what the parent has made is the parent's to deliver.
            self._fresh = []
        current = _ProcessKey(now_s)
        fields: cose.Fields = {_CONTENT_TYPE_LABEL: _CONTENT_TYPE, "kid": current.kid}
        wrapped = cose.encrypt(current.key, fields, self._recipients())
        self._current = current
        self._fresh.append(WrappedKey(current.kid, "", "", int(now_s), wrapped))
        return current

    def _subject(self, current: _ProcessKey, subject: str, now_s: float) -> tuple[str, bytes]:
        kid, key = _new_kid(), HiddenBytes(os.urandom(_KEY_BYTES))
        current.subjects[subject] = (kid, key)
        if len(current.subjects) > _MAX_SUBJECTS:
            current.subjects.popitem(last=False)
        wrapped = aes_key_wrap(current.key, key)
        self._fresh.append(WrappedKey(kid, current.kid, subject, int(now_s), wrapped))
        return kid, key


class RevealKeys:
    """Opens tokens with the reveal keys and the rows of the key table. Its repr shows nothing."""

    __slots__ = ("_private", "_rows")

    def __init__(self, private: PrivateKeys, rows: Iterable[WrappedKey]) -> None:
        self._private = private
        self._rows = {row.kid: row for row in rows}

    def open(self, token: str, *, attribute: str) -> bytes:
        """The value in `token`; `OpenError` in the same words whether it is altered, moved, or shredded."""
        row = self._rows.get(field_kid(token))
        parent = self._rows.get(row.parent) if row is not None else None
        if row is None or parent is None or parent.parent:
            raise OpenError(OPEN_FAILED)
        return open_field(token, key=self._subject_key(row, parent), attribute=attribute)

    def _subject_key(self, row: WrappedKey, parent: WrappedKey) -> bytes:
        message = cose.parse(parent.wrapped)
        process_key = HiddenBytes(message.open(self._private)[0])
        if message.fields.get("kid") != parent.kid or len(process_key) != _KEY_BYTES:
            raise OpenError(OPEN_FAILED)
        try:
            key = HiddenBytes(aes_key_unwrap(process_key, row.wrapped))
        except (InvalidUnwrap, ValueError):
            raise OpenError(OPEN_FAILED) from None
        if len(key) != _KEY_BYTES:
            raise OpenError(OPEN_FAILED)
        return key


def _new_kid() -> str:
    return base64url.encode(os.urandom(12))
