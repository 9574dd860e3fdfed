"""Where a passphrase comes from: never from an argument, which every user of the machine can read."""

import os
from collections.abc import Callable
from typing import Final

from traceo.errors import ConfigError
from traceo.sealing.hidden import HiddenText

__all__ = ["phrase_source"]

_MAX_BYTES: Final = 64 * 1024


def phrase_source(where: str) -> Callable[[], HiddenText]:
    """What reads the passphrase from ``env:NAME`` or ``fd:N`` (to its end, without a final line break).

    `ConfigError`, here or when it is read, says what is wrong with the place; never what was read.
    """
    kind, _, rest = where.partition(":")
    if kind == "env" and rest:
        return lambda: _from_variable(rest)
    if kind == "fd" and rest.isdecimal():
        number = int(rest)
        return lambda: _from_descriptor(number)
    # Not quoted: somebody may have written the passphrase itself.
    raise ConfigError("a passphrase cannot come from there; name a variable or a file descriptor")


def _from_variable(name: str) -> HiddenText:
    text = HiddenText(os.environ.get(name, ""))
    if not text:
        raise ConfigError(f"the variable {name} holds no passphrase (--passphrase-env)")
    return text


def _from_descriptor(number: int) -> HiddenText:
    try:
        with os.fdopen(number, "rb", closefd=number > 2) as file:
            data = file.read(_MAX_BYTES)
    except OSError as error:
        raise ConfigError(
            f"file descriptor {number} cannot be read: {error.strerror} (--passphrase-fd)"
        ) from None
    text = HiddenText(data.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r"))
    if not text:
        raise ConfigError(f"file descriptor {number} holds no passphrase (--passphrase-fd)")
    return text
