"""Locking a private key file with a passphrase: a compact JWE, PBES2-HS512+A256KW and A256GCM (RFC 7518).

The passphrase goes through PBKDF2-HMAC-SHA512 (RFC 8018) 600 000 times. A file that says fewer is refused, so
that nobody can slip us one that is cheap to guess; so is one that says more than 2 000 000, which only costs
us time.
"""

import hashlib
import os
from typing import Final, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from traceo.errors import KeyFileError
from traceo.sealing import base64url
from traceo.sealing.hidden import HiddenBytes, HiddenText

__all__ = ["ITERATIONS", "MAX_ITERATIONS", "is_locked", "lock", "unlock"]

ITERATIONS: Final = 600_000
MAX_ITERATIONS: Final = 2_000_000
_ALG: Final = "PBES2-HS512+A256KW"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SALT_BYTES: Final = 16
_TAG_BYTES: Final = 16


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    alg: Literal["PBES2-HS512+A256KW"]
    enc: Literal["A256GCM"]
    p2c: int
    p2s: str


def is_locked(data: bytes) -> bool:
    """Whether a key file is locked (a compact JWE) rather than plain JSON."""
    return data.startswith(b"eyJ")


def lock(data: bytes, passphrase: str, *, iterations: int = ITERATIONS) -> bytes:
    """`data` as a compact JWE that `passphrase` opens; `ValueError` for an empty one or few iterations."""
    data, passphrase = HiddenBytes(data), HiddenText(passphrase)
    if not passphrase or not ITERATIONS <= iterations <= MAX_ITERATIONS:
        raise ValueError(f"give a passphrase, and {ITERATIONS} to {MAX_ITERATIONS} iterations")
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    content_key = HiddenBytes(os.urandom(_KEY_BYTES))
    header = _Header(_ALG, "A256GCM", iterations, base64url.encode(salt))
    protected = base64url.encode(msgspec.json.encode(header))
    wrapped = aes_key_wrap(_derive(passphrase, salt, iterations), content_key)
    sealed = AESGCM(content_key).encrypt(nonce, data, protected.encode())
    parts = (wrapped, nonce, sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:])
    return ".".join([protected, *map(base64url.encode, parts)]).encode()


def unlock(data: bytes, passphrase: str) -> HiddenBytes:
    """What `lock` locked. `KeyFileError` when the passphrase or the file is not right."""
    passphrase = HiddenText(passphrase)
    try:
        protected, *parts = data.decode("ascii").strip().split(".")
        header = msgspec.json.decode(base64url.decode(protected), type=_Header)
        salt = base64url.decode(header.p2s)
        wrapped, nonce, body, tag = (base64url.decode(part) for part in parts)
    except (ValueError, msgspec.DecodeError):
        raise KeyFileError("the key file is not locked the way Traceo locks one") from None
    if not ITERATIONS <= header.p2c <= MAX_ITERATIONS or len(salt) < _SALT_BYTES:
        raise KeyFileError(
            f"the key file is locked with {header.p2c} iterations or a short salt; "
            f"{ITERATIONS} to {MAX_ITERATIONS} iterations are accepted: lock it again"
        )
    try:
        content_key = HiddenBytes(aes_key_unwrap(_derive(passphrase, salt, header.p2c), wrapped))
        return HiddenBytes(AESGCM(content_key).decrypt(nonce, body + tag, protected.encode()))
    except (InvalidUnwrap, InvalidTag, ValueError):
        raise KeyFileError("the passphrase is wrong, or the key file is damaged") from None


def _derive(passphrase: str, salt: bytes, iterations: int) -> bytes:
    # RFC 7518 section 4.8.1.1: the algorithm's name is part of the salt.
    return HiddenBytes(
        hashlib.pbkdf2_hmac(
            "sha512", passphrase.encode(), _ALG.encode() + b"\x00" + salt, iterations, _KEY_BYTES
        )
    )
