"""Whether a bare ``name`` is a person's: it is where the object around it is about a person.

``{"name": "Ada", "email": …}`` is, ``{"name": "Blue Lamp", "price": 5}`` is not. What stands beside the name
in the same object decides, or what the object is called.
"""

import re
from collections.abc import Mapping
from typing import Final

from traceo.records import AnyValue

from .key_words import LOG_KEYS, MODEL_WORDS, NAMES, NO_SIBLINGS, PERSONAL_MARKERS, PERSONS, QUALIFIERS
from .keys import KeyTable, words_of

__all__ = ["LOG", "LOGGER", "NAME", "PERSONAL", "Roles", "is_person", "listens"]

NAME: Final = "name"  # says that something has a name, not what
PERSONAL: Final = "personal"  # only persons have it
LOG: Final = "log"  # what every log record has
_KEYS_KEPT = 2048
# ``address`` is also where a server listens.
_HOST = re.compile(
    r"[\s\\\"'`:=]{0,8}(?:\[?[\da-fA-F]{0,4}[:.][\da-fA-F.:]+|0x[\da-fA-F]+|localhost"
    r"|[\w\-]+(?:[.\-]\w[\w\-]*)+(?![ \w])|[\w\-]{1,63}:\d+|[a-z][\w+]{0,12}://)"
)
# What loggers are called.
LOGGER = re.compile(r"[a-z_][\w.\-:/]*", re.ASCII)


class Roles:
    """What keys say about the object they stand in; remembered."""

    def __init__(self, keys: KeyTable) -> None:
        self._keys = keys
        self._known: dict[str, str] = {}

    def of(self, key: str) -> str:
        """``NAME``, ``PERSONAL``, ``LOG`` or nothing, for a key without dots."""
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _KEYS_KEPT:
                self._known.clear()
            known = self._known[key] = self._judge(key)
        return known

    def _judge(self, key: str) -> str:
        words = words_of(key)
        if words in NAMES:
            return NAME
        if words in LOG_KEYS:
            return LOG
        if words in NO_SIBLINGS or words.split("_", 1)[0] in QUALIFIERS:
            return ""
        return PERSONAL if self._keys.sensitive(key)[0] in PERSONAL_MARKERS else ""

    def beside(self, key: str, siblings: Mapping[str, AnyValue]) -> bool:
        """Whether the name under ``key`` stands beside what only persons have.

        Those are the keys that are equal up to their last dot; for a plain ``name``, all.
        """
        prefix = key[: key.rfind(".") + 1]
        value = siblings[key]
        if (
            isinstance(value, str)
            and LOGGER.fullmatch(value)
            and any(self.of(name) is LOG for name in siblings)
        ):
            return False
        return any(
            name.startswith(prefix)
            and value is not None
            and self.of(name.rpartition(".")[2]) is PERSONAL
            and not (isinstance(value, str) and listens(name, value))
            for name, value in siblings.items()
        )


def is_person(words: str) -> bool:
    """Whether folded words end in what persons are called.

    >>> is_person("order_customers"), is_person("customer_create"), is_person("user_agent")
    (True, True, False)
    """
    parts = words.split("_")
    while len(parts) > 1 and parts[-1] in MODEL_WORDS:
        parts.pop()
    return parts[-1] in PERSONS or parts[-1].removesuffix("s") in PERSONS


def listens(key: str, text: str, at: int = 0) -> bool:
    """Whether ``key`` is an address and the value at ``at`` that of a host."""
    return key.endswith("ddress") and _HOST.match(text, at) is not None
