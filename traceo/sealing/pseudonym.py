"""Pseudonyms: the same value always has the same token, and nobody without the key links the two.

A token is ``pn_`` and the base64url of HMAC-SHA256 (RFC 2104) over the domain, a zero byte and the value: 46
characters, never cut. Two services that share the key can join on it. The domain keeps kinds of values apart:
a phone number and a customer number with the same digits have different tokens.
"""

import hashlib
import hmac
from typing import Final

from traceo.sealing import base64url
from traceo.sealing.hidden import HiddenBytes

__all__ = ["PREFIX", "Pseudonyms", "pseudonym"]

PREFIX: Final = "pn_"
_MIN_KEY_BYTES: Final = 32


class Pseudonyms:
    """Makes the tokens of one deployment: one value, one token, whatever attribute or log line it stands in.

    Space around a value does not count, nor do capitals in what has an ``@`` (people write their address as
    they like). Its repr does not show the key.

    >>> make = Pseudonyms(bytes(32))
    >>> make("Ada@example.com ") == make("ada@example.com"), make("A1") == make("a1")
    (True, False)
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """`key` has at least 32 bytes (`ValueError`); whoever has it can tell whose a token is."""
        if len(key) < _MIN_KEY_BYTES:
            raise ValueError("a pseudonym key has at least 32 bytes")
        self._key = HiddenBytes(key)

    def __call__(self, value: str) -> str:
        """The token of `value`."""
        text = value.strip()
        return pseudonym(text.lower() if "@" in text else text, key=self._key)


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
