"""Which redaction policy a setting stands for: a word, region profiles, a TOML file, or a table.

`traceo.init`, ``traceo redact`` and the test fixture all choose here, so that they redact alike.
"""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

from traceo.errors import ConfigError
from traceo.pipeline.deep_settings import DeepSettings, check_deep, parse_deep
from traceo.pipeline.seal_settings import SealSettings, parse_seal, with_pseudonyms
from traceo.redaction import Policy, parse_policy
from traceo.redaction.profiles import PROFILES

__all__ = ["Chosen", "Given", "armed", "choose"]

Given: TypeAlias = "str | Mapping[str, object]"


class Chosen(msgspec.Struct, frozen=True):
    """A policy, what presidio-analyzer shall look at beside it, and who may reveal what it seals."""

    policy: Policy
    deep: DeepSettings = DeepSettings()
    seal: SealSettings = SealSettings()


def choose(given: Given, *, source: str, deep_keys: Sequence[str] = ()) -> Chosen:
    """The policy that ``given`` (from ``source``) stands for; with ``deep_keys`` beside those it has itself.

    ``given`` is ``default``, ``off``, profiles separated by commas, the path of a TOML file, or its content
    as a mapping. Raises ``ConfigError``.

    >>> choose("eu,us-hipaa", source="TRACEO_REDACTION").policy.profiles
    ('eu', 'us-hipaa')
    """
    chosen = _chosen(given, source)
    if deep_keys:
        keys = tuple(dict.fromkeys((*chosen.deep.keys, *deep_keys)))
        deep = msgspec.structs.replace(chosen.deep, keys=keys)
        chosen = msgspec.structs.replace(chosen, deep=deep)
    check_deep(chosen.deep, source=source)
    return chosen


def armed(chosen: Chosen, *, source: str) -> Chosen:
    """`chosen` with the key of its pseudonyms, ready to run; raises ``ConfigError`` when it cannot seal."""
    policy = with_pseudonyms(chosen.policy, chosen.seal, source=source)
    return msgspec.structs.replace(chosen, policy=policy)


def _chosen(given: Given, source: str) -> Chosen:
    if isinstance(given, Mapping):
        return _from_table(given, source)
    if given in {"", "default"}:
        return Chosen(Policy.default())
    if given == "off":
        return Chosen(Policy.off())
    path = Path(given).expanduser()
    if path.suffix == ".toml" or path.is_file() or "/" in given:
        return _from_file(path, source)
    names = [name.strip().lower() for name in given.split(",") if name.strip()]
    for name in names:
        if name not in PROFILES:
            raise ConfigError(f"redaction is {given!r} (from {source}); {_hint(name)}")
    return Chosen(Policy(profiles=tuple(names)))


def _from_file(path: Path, source: str) -> Chosen:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"redaction policy {path} (from {source}) cannot be read: {error}") from error
    return _from_table(document, str(path))


def _from_table(table: Mapping[str, object], source: str) -> Chosen:
    rules = {name: value for name, value in table.items() if name not in {"deep", "seal"}}
    return Chosen(
        parse_policy(rules, source=source),
        parse_deep(table.get("deep", {}), source=source),
        parse_seal(table.get("seal", {}), source=source),
    )


def _hint(name: str) -> str:
    known = ("default", "off", *PROFILES)
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"give {', '.join(known)}, profiles separated by commas, or the path of a TOML file"
