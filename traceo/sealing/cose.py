"""`COSE_Encrypt` (RFC 9052, tag 96) with HPKE recipients, and only that.

::

    96([
        protected,       {1: 3 (A256GCM), ...} as a byte string
        {5: nonce},
        ciphertext,      AES-256-GCM under a content key that exists for this message only
        [[protected, {-4: enc}, wrapped content key], ...]        one per recipient
    ])

The body's AAD is RFC 9052's `Enc_structure` over the protected header. Each recipient follows
draft-ietf-cose-hpke (Key Encryption mode): its protected header is `{1: algorithm, 4: kid}`, its unprotected
one carries HPKE's `enc` under the label -4 (`ek`), and HPKE's `info` is the draft's `Recipient_structure`
`["HPKE Recipient", 3, recipient protected header, body protected header]`: the message's header is bound
twice, and a content key cannot be moved to another message. The registry has no algorithm number for our
suites with AES-256-GCM yet, so we use COSE's private range: -65536 minus the HPKE KEM id (-91258 for X-Wing,
-65568 for X25519).

A content key and a nonce come from the operating system for each message and are never kept, so a forked
child cannot share one with its parent.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from traceo.errors import OpenError, SealingError
from traceo.sealing import cbor
from traceo.sealing.hpke import OPEN_FAILED, Kem, PrivateKeys, RecipientKey

__all__ = ["AS_IS", "Fields", "Message", "encrypt", "parse"]

Fields: TypeAlias = Mapping[int | str, cbor.Value]

_COSE_ENCRYPT: Final = 96
_A256GCM: Final = 3
_ALG, _KID, _IV, _EK = 1, 4, 5, -4
_PRIVATE_ALG: Final = -65536
_KEMS: Final[Mapping[int, Kem]] = {_PRIVATE_ALG - kem: kem for kem in Kem}
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_MAX_RECIPIENTS: Final = 16
# Above the collector's own body limit; here so that no caller can forget one.
_MAX_BYTES: Final = 64 * 1024 * 1024

_Shape: TypeAlias = tuple[bytes, dict[int, bytes], bytes, list[tuple[bytes, dict[int, bytes], bytes]]]
# For msgspec.convert, which would take base64 text for bytes; a message would have two byte forms.
AS_IS: Final = (bytes,)


class _Recipient(msgspec.Struct, frozen=True):
    kem: Kem
    kid: bytes
    protected: bytes
    enc: bytes
    wrapped: bytes

    def wire(self) -> cbor.Value:
        return [self.protected, {_EK: self.enc}, self.wrapped]


class Message(msgspec.Struct, frozen=True):
    """A message whose outer shape is right; nothing of it is authenticated before `open`."""

    fields: Fields
    """The protected header without its algorithm."""
    protected: bytes
    nonce: bytes
    ciphertext: bytes
    recipients: Sequence[_Recipient]

    def open(self, keys: PrivateKeys) -> tuple[bytes, bytes]:
        """(body, id of the key that opened it); `OpenError`, always in the same words, when it does not."""
        content_key, kid = self._content_key(keys)
        try:
            body = AESGCM(content_key).decrypt(self.nonce, self.ciphertext, _enc_structure(self.protected))
        except (InvalidTag, ValueError):
            raise OpenError(OPEN_FAILED) from None
        return body, kid

    def rewrapped(self, keys: PrivateKeys, recipients: Sequence[RecipientKey], *, keep_others: bool) -> bytes:
        """The message for `recipients`, with or without the others it had; `keys` must open it."""
        content_key, _ = self._content_key(keys)
        new = {recipient.kid for recipient in recipients}
        kept = [old.wire() for old in self.recipients if old.kid not in new] if keep_others else []
        added = [_wrap(content_key, recipient, self.protected) for recipient in recipients]
        return _assemble(self.protected, self.nonce, self.ciphertext, kept + added)

    def _content_key(self, keys: PrivateKeys) -> tuple[bytes, bytes]:
        for recipient in self.recipients:
            if recipient.kid not in keys:
                continue
            info = _recipient_structure(recipient.protected, self.protected)
            content_key = keys.unwrap(recipient.kid, recipient.enc, recipient.wrapped, info)
            if len(content_key) == _KEY_BYTES:
                return content_key, recipient.kid
        raise OpenError(OPEN_FAILED)


def encrypt(body: bytes, fields: Fields, recipients: Sequence[RecipientKey]) -> bytes:
    """`body` for each of `recipients`, under a protected header of `fields` and the algorithm.

    Raises `SealingError` when there are not 1 to 16 recipients or a key cannot be used.
    """
    protected = cbor.encode({_ALG: _A256GCM, **fields})
    # The kernel's generator, each time: nothing here can be shared across a fork.
    content_key, nonce = os.urandom(_KEY_BYTES), os.urandom(_NONCE_BYTES)
    ciphertext = AESGCM(content_key).encrypt(nonce, body, _enc_structure(protected))
    wrapped = [_wrap(content_key, recipient, protected) for recipient in recipients]
    return _assemble(protected, nonce, ciphertext, wrapped)


def parse(data: bytes) -> Message:
    """The message in `data` with everything of its outer shape checked, or `OpenError`."""
    if len(data) > _MAX_BYTES:
        raise OpenError(OPEN_FAILED)
    try:
        return _message(cbor.decode(data))
    except (cbor.CBORError, msgspec.ValidationError):
        raise OpenError(OPEN_FAILED) from None


def _assemble(protected: bytes, nonce: bytes, ciphertext: bytes, recipients: Sequence[cbor.Value]) -> bytes:
    if not 1 <= len(recipients) <= _MAX_RECIPIENTS:
        raise SealingError(f"a message has 1 to {_MAX_RECIPIENTS} recipients, not {len(recipients)}")
    return cbor.encode(cbor.Tag(_COSE_ENCRYPT, [protected, {_IV: nonce}, ciphertext, recipients]))


def _wrap(content_key: bytes, recipient: RecipientKey, body_protected: bytes) -> cbor.Value:
    protected = cbor.encode({_ALG: _PRIVATE_ALG - recipient.kem, _KID: recipient.kid})
    enc, wrapped = recipient.wrap(content_key, _recipient_structure(protected, body_protected))
    return _Recipient(recipient.kem, recipient.kid, protected, enc, wrapped).wire()


def _enc_structure(protected: bytes) -> bytes:
    return cbor.encode(["Encrypt", protected, b""])


def _recipient_structure(protected: bytes, body_protected: bytes) -> bytes:
    return cbor.encode(["HPKE Recipient", _A256GCM, protected, body_protected])


def _message(item: cbor.Value) -> Message:
    if not isinstance(item, cbor.Tag) or item.number != _COSE_ENCRYPT:
        raise cbor.CBORError("not a COSE_Encrypt")
    protected, unprotected, ciphertext, recipients = msgspec.convert(item.value, _Shape, builtin_types=AS_IS)
    if not 1 <= len(recipients) <= _MAX_RECIPIENTS or len(ciphertext) < _TAG_BYTES:
        raise cbor.CBORError("no recipients, or no ciphertext")
    nonce = _only(unprotected, _IV)
    if len(nonce) != _NONCE_BYTES:
        raise cbor.CBORError("a nonce of the wrong length")
    fields = _map(protected)
    if fields.pop(_ALG, None) != _A256GCM:
        raise cbor.CBORError("not AES-256-GCM")
    return Message(fields, protected, nonce, ciphertext, [_recipient(*parts) for parts in recipients])


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
