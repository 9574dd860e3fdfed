"""Sealing a batch of telemetry.

A batch is a `COSE_Encrypt` message (see `traceo.sealing.cose`) under this protected header:

======  ==============================================================
label   value
======  ==============================================================
1       3, A256GCM
3       content type of the body inside the seal
"bid"   batch id, 16 bytes; the same on every attempt to deliver
"enc"   content encoding inside the seal: "", "identity", "gzip", "zstd"
"sig"   "traces", "logs", "metrics", or "keys" (rows of the key table, as JSON)
"ten"   tenant, "" for none
"ts"    unix nanoseconds when it was sealed
======  ==============================================================

The body is compressed before it is sealed; decompressing it is the opener's business, with a bound. Around
the sealed batch there may be a sender's signature (see `traceo.sealing.signature`).
"""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from traceo.errors import OpenError, SealingError
from traceo.sealing import cose
from traceo.sealing.hpke import OPEN_FAILED, PrivateKeys, RecipientKey
from traceo.sealing.signature import SenderKey, Senders, sign_batch, unsigned

__all__ = [
    "CONTENT_TYPE",
    "BatchHeader",
    "OpenedBatch",
    "Signal",
    "open_batch",
    "peek_header",
    "peek_recipients",
    "rewrap_batch",
    "seal_batch",
]

CONTENT_TYPE: Final = 'application/cose; cose-type="cose-encrypt"'

Signal: TypeAlias = Literal["traces", "logs", "metrics", "keys"]

_SIGNALS: Final = frozenset({"traces", "logs", "metrics", "keys"})
_CONTENT_TYPE_LABEL: Final = 3
_MAX_TEXT: Final = 128
_MAX_UINT64: Final = (1 << 64) - 1


class BatchHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What anyone on the way may read about a sealed batch, and nobody can change."""

    content_type: str
    content_encoding: str
    batch_id: bytes
    tenant: str
    signal: Signal
    timestamp_ns: int


class OpenedBatch(msgspec.Struct, frozen=True):
    """A batch that opened: its authenticated header, its body, and the id of the key that opened it.

    `sender` is the id of the key that signed it, empty when nobody did or nobody checked.
    """

    header: BatchHeader
    body: bytes
    kid: bytes
    sender: bytes = b""


def seal_batch(
    body: bytes,
    *,
    recipients: Sequence[RecipientKey],
    header: BatchHeader,
    sender: SenderKey | None = None,
) -> bytes:
    """`body` as a `COSE_Encrypt` that each of `recipients` (1 to 16) can open, signed by `sender` if given.

    Raises `SealingError` when the header is not one we would accept or a key cannot be used.
    """
    if not _acceptable(header):
        raise SealingError("the batch header is not valid: see BatchHeader for its shapes")
    fields: cose.Fields = {
        _CONTENT_TYPE_LABEL: header.content_type,
        "bid": header.batch_id,
        "enc": header.content_encoding,
        "sig": header.signal,
        "ten": header.tenant,
        "ts": header.timestamp_ns,
    }
    sealed = cose.encrypt(body, fields, recipients)
    return sealed if sender is None else sign_batch(sealed, sender)


def open_batch(data: bytes, keys: PrivateKeys, *, senders: Senders | None = None) -> OpenedBatch:
    """The batch in `data`, opened with whichever of `keys` it was sealed to.

    With `senders` (one at least), one of them must have signed it; without, a signature is not looked at.
    Raises `OpenError`, always with the same words, for every cause: malformed, altered, sealed to someone
    else, or not signed by one of the senders.
    """
    sealed, sender = senders.check(data) if senders else (unsigned(data), b"")
    message = cose.parse(sealed)
    header = _header(message)
    body, kid = message.open(keys)
    return OpenedBatch(header, body, kid, sender)


def peek_header(data: bytes) -> BatchHeader:
    """The header of a sealed batch without opening it: not authenticated, good for routing only.

    Raises `OpenError` when `data` is not a sealed batch.
    """
    return _header(cose.parse(unsigned(data)))


def peek_recipients(data: bytes) -> tuple[bytes, ...]:
    """The ids of the keys `data` says it is sealed to: not authenticated. `OpenError` like `peek_header`."""
    return tuple(recipient.kid for recipient in cose.parse(unsigned(data)).recipients)


def rewrap_batch(
    data: bytes, keys: PrivateKeys, *, recipients: Sequence[RecipientKey], keep_others: bool = True
) -> bytes:
    """The same batch, readable by `recipients` too (or only, with `keep_others=False`); same body bytes.

    `keys` must open the batch; a signature is taken off, since it was for the old recipients. Raises
    `OpenError` when they do not, `SealingError` when there would be no recipient or more than 16.
    """
    message = cose.parse(unsigned(data))
    _header(message)
    return message.rewrapped(keys, recipients, keep_others=keep_others)


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    bid: bytes
    enc: str
    sig: Signal
    ten: str
    ts: int


def _header(message: cose.Message) -> BatchHeader:
    fields = dict(message.fields)
    content_type = fields.pop(_CONTENT_TYPE_LABEL, None)
    try:
        ours = msgspec.convert(fields, _Header, builtin_types=cose.AS_IS)
    except msgspec.ValidationError:
        raise OpenError(OPEN_FAILED) from None
    if not isinstance(content_type, str):
        raise OpenError(OPEN_FAILED)
    header = BatchHeader(
        content_type=content_type,
        content_encoding=ours.enc,
        batch_id=ours.bid,
        tenant=ours.ten,
        signal=ours.sig,
        timestamp_ns=ours.ts,
    )
    if not _acceptable(header):
        raise OpenError(OPEN_FAILED)
    return header


def _acceptable(header: BatchHeader) -> bool:
    return (
        len(header.batch_id) == 16
        and header.signal in _SIGNALS
        and 0 <= header.timestamp_ns <= _MAX_UINT64
        and max(len(header.content_type), len(header.content_encoding), len(header.tenant)) <= _MAX_TEXT
    )
