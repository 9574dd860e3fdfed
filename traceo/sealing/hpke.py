"""Recipient keys and the wrapping of a content key to one of them: HPKE (RFC 9180), base mode, single shot.

The suite is X-Wing (X25519 and ML-KEM-768 together, draft-connolly-cfrg-xwing-kem, HPKE KEM id 0x647A) with
HKDF-SHA256 and AES-256-GCM: whoever records traffic today has to break both halves. A platform whose
`cryptography` lacks ML-KEM uses DHKEM(X25519, HKDF-SHA256), KEM id 0x0020, instead; there is no third way and
no plaintext.

Keys have the raw HPKE forms, so that any other implementation can load them:

========  =====================================  =============================================
KEM       public key                             private key
========  =====================================  =============================================
0x647A    ML-KEM-768 key (1184) + X25519 (32)    32-byte seed, expanded with SHAKE256 to 96
0x0020    X25519 (32)                            X25519 (32)
========  =====================================  =============================================

The key id (`kid`) is the first 16 bytes of SHA-256 over the KEM id (2 bytes, big-endian) and the raw public
key.
"""

import enum
import functools
import hashlib
import hmac
import os
from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from traceo.errors import OpenError, SealingError
from traceo.sealing.hidden import HiddenBytes, never_pickled

__all__ = ["Kem", "PrivateKeys", "RecipientKey", "RecipientSecret", "default_kem"]

_SEED_BYTES: Final = 32
_MLKEM_PUBLIC_BYTES: Final = 1184
_MLKEM_SEED_BYTES: Final = 64
_FALLBACK_LABEL: Final = b"traceo x25519 fallback"

_PublicKey: TypeAlias = x25519.X25519PublicKey | hpke.MLKEM768X25519PublicKey
_SecretKey: TypeAlias = x25519.X25519PrivateKey | hpke.MLKEM768X25519PrivateKey


class Kem(enum.IntEnum):
    """The key encapsulation mechanisms we speak, by their number in IANA's HPKE registry."""

    X25519 = 0x0020
    X_WING = 0x647A

    @property
    def public_bytes(self) -> int:
        """Length of a raw public key."""
        return _MLKEM_PUBLIC_BYTES + 32 if self is Kem.X_WING else 32

    @property
    def enc_bytes(self) -> int:
        """Length of an encapsulated key (HPKE's `enc`)."""
        return 1088 + 32 if self is Kem.X_WING else 32


@functools.cache
def default_kem() -> Kem:
    """X-Wing where this platform's `cryptography` has ML-KEM, else X25519."""
    try:
        mlkem.MLKEM768PrivateKey.from_seed_bytes(bytes(_MLKEM_SEED_BYTES))
        _suite(Kem.X_WING)
    except (UnsupportedAlgorithm, AttributeError):
        return Kem.X25519
    return Kem.X_WING


class RecipientKey(msgspec.Struct, frozen=True):
    """A public key that batches can be sealed to."""

    kem: Kem
    public: bytes

    @property
    def kid(self) -> bytes:
        """The 16-byte key id."""
        return hashlib.sha256(self.kem.to_bytes(2, "big") + self.public).digest()[:16]

    def wrap(self, secret: bytes, info: bytes) -> tuple[bytes, bytes]:
        """HPKE Seal of `secret`: (enc, ciphertext). `SealingError` when the key cannot be used here."""
        try:
            wrapped = _suite(self.kem).encrypt(secret, _public_key(self.kem, self.public), info)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise SealingError(
                f"the recipient key {self.kid.hex()} cannot be used on this platform"
            ) from error
        return wrapped[: self.kem.enc_bytes], wrapped[self.kem.enc_bytes :]


class RecipientSecret(msgspec.Struct, frozen=True):
    """The private half of a `RecipientKey`. Its repr never shows the seed."""

    kem: Kem
    seed: bytes

    __reduce__ = never_pickled

    def __repr__(self) -> str:
        return f"RecipientSecret(kem={self.kem!r}, seed=<{len(self.seed)} bytes>)"

    @classmethod
    def generate(cls, kem: Kem | None = None) -> "RecipientSecret":
        """A new key from the operating system's random numbers."""
        return cls(default_kem() if kem is None else kem, HiddenBytes(os.urandom(_SEED_BYTES)))

    def fallback(self) -> "RecipientSecret | None":
        """The X25519 key that goes with an X-Wing one, for senders without ML-KEM; None beside an X25519 key.

        Derived from the seed (HMAC-SHA256 under a label of its own), so that the two live and die together.
        """
        if self.kem is Kem.X25519:
            return None
        seed = HiddenBytes(hmac.digest(self.seed, _FALLBACK_LABEL, hashlib.sha256))
        return RecipientSecret(Kem.X25519, seed)

    def recipient(self) -> RecipientKey:
        """The public half. `SealingError` for an X-Wing key on a platform without ML-KEM."""
        if self.kem is Kem.X25519:
            return RecipientKey(self.kem, _x25519_secret(self.seed).public_key().public_bytes_raw())
        lattice, curve = _x_wing_halves(self.seed)
        public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
        return RecipientKey(self.kem, public)


class PrivateKeys:
    """The private keys a holder opens batches with, by key id. Its repr shows key ids only.

    `take_over` changes all at once: who opens in another thread has the old keys or the new ones.
    """

    __slots__ = ("_keys",)
    __reduce__ = never_pickled

    def __init__(self, secrets: Iterable[RecipientSecret]) -> None:
        self._keys: dict[bytes, tuple[Kem, _SecretKey]] = {
            secret.recipient().kid: (secret.kem, _secret_key(secret)) for secret in secrets
        }

    def __repr__(self) -> str:
        return f"PrivateKeys({', '.join(kid.hex() for kid in self._keys)})"

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, kid: object) -> bool:
        return kid in self._keys

    def take_over(self, other: "PrivateKeys") -> None:
        """Hold what `other` holds from now on, and nothing else."""
        self._keys = other._keys  # noqa: SLF001 - the same class

    def unwrap(self, kid: bytes, enc: bytes, ciphertext: bytes, info: bytes) -> bytes:
        """HPKE Open with the key named `kid`; `OpenError` whatever the reason it does not work."""
        kem, key = self._keys.get(kid, (None, None))
        if kem is None or key is None or len(enc) != kem.enc_bytes:
            raise OpenError(OPEN_FAILED)
        try:
            return _suite(kem).decrypt(enc + ciphertext, key, info)
        except (InvalidTag, ValueError, UnsupportedAlgorithm):
            raise OpenError(OPEN_FAILED) from None


OPEN_FAILED: Final = "the sealed data does not open"


@functools.cache
def _suite(kem: Kem) -> hpke.Suite:
    number = hpke.KEM.X25519 if kem is Kem.X25519 else hpke.KEM.MLKEM768_X25519
    return hpke.Suite(number, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


@functools.lru_cache(maxsize=64)
def _public_key(kem: Kem, public: bytes) -> _PublicKey:
    if len(public) != kem.public_bytes:
        raise ValueError("a public key of the wrong length")
    curve = x25519.X25519PublicKey.from_public_bytes(public[-32:])
    if kem is Kem.X25519:
        return curve
    lattice = mlkem.MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC_BYTES])
    return hpke.MLKEM768X25519PublicKey(lattice, curve)


def _secret_key(secret: RecipientSecret) -> _SecretKey:
    if secret.kem is Kem.X25519:
        return _x25519_secret(secret.seed)
    return hpke.MLKEM768X25519PrivateKey(*_x_wing_halves(secret.seed))


def _x25519_secret(seed: bytes) -> x25519.X25519PrivateKey:
    return x25519.X25519PrivateKey.from_private_bytes(seed)


def _x_wing_halves(seed: bytes) -> tuple[mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey]:
    """X-Wing's expandDecapsulationKey."""
    if len(seed) != _SEED_BYTES:
        raise SealingError("an X-Wing private key is a seed of 32 bytes")
    expanded = HiddenBytes(hashlib.shake_256(seed).digest(_MLKEM_SEED_BYTES + 32))
    try:
        lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_BYTES])
    except UnsupportedAlgorithm as error:
        raise SealingError("the cryptography package of this platform has no ML-KEM") from error
    return lattice, _x25519_secret(expanded[_MLKEM_SEED_BYTES:])
