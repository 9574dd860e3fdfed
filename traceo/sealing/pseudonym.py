"""Pseudonyms: the same value always has the same token, and nobody without the key links the two.

A token is ``pn_`` and the base64url of HMAC-SHA256 (RFC 2104) over the domain, a zero byte and the value: 46
characters, never cut. Two services that share the key can join on it. The domain keeps kinds of values apart:
a phone number and a customer number with the same digits have different tokens.
"""

import hashlib
import hmac
from typing import Final

from traceo.sealing import base64url

__all__ = ["PREFIX", "pseudonym"]

PREFIX: Final = "pn_"
_MIN_KEY_BYTES: Final = 32


def pseudonym(value: str, *, key: bytes, domain: str = "") -> str:
    """The token of `value`. `ValueError` for a key of fewer than 32 bytes.

    >>> pseudonym("ada@example.com", key=bytes(32), domain="EMAIL")
    'pn_DmqEqlGv3sNcMtMGe12GWoGDkRKdNmFGg-hCnkxmx34'
    """
    if len(key) < _MIN_KEY_BYTES:
        raise ValueError("a pseudonym key has at least 32 bytes")
    # A lone surrogate has a token too: nothing that a program holds may fail here.
    text = value.encode("utf-8", "surrogatepass")
    digest = hmac.digest(key, domain.encode("utf-8", "surrogatepass") + b"\x00" + text, hashlib.sha256)
    return PREFIX + base64url.encode(digest)
