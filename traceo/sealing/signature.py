"""Who sent a sealed batch: `COSE_Sign1` (RFC 9052 section 4.2, tag 18) with Ed25519 (RFC 9864) around it.

::

    18([
        protected,       {1: -19 (Ed25519), 3: content type of the payload, 4: kid}
        {},
        payload,         the whole COSE_Encrypt, recipients included
        signature,
    ])

What is signed is the sealed form, so a collector can check who sent a batch that it cannot open. A batch that
is re-wrapped for other recipients is another message: its signature is gone, and whoever re-wrapped it may
sign it again. The key id is the first 16 bytes of SHA-256 over the raw public key.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from traceo.errors import KeyFileError, OpenError
from traceo.sealing import base64url, cbor, cose
from traceo.sealing.hidden import HiddenBytes
from traceo.sealing.hpke import OPEN_FAILED
from traceo.sealing.keyfile import read_secret_file, write_secret_file

__all__ = ["SIGNED_CONTENT_TYPE", "SenderKey", "Senders", "sign_batch", "unsigned"]

SIGNED_CONTENT_TYPE: Final = 'application/cose; cose-type="cose-sign1"'

_COSE_SIGN1: Final = 18
_ED25519: Final = -19
_ALG, _CONTENT_TYPE, _KID = 1, 3, 4
_INNER: Final = 'application/cose; cose-type="cose-encrypt"'
_FIRST_BYTE: Final = 0xC0 | _COSE_SIGN1
_SEED_BYTES: Final = 32
_PUBLIC_BYTES: Final = 32


class SenderKey(msgspec.Struct, frozen=True):
    """The Ed25519 key a sender signs its batches with. Its repr never shows the seed."""

    seed: bytes

    def __repr__(self) -> str:
        return f"SenderKey(kid={self.kid.hex()}, seed=<{len(self.seed)} bytes>)"

    @classmethod
    def generate(cls) -> "SenderKey":
        """A new key from the operating system's random numbers."""
        return cls(HiddenBytes(os.urandom(_SEED_BYTES)))

    @classmethod
    def load(cls, path: Path | str) -> "SenderKey":
        """The key in a file that holds its seed as base64url. `KeyFileError` when it cannot be used."""
        try:
            seed = HiddenBytes(base64url.decode(read_secret_file(Path(path)).decode("ascii").strip()))
        except ValueError:
            raise KeyFileError(f"the key file {path} does not hold a sender key") from None
        if len(seed) != _SEED_BYTES:
            raise KeyFileError(f"the key file {path} does not hold a sender key")
        return cls(seed)

    def save(self, path: Path | str) -> None:
        """Write the seed to `path`, mode 0600. `KeyFileError` when it cannot be written."""
        write_secret_file(Path(path), base64url.encode(self.seed).encode() + b"\n")

    @property
    def public(self) -> bytes:
        """The raw public key, 32 bytes: what a collector registers."""
        return self._key().public_key().public_bytes_raw()

    @property
    def kid(self) -> bytes:
        """The 16-byte key id."""
        return _kid(self.public)

    def sign(self, data: bytes) -> bytes:
        """The Ed25519 signature of `data`, 64 bytes."""
        return self._key().sign(data)

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


class Senders:
    """The public keys of the senders that a collector knows."""

    __slots__ = ("_keys",)

    def __init__(self, publics: Iterable[bytes] = ()) -> None:
        self._keys: dict[bytes, Ed25519PublicKey] = {
            _kid(public): Ed25519PublicKey.from_public_bytes(public) for public in publics
        }

    def __len__(self) -> int:
        return len(self._keys)

    @classmethod
    def load(cls, folder: Path) -> "Senders":
        """The keys in ``folder/*.pub``, each the base64url of a raw public key; none when there is no folder.

        Raises `KeyFileError` for a file that holds something else.
        """
        publics: list[bytes] = []
        for path in sorted(folder.glob("*.pub")):
            try:
                public = base64url.decode(path.read_text("ascii").strip())
            except (OSError, ValueError):
                public = b""
            if len(public) != _PUBLIC_BYTES:
                raise KeyFileError(f"{path} does not hold a sender's public key: base64url of 32 bytes")
            publics.append(public)
        return cls(publics)

    def check(self, data: bytes) -> tuple[bytes, bytes]:
        """(the sealed batch, the id of the key that signed it); `OpenError` unless one of these keys did."""
        protected, payload, signature = _parse(data)
        kid = _signer(protected)
        key = self._keys.get(kid)
        if key is None:
            raise OpenError(OPEN_FAILED)
        try:
            key.verify(signature, _sig_structure(protected, payload))
        except InvalidSignature:
            raise OpenError(OPEN_FAILED) from None
        return payload, kid


def sign_batch(sealed: bytes, key: SenderKey) -> bytes:
    """`sealed`, signed."""
    protected = cbor.encode({_ALG: _ED25519, _CONTENT_TYPE: _INNER, _KID: key.kid})
    signature = key.sign(_sig_structure(protected, sealed))
    return cbor.encode(cbor.Tag(_COSE_SIGN1, [protected, {}, sealed, signature]))


def unsigned(data: bytes) -> bytes:
    """The sealed batch in `data`, signed or not; nothing is verified. `OpenError` for what is neither."""
    return _parse(data)[1] if data[:1] == bytes((_FIRST_BYTE,)) else data


_Shape = tuple[bytes, dict[int, bytes], bytes, bytes]


def _parse(data: bytes) -> tuple[bytes, bytes, bytes]:
    try:
        item = cbor.decode(data)
        if not isinstance(item, cbor.Tag) or item.number != _COSE_SIGN1:
            raise OpenError(OPEN_FAILED)
        protected, unprotected, payload, signature = msgspec.convert(
            item.value, _Shape, builtin_types=cose.AS_IS
        )
    except (cbor.CBORError, msgspec.ValidationError):
        raise OpenError(OPEN_FAILED) from None
    if unprotected:
        raise OpenError(OPEN_FAILED)
    return protected, payload, signature


def _signer(protected: bytes) -> bytes:
    try:
        fields = cbor.decode(protected)
    except cbor.CBORError:
        raise OpenError(OPEN_FAILED) from None
    if not isinstance(fields, Mapping):
        raise OpenError(OPEN_FAILED)
    kid = fields.get(_KID)
    if fields != {_ALG: _ED25519, _CONTENT_TYPE: _INNER, _KID: kid} or not isinstance(kid, bytes):
        raise OpenError(OPEN_FAILED)
    return kid


def _sig_structure(protected: bytes, payload: bytes) -> bytes:
    return cbor.encode(["Signature1", protected, b"", payload])


def _kid(public: bytes) -> bytes:
    return hashlib.sha256(public).digest()[:16]
