"""Sealing one value: a compact JWE (RFC 7516), ``alg: dir``, ``enc: A256GCM``.

The protected header is ``{"alg": "dir", "attr": attribute, "enc": "A256GCM", "kid": key id}`` and is the AAD,
as RFC 7516 has it: a token that was moved to another attribute does not open. A value that is not a text is
sealed as JSON, and the header says so (``"cty": "json"``). Nonces are random; `FieldKeys` replaces a key long
before 2**32 of them.
"""

import os
from typing import Final, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from traceo.errors import OpenError
from traceo.sealing import base64url
from traceo.sealing.hpke import OPEN_FAILED

__all__ = ["field_attribute", "field_kid", "is_json", "open_field", "seal_field"]

_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_MAX_TOKEN: Final = 1024 * 1024


class _Header(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    alg: Literal["dir"]
    attr: str
    enc: Literal["A256GCM"]
    kid: str
    cty: Literal["", "json"] = ""


def seal_field(value: bytes, *, key: bytes, kid: str, attribute: str, json: bool = False) -> str:
    """`value` of `attribute` as a token, under the 32-byte `key` named `kid`; `json` says what `value` is."""
    header = msgspec.json.encode(_Header("dir", attribute, "A256GCM", kid, "json" if json else ""))
    protected = base64url.encode(header)
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, value, protected.encode())
    body, tag = sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:]
    return f"{protected}..{base64url.encode(nonce)}.{base64url.encode(body)}.{base64url.encode(tag)}"


def open_field(token: str, *, key: bytes, attribute: str) -> bytes:
    """The value in `token`, found on `attribute`; `OpenError`, always in the same words, for any cause."""
    protected, _, rest = token.partition("..")
    parts = rest.split(".")
    if _header(protected).attr != attribute or len(parts) != 3:
        raise OpenError(OPEN_FAILED)
    try:
        nonce, body, tag = (base64url.decode(part) for part in parts)
        if len(nonce) != _NONCE_BYTES or len(tag) != _TAG_BYTES:
            raise OpenError(OPEN_FAILED)
        return AESGCM(key).decrypt(nonce, body + tag, protected.encode())
    except (InvalidTag, ValueError):
        raise OpenError(OPEN_FAILED) from None


def field_kid(token: str) -> str:
    """The id of the key that `token` is sealed under, not authenticated; `OpenError` for what is no token."""
    return _header(token.partition("..")[0]).kid


def field_attribute(token: str) -> str:
    """The attribute that `token` is bound to, not authenticated before it opened; `OpenError` likewise."""
    return _header(token.partition("..")[0]).attr


def is_json(token: str) -> bool:
    """Whether the value in `token` is JSON rather than a text; not authenticated; `OpenError` likewise."""
    return _header(token.partition("..")[0]).cty == "json"


def _header(protected: str) -> _Header:
    if len(protected) > _MAX_TOKEN:
        raise OpenError(OPEN_FAILED)
    try:
        return msgspec.json.decode(base64url.decode(protected), type=_Header)
    except (msgspec.DecodeError, ValueError):
        raise OpenError(OPEN_FAILED) from None
