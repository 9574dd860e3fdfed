"""The key set document: what a collector publishes and an application pins.

A JWS in flattened JSON form (RFC 7515 section 7.2.2), signed with Ed25519 (RFC 8037, RFC 9864) by the *root
key*::

    {"protected": base64url(header), "payload": base64url(payload), "signature": base64url(64 bytes)}

    header   {"alg": "Ed25519", "jwk": {"crv": "Ed25519", "kty": "OKP", "x": ...}, "typ": "traceo-keys"}
    payload  {"version": 1, "serial": 3, "issued_at": unix s, "expires_at": unix s,
              "keys": [{"kid": base64url(16 bytes), "kem": 25722, "public": base64url(raw key),
                        "state": "pending" | "primary" | "decrypt-only", "since": unix s,
                        "x25519": base64url(raw key), beside an X-Wing key, for who has no ML-KEM}, ...]}

The signature covers the ASCII bytes ``protected + "." + payload`` as they stand, so nothing needs a canonical
form. What an application pins is the *fingerprint* of the root key: ``sha256:`` and the base64url of its JWK
thumbprint (RFC 7638). `kem` and `public` are described in `traceo.sealing.hpke`. Exactly one key is primary.
`serial` grows with every change, so that an old document can be told from a new one.
"""

import hashlib
import hmac
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from traceo.errors import TrustError
from traceo.sealing import base64url
from traceo.sealing.hpke import Kem, RecipientKey, default_kem

__all__ = ["KeyState", "PublishedKey", "PublishedKeys", "root_fingerprint", "sign"]

_MAX_BYTES: Final = 64 * 1024
_MAX_KEYS: Final = 64
# A clock that runs a little behind the collector's must not refuse a fresh document.
_SKEW_S: Final = 300


class KeyState(StrEnum):
    """The life of an epoch key, in this order and never backwards."""

    PENDING = "pending"
    PRIMARY = "primary"
    DECRYPT_ONLY = "decrypt-only"
    DESTROYED = "destroyed"


class PublishedKey(msgspec.Struct, frozen=True):
    """One public key of a key set, and since when (unix seconds) it is in its state.

    `fallback` is the X25519 key for senders that have no ML-KEM.
    """

    recipient: RecipientKey
    state: KeyState
    since_s: int
    fallback: RecipientKey | None = None


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    protected: str
    payload: str
    signature: str


class _Jwk(msgspec.Struct, forbid_unknown_fields=True):
    crv: Literal["Ed25519"]
    kty: Literal["OKP"]
    x: str


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    alg: Literal["Ed25519"]
    jwk: _Jwk
    typ: Literal["traceo-keys"]


class _Key(msgspec.Struct, omit_defaults=True):
    kid: str
    kem: Kem
    public: str
    state: KeyState
    since: int
    x25519: str = ""


class _Payload(msgspec.Struct):
    version: Literal[1]
    serial: int
    issued_at: int
    expires_at: int
    keys: list[_Key]


class PublishedKeys(msgspec.Struct, frozen=True):
    """A key set document whose signature, age and keys were checked. `fingerprint` names its signer."""

    fingerprint: str
    serial: int
    issued_at_s: int
    expires_at_s: int
    keys: Sequence[PublishedKey]

    @classmethod
    def verify(cls, document: bytes, *, pin: str | None, now_s: float | None = None) -> "PublishedKeys":
        """Check `document` against the pinned fingerprint (`None`: any signer; the caller decides on trust).

        Raises `TrustError` when it is malformed, signed by another key than the pinned one, altered, expired,
        or without exactly one primary key. Unknown fields of the payload are ignored: it may grow.
        """
        try:
            envelope = msgspec.json.decode(_bounded(document), type=_Envelope)
            header = msgspec.json.decode(base64url.decode(envelope.protected), type=_Header)
            root, signature = base64url.decode(header.jwk.x), base64url.decode(envelope.signature)
            key = Ed25519PublicKey.from_public_bytes(root)
        except (msgspec.DecodeError, ValueError):
            raise TrustError("the key set document is malformed") from None
        fingerprint = root_fingerprint(root)
        if pin is not None and not hmac.compare_digest(fingerprint.encode(), pin.strip().encode()):
            raise TrustError(f"the key set is signed by {fingerprint}, but {pin.strip()} is pinned")
        try:
            key.verify(signature, f"{envelope.protected}.{envelope.payload}".encode())
        except InvalidSignature:
            raise TrustError("the signature of the key set is wrong") from None
        return cls._read(envelope.payload, fingerprint, time.time() if now_s is None else now_s)

    @classmethod
    def _read(cls, payload: str, fingerprint: str, now_s: float) -> "PublishedKeys":
        try:
            body = msgspec.json.decode(base64url.decode(payload), type=_Payload)
            keys = [_published(key) for key in body.keys]
        except (msgspec.DecodeError, ValueError):
            raise TrustError("the key set document is malformed") from None
        if not body.issued_at - _SKEW_S <= now_s < body.expires_at:
            raise TrustError("the key set has expired, or this machine's clock is wrong")
        if len(keys) > _MAX_KEYS or sum(key.state is KeyState.PRIMARY for key in keys) != 1:
            raise TrustError("the key set does not have exactly one primary key")
        return cls(fingerprint, body.serial, body.issued_at, body.expires_at, keys)

    @staticmethod
    def resembles(document: bytes) -> bool:
        """Whether `document` means to be a key set, good or bad (and not, say, a web page)."""
        try:
            msgspec.json.decode(_bounded(document), type=_Envelope)
        except (msgspec.DecodeError, ValueError):
            return False
        return True

    def recipient(self) -> RecipientKey:
        """The key to seal to now: the primary one, or its X25519 companion on a platform without ML-KEM."""
        primary = next(key for key in self.keys if key.state is KeyState.PRIMARY)
        if primary.fallback is not None and default_kem() is Kem.X25519:
            return primary.fallback
        return primary.recipient


def root_fingerprint(public: bytes) -> str:
    """The fingerprint of a root key from its raw 32 public bytes: its JWK thumbprint (RFC 7638)."""
    thumbprint = f'{{"crv":"Ed25519","kty":"OKP","x":"{base64url.encode(public)}"}}'
    return "sha256:" + base64url.encode(hashlib.sha256(thumbprint.encode()).digest())


def sign(
    keys: Sequence[PublishedKey], *, root: Ed25519PrivateKey, serial: int, issued_at_s: int, expires_at_s: int
) -> bytes:
    """The key set document of `keys`, signed by `root`."""
    jwk = _Jwk("Ed25519", "OKP", base64url.encode(root.public_key().public_bytes_raw()))
    header = base64url.encode(msgspec.json.encode(_Header("Ed25519", jwk, "traceo-keys")))
    rows = [
        _Key(
            base64url.encode(key.recipient.kid),
            key.recipient.kem,
            base64url.encode(key.recipient.public),
            key.state,
            key.since_s,
            "" if key.fallback is None else base64url.encode(key.fallback.public),
        )
        for key in keys
    ]
    payload = base64url.encode(msgspec.json.encode(_Payload(1, serial, issued_at_s, expires_at_s, rows)))
    signature = root.sign(f"{header}.{payload}".encode())
    return msgspec.json.encode(_Envelope(header, payload, base64url.encode(signature)))


def _bounded(document: bytes) -> bytes:
    if len(document) > _MAX_BYTES:
        raise ValueError("too large")
    return document


def _published(key: _Key) -> PublishedKey:
    recipient = RecipientKey(key.kem, base64url.decode(key.public))
    if len(recipient.public) != key.kem.public_bytes or base64url.decode(key.kid) != recipient.kid:
        raise ValueError("a key that does not match its id")
    fallback = RecipientKey(Kem.X25519, base64url.decode(key.x25519)) if key.x25519 else None
    if fallback is not None and len(fallback.public) != Kem.X25519.public_bytes:
        raise ValueError("a fallback key of the wrong length")
    return PublishedKey(recipient, key.state, key.since, fallback)
