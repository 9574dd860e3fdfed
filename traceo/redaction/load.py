"""Reading a policy from plain data or a TOML file, with errors that say what is wrong and what was meant.

A file looks like this::

    profiles = ["eu"]
    ip = "truncate"
    gen_ai = "scan"

    [types]
    EMAIL = "pseudonymise"
    PHONE = "keep"

    [keys]
    "customer.note" = "scan"
    "session.id" = "keep"
    "internal.*" = "drop"
    "shoe_size" = { action = "mask", marker = "SHOE" }
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from traceo.errors import ConfigError

from .policy import Action, KeyRule, Policy
from .profiles import PROFILES, TYPES

__all__ = ["load_policy", "parse_policy"]

_SETTINGS = ("profiles", "ip", "scanned_chars", "gen_ai", "types", "keys")
_IP = ("mask", "hash", "truncate", "keep")
# A marker must look like one, or a second pass would redact it again.
_MARKER = re.compile(r"[A-Z][A-Z_]{1,30}")


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    action: str
    marker: str = "REDACTED"


class _Document(msgspec.Struct, frozen=True):
    profiles: list[str] = []
    ip: str = "mask"
    scanned_chars: int = 131_072
    gen_ai: str = "drop"
    types: dict[str, str] = {}
    keys: dict[str, str | _Rule] = {}


def load_policy(path: Path, *, secret: bytes = b"") -> Policy:
    """The policy in the TOML file at ``path``. Raises ``ConfigError`` that names the file and the setting."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"redaction policy {path} cannot be read: {error}") from error
    return parse_policy(document, source=str(path), secret=secret)


def parse_policy(document: Mapping[str, object], *, source: str, secret: bytes = b"") -> Policy:
    """The policy that ``document`` describes. ``source`` is named in errors.

    >>> parse_policy({"ip": "truncate", "types": {"EMAIL": "hash"}}, source="here").ip
    'truncate'
    """
    for name in document:
        _one_of(name, _SETTINGS, "setting", source)
    try:
        read = msgspec.convert(document, _Document)
    except msgspec.ValidationError as error:
        raise ConfigError(f"redaction policy in {source}: {error}") from error
    for profile in read.profiles:
        _one_of(profile, PROFILES, "profile", source)
    if read.scanned_chars < 4096:
        raise ConfigError(
            f"redaction policy in {source}: scanned_chars is {read.scanned_chars}; give at least 4096"
        )
    return Policy(
        keys=tuple(_key_rule(key, rule, source) for key, rule in read.keys.items()),
        entities=tuple(
            (_one_of(name, TYPES, "type", source), _action(action, f"types.{name}", source))
            for name, action in read.types.items()
        ),
        profiles=tuple(read.profiles),
        ip=_one_of(read.ip, _IP, "ip action", source),
        secret=secret,
        scanned_chars=read.scanned_chars,
        gen_ai=_action(read.gen_ai, "gen_ai", source),
    )


def _key_rule(key: str, rule: str | _Rule, source: str) -> KeyRule:
    if isinstance(rule, str):
        rule = _Rule(rule)
    if not _MARKER.fullmatch(rule.marker):
        raise ConfigError(
            f"redaction policy in {source}: marker of keys.{key} must be capitals and underscores, 2 to 31"
        )
    return KeyRule(key, _action(rule.action, f"keys.{key}", source), rule.marker)


def _action(name: str, where: str, source: str) -> Action:
    return Action(_one_of(name, [str(action) for action in Action], f"action of {where}", source))


def _one_of(name: str, known: Iterable[str], what: str, source: str) -> str:
    names = sorted(known)
    if name in names:
        return name
    close = difflib.get_close_matches(name, names, n=1) or difflib.get_close_matches(name.upper(), names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"
    raise ConfigError(f"redaction policy in {source}: unknown {what} {name!r}; {hint}")
