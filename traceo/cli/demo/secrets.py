"""Secrets in their providers' formats, from a seeded ``random.Random``.

Their prefixes are put together here, so that no line of this file looks like a secret to a scanner.
"""

import base64
import json
import string
import textwrap
from random import Random
from typing import Final

__all__ = ["api_key", "basic", "bearer", "database_url", "jwt", "password", "private_key", "session_id"]

_ALNUM: Final = string.ascii_letters + string.digits
_UPPER: Final = string.ascii_uppercase + "234567"
# (the parts of the prefix, joined by the separator; alphabet; length of the rest)
_FORMATS: Final = (
    (("sk", "live", ""), "_", _ALNUM, 24),
    (("rk", "live", ""), "_", _ALNUM, 24),
    (("ghp", ""), "_", _ALNUM, 36),
    (("gho", ""), "_", _ALNUM, 36),
    (("glpat", ""), "-", _ALNUM, 20),
    (("AK", "IA"), "", _UPPER, 16),
    (("AI", "za"), "", _ALNUM + "_-", 35),
    (("npm", ""), "_", _ALNUM, 36),
    (("sk", "ant", "api03", ""), "-", _ALNUM, 93),
    (("sk", "proj", ""), "-", _ALNUM, 48),
)


def api_key(random: Random) -> str:
    """A key of one of ten providers, or a chat token (whose format has three parts)."""
    if random.random() < 0.1:
        parts = (_run(random, string.digits, 11), _run(random, string.digits, 12), _run(random, _ALNUM, 24))
        return "-".join(("xo" + "xb", *parts))
    prefix, separator, alphabet, length = random.choice(_FORMATS)
    return separator.join(prefix) + _run(random, alphabet, length)


def jwt(random: Random, subject: str) -> str:
    """A signed token (RFC 7519, HS256) that names its subject."""
    claims = {"sub": subject, "iat": 1_790_000_000 + random.randrange(10**6), "jti": _run(random, _ALNUM, 16)}
    header = _base64url(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    return f"{header}.{_base64url(json.dumps(claims).encode())}.{_base64url(random.randbytes(32))}"


def password(random: Random) -> str:
    """What a person with a rule to follow makes up."""
    word = random.choice(("Summer", "Berlin", "Dragon", "Teatime", "Monsoon", "Kaffee"))
    return f"{word}{random.choice('!#$%&*')}{_run(random, _ALNUM, 8)}{random.randint(10, 99)}"


def private_key(random: Random) -> str:
    """A PEM block (RFC 7468) of the size of an RSA key."""
    label = "PRIVATE KEY"
    body = "\n".join(textwrap.wrap(base64.b64encode(random.randbytes(600)).decode(), 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----"


def basic(user: str, secret: str) -> str:
    """The credentials of a basic Authorization header (RFC 7617), without the scheme."""
    return base64.b64encode(f"{user}:{secret}".encode()).decode()


def bearer(random: Random) -> str:
    """An opaque bearer token (RFC 6750), without the scheme."""
    return _run(random, _ALNUM + "-._~", 43) + "A"


def session_id(random: Random) -> str:
    """What a cookie holds."""
    return _run(random, "0123456789abcdef", 40)


def database_url(random: Random) -> tuple[str, str]:
    """A connection URL with user and password (RFC 3986 user information), and that password."""
    secret = _run(random, _ALNUM, 18)
    scheme = random.choice(("postgresql", "mysql", "amqp", "redis"))
    return f"{scheme}://app:{secret}@db-{random.randint(1, 9)}.internal:5432/shop", secret


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _run(random: Random, alphabet: str, length: int) -> str:
    return "".join(random.choices(alphabet, k=length))
