"""What a user may say about sealed values: the table ``[seal]`` of a redaction policy."""

import base64
import binascii
import difflib
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from traceo.errors import ConfigError, KeyFileError
from traceo.redaction.policy import Action, Policy

__all__ = ["SealSettings", "parse_seal", "read_key", "with_pseudonyms"]

_MIN_KEY_BYTES = 32


class SealSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may reveal sealed values, and with what key tokens are made.

    ``reveal_keys`` are files with the published key sets of those who may. ``pseudonym_key`` is a file (mode
    0600) with at least 32 bytes as base64, or ``env:NAME``; services that have the same one make the same
    tokens. ``key_table`` is the URL of the Traceo collector that keeps the wrapped keys, when telemetry goes
    elsewhere.
    """

    reveal_keys: tuple[str, ...] = ()
    pseudonym_key: str = ""
    key_table: str = ""


def parse_seal(table: object, *, source: str) -> SealSettings:
    """The settings in a table. Raises ``ConfigError`` that names ``source`` and the fix.

    >>> parse_seal({"reveal_keys": ["reveal.json"]}, source="here").reveal_keys
    ('reveal.json',)
    """
    if not isinstance(table, Mapping):
        raise ConfigError(f"redaction policy in {source}: seal must be a table")
    known = SealSettings.__struct_fields__
    for name in msgspec.convert(table, dict[str, object]):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise ConfigError(f"redaction policy in {source}: unknown setting 'seal.{name}'; {hint}")
    try:
        settings = msgspec.convert(table, SealSettings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"redaction policy in {source}: seal: {error}") from error
    if settings.key_table and not settings.key_table.startswith(("http://", "https://")):
        raise ConfigError(
            f"redaction policy in {source}: seal.key_table must be a URL, such as https://traceo"
        )
    return settings


def with_pseudonyms(policy: Policy, settings: SealSettings, *, source: str) -> Policy:
    """`policy` with the key that tokens are made with, once it is certain that it can do what it says.

    Raises ``ConfigError`` when it seals and there is nobody to reveal, or nothing to erase by.
    """
    actions = {*(rule.action for rule in policy.keys), *(action for _, action in policy.entities)}
    if Action.SEAL in actions and not settings.reveal_keys:
        raise ConfigError(
            f"redaction policy in {source} seals values but names nobody who can reveal them; publish a key "
            "set (traceo keys publish) and name its file in seal.reveal_keys"
        )
    if Action.SEAL in actions and not settings.pseudonym_key:
        raise ConfigError(
            f"redaction policy in {source} seals values but has no seal.pseudonym_key, without which nobody "
            "could be erased; give a file with 32 random bytes as base64, or env:NAME"
        )
    for name in settings.reveal_keys:
        if not Path(name).is_file():
            raise ConfigError(
                f"redaction policy in {source}: seal.reveal_keys names {name}, which is no file"
            )
    if settings.pseudonym_key:
        return msgspec.structs.replace(
            policy, secret=read_key(settings.pseudonym_key, source=f"seal.pseudonym_key in {source}")
        )
    if Action.PSEUDONYMISE in actions and not policy.secret:
        # Tokens then compare within this process only.
        return msgspec.structs.replace(policy, secret=_hidden(os.urandom(_MIN_KEY_BYTES)))
    return policy


def _hidden(key: bytes) -> bytes:
    from traceo.sealing.hidden import HiddenBytes  # noqa: PLC0415 - cryptography comes with it

    return HiddenBytes(key)


def read_key(place: str, *, source: str) -> bytes:
    """The key of pseudonyms at `place`: a file of mode 0600, or ``env:NAME``. Raises ``ConfigError``."""
    from traceo.sealing.keyfile import read_secret_file  # noqa: PLC0415 - for a policy that needs it

    if place.startswith("env:"):
        text = os.environ.get(place.removeprefix("env:"), "")
    else:
        try:
            text = read_secret_file(Path(place)).decode("ascii", "replace")
        except KeyFileError as error:
            raise ConfigError(f"{error} (from {source})") from None
    try:
        folded = text.strip().rstrip("=").replace("+", "-").replace("/", "_")
        key = base64.urlsafe_b64decode(folded + "=" * (-len(folded) % 4))
    except (ValueError, binascii.Error):
        key = b""
    if len(key) < _MIN_KEY_BYTES:
        raise ConfigError(f"{place} is not base64 of at least 32 bytes (from {source})")
    return _hidden(key)
