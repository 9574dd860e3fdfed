"""Sealing a batch of telemetry: `COSE_Encrypt` (RFC 9052, tag 96).

::

    96([
        protected,       {1: 3 (A256GCM), 3: content type, "bid", "enc", "sig", "ten", "ts"} as a byte string
        {5: nonce},
        ciphertext,      AES-256-GCM under a content key that exists for this batch only
        [[protected, {-4: enc}, wrapped content key], ...]        one per recipient
    ])

The body's AAD is RFC 9052's `Enc_structure` over the protected header. Each recipient follows
draft-ietf-cose-hpke (Key Encryption mode): its protected header is `{1: algorithm, 4: kid}`, its unprotected
one carries HPKE's `enc` under the label -4 (`ek`), and HPKE's `info` is the draft's `Recipient_structure`
`["HPKE Recipient", 3, recipient protected header, body protected header]`: the batch's header is bound twice,
and a content key cannot be moved to another batch. The registry has no algorithm number for our suites with
AES-256-GCM yet, so we use COSE's private range: -65536 minus the HPKE KEM id (-91258 for X-Wing, -65568 for
X25519).

Labels of ours in the protected header: `bid` 16-byte batch id, `enc` content encoding inside the seal, `sig`
signal, `ten` tenant, `ts` unix nanoseconds. The body is compressed before it is sealed; decompressing is the
opener's business, with a bound.

A content key and a nonce come from the operating system for each batch and are never kept, so a forked child
cannot share one with its parent.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from traceo.errors import OpenError, SealingError
from traceo.sealing import cbor
from traceo.sealing.hpke import OPEN_FAILED, Kem, PrivateKeys, RecipientKey

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

Signal: TypeAlias = Literal["traces", "logs", "metrics"]

_SIGNALS: Final = frozenset({"traces", "logs", "metrics"})
_COSE_ENCRYPT: Final = 96
_A256GCM: Final = 3
_ALG, _CONTENT_TYPE, _KID, _IV, _EK = 1, 3, 4, 5, -4
_PRIVATE_ALG: Final = -65536
_KEMS: Final[Mapping[int, Kem]] = {_PRIVATE_ALG - kem: kem for kem in Kem}
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_MAX_RECIPIENTS: Final = 16
_MAX_TEXT: Final = 128
_MAX_UINT64: Final = (1 << 64) - 1
# Above the collector's own body limit; here so that no caller can forget one.
_MAX_BYTES: Final = 64 * 1024 * 1024


class BatchHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What anyone on the way may read about a sealed batch, and nobody can change.

    `content_type` and `content_encoding` ("" or "identity", "zstd", "gzip") describe the body inside the
    seal.
    """

    content_type: str
    content_encoding: str
    batch_id: bytes
    tenant: str
    signal: Signal
    timestamp_ns: int


class OpenedBatch(msgspec.Struct, frozen=True):
    """A batch that opened: its authenticated header, its body, and the id of the key that opened it."""

    header: BatchHeader
    body: bytes
    kid: bytes


class _Recipient(msgspec.Struct, frozen=True):
    kem: Kem
    kid: bytes
    protected: bytes
    enc: bytes
    wrapped: bytes


class _Message(msgspec.Struct, frozen=True):
    header: BatchHeader
    protected: bytes
    nonce: bytes
    ciphertext: bytes
    recipients: Sequence[_Recipient]


def seal_batch(body: bytes, *, recipients: Sequence[RecipientKey], header: BatchHeader) -> bytes:
    """`body` as a `COSE_Encrypt` that each of `recipients` (1 to 16) can open.

    Raises `SealingError` when the header is not one we would accept or a key cannot be used.
    """
    _check(header, recipients)
    protected = cbor.encode(
        {
            _ALG: _A256GCM,
            _CONTENT_TYPE: header.content_type,
            "bid": header.batch_id,
            "enc": header.content_encoding,
            "sig": header.signal,
            "ten": header.tenant,
            "ts": header.timestamp_ns,
        }
    )
    # The kernel's generator, each time: nothing here can be shared across a fork.
    content_key, nonce = os.urandom(_KEY_BYTES), os.urandom(_NONCE_BYTES)
    ciphertext = AESGCM(content_key).encrypt(nonce, body, _enc_structure(protected))
    wrapped = [_wrap(content_key, recipient, protected) for recipient in recipients]
    return _assemble(protected, nonce, ciphertext, wrapped)


def open_batch(data: bytes, keys: PrivateKeys) -> OpenedBatch:
    """The batch in `data`, opened with whichever of `keys` it was sealed to.

    Raises `OpenError`, always with the same words, for every cause: malformed, altered, or sealed to someone
    else.
    """
    message = _parse(data)
    content_key, kid = _content_key(message, keys)
    try:
        body = AESGCM(content_key).decrypt(
            message.nonce, message.ciphertext, _enc_structure(message.protected)
        )
    except (InvalidTag, ValueError):
        raise OpenError(OPEN_FAILED) from None
    return OpenedBatch(message.header, body, kid)


def peek_header(data: bytes) -> BatchHeader:
    """The header of a sealed batch without opening it: not authenticated, good for routing only.

    Raises `OpenError` when `data` is not a sealed batch.
    """
    return _parse(data).header


def peek_recipients(data: bytes) -> tuple[bytes, ...]:
    """The ids of the keys `data` says it is sealed to: not authenticated. `OpenError` like `peek_header`."""
    return tuple(recipient.kid for recipient in _parse(data).recipients)


def rewrap_batch(
    data: bytes, keys: PrivateKeys, *, recipients: Sequence[RecipientKey], keep_others: bool = True
) -> bytes:
    """The same batch, readable by `recipients` too (or only, with `keep_others=False`); same body bytes.

    `keys` must open the batch. Raises `OpenError` when they do not, `SealingError` when there would be no
    recipient or more than 16.
    """
    message = _parse(data)
    content_key, _ = _content_key(message, keys)
    new = {recipient.kid for recipient in recipients}
    kept = [_wire(old) for old in message.recipients if old.kid not in new] if keep_others else []
    _check_count(len(kept) + len(recipients))
    added = [_wrap(content_key, recipient, message.protected) for recipient in recipients]
    return _assemble(message.protected, message.nonce, message.ciphertext, kept + added)


def _content_key(message: _Message, keys: PrivateKeys) -> tuple[bytes, bytes]:
    for recipient in message.recipients:
        if recipient.kid not in keys:
            continue
        info = _recipient_structure(recipient.protected, message.protected)
        content_key = keys.unwrap(recipient.kid, recipient.enc, recipient.wrapped, info)
        if len(content_key) == _KEY_BYTES:
            return content_key, recipient.kid
    raise OpenError(OPEN_FAILED)


def _assemble(protected: bytes, nonce: bytes, ciphertext: bytes, recipients: Sequence[cbor.Value]) -> bytes:
    return cbor.encode(cbor.Tag(_COSE_ENCRYPT, [protected, {_IV: nonce}, ciphertext, recipients]))


def _wrap(content_key: bytes, recipient: RecipientKey, body_protected: bytes) -> cbor.Value:
    protected = cbor.encode({_ALG: _PRIVATE_ALG - recipient.kem, _KID: recipient.kid})
    enc, wrapped = recipient.wrap(content_key, _recipient_structure(protected, body_protected))
    return [protected, {_EK: enc}, wrapped]


def _wire(recipient: _Recipient) -> cbor.Value:
    return [recipient.protected, {_EK: recipient.enc}, recipient.wrapped]


def _enc_structure(protected: bytes) -> bytes:
    return cbor.encode(["Encrypt", protected, b""])


def _recipient_structure(protected: bytes, body_protected: bytes) -> bytes:
    return cbor.encode(["HPKE Recipient", _A256GCM, protected, body_protected])


def _check(header: BatchHeader, recipients: Sequence[RecipientKey]) -> None:
    if not _acceptable(header):
        raise SealingError("the batch header is not valid: see BatchHeader for its shapes")
    _check_count(len(recipients))


def _check_count(recipients: int) -> None:
    if not 1 <= recipients <= _MAX_RECIPIENTS:
        raise SealingError(f"a batch has 1 to {_MAX_RECIPIENTS} recipients, not {recipients}")


def _acceptable(header: BatchHeader) -> bool:
    return (
        len(header.batch_id) == 16
        and header.signal in _SIGNALS
        and 0 <= header.timestamp_ns <= _MAX_UINT64
        and max(len(header.content_type), len(header.content_encoding), len(header.tenant)) <= _MAX_TEXT
    )


def _parse(data: bytes) -> _Message:
    """Everything of the outer shape checked, or `OpenError`."""
    if len(data) > _MAX_BYTES:
        raise OpenError(OPEN_FAILED)
    try:
        return _message(cbor.decode(data))
    except (cbor.CBORError, msgspec.ValidationError):
        raise OpenError(OPEN_FAILED) from None


_Shape: TypeAlias = tuple[bytes, dict[int, bytes], bytes, list[tuple[bytes, dict[int, bytes], bytes]]]
# Without it msgspec would take base64 text for bytes, and one batch would have two byte forms.
_AS_IS: Final = (bytes,)


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    bid: bytes
    enc: str
    sig: Signal
    ten: str
    ts: int


def _message(item: cbor.Value) -> _Message:
    if not isinstance(item, cbor.Tag) or item.number != _COSE_ENCRYPT:
        raise cbor.CBORError("not a COSE_Encrypt")
    protected, unprotected, ciphertext, recipients = msgspec.convert(item.value, _Shape, builtin_types=_AS_IS)
    if not 1 <= len(recipients) <= _MAX_RECIPIENTS or len(ciphertext) < _TAG_BYTES:
        raise cbor.CBORError("no recipients, or no ciphertext")
    nonce = _only(unprotected, _IV)
    if len(nonce) != _NONCE_BYTES:
        raise cbor.CBORError("a nonce of the wrong length")
    return _Message(
        _header(protected), protected, nonce, ciphertext, [_recipient(*parts) for parts in recipients]
    )


def _header(protected: bytes) -> BatchHeader:
    fields = _map(protected)
    if fields.pop(_ALG, None) != _A256GCM:
        raise cbor.CBORError("not AES-256-GCM")
    content_type = fields.pop(_CONTENT_TYPE, None)
    if not isinstance(content_type, str):
        raise cbor.CBORError("no content type")
    ours = msgspec.convert(fields, _Header, builtin_types=_AS_IS)
    header = BatchHeader(
        content_type=content_type,
        content_encoding=ours.enc,
        batch_id=ours.bid,
        tenant=ours.ten,
        signal=ours.sig,
        timestamp_ns=ours.ts,
    )
    if not _acceptable(header):
        raise cbor.CBORError("a header field out of its bounds")
    return header


def _recipient(protected: bytes, unprotected: dict[int, bytes], wrapped: bytes) -> _Recipient:
    fields = _map(protected)
    algorithm, kid = fields.pop(_ALG, None), fields.pop(_KID, None)
    if fields or not isinstance(kid, bytes) or not isinstance(algorithm, int) or algorithm not in _KEMS:
        raise cbor.CBORError("a recipient we do not know")
    return _Recipient(_KEMS[algorithm], kid, protected, _only(unprotected, _EK), wrapped)


def _map(raw: bytes) -> dict[int | str, cbor.Value]:
    value = cbor.decode(raw)
    if not isinstance(value, dict):
        raise cbor.CBORError("a header that is not a map")
    return value


def _only(fields: Mapping[int, bytes], label: int) -> bytes:
    if set(fields) != {label}:
        raise cbor.CBORError("an unprotected header with other fields than ours")
    return fields[label]
