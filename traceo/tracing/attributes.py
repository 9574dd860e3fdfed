"""Attribute cleaning: what an application hands over becomes immutable, or is dropped with a warning.

This is the slow, complete path. ``span`` takes plain scalars without coming here.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from traceo.records import AnyValue

__all__ = ["clean_into", "clean_value"]

_logger = logging.getLogger("traceo.tracing")

_PART = re.compile(r"[^\s,;/?&\"'|<>(){}\[\]]{2}")
_BETWEEN = re.compile(r"[\s,;/?&\"'|<>(){}\[\]]")
_TELLING = 4
_PLAIN_WORD = re.compile(r"[A-Z]?[a-z]{0,24}|[A-Z]{0,12}")
# A card number has blanks; no more words than this are one number.
_WORDS_OF_A_NUMBER = 12
_MORE_OF_A_NUMBER = re.compile(r"[\s\-./()]{0,3}[A-Z]{0,2}\d")

# Deeper values are not telemetry; the cap also ends self-containing lists.
_MAX_DEPTH = 32


def clean_value(value: object, max_length: int | None, depth: int = 0) -> AnyValue:
    """An immutable copy of ``value``: sequences become tuples, mappings new dicts, long strings are cut.

    Anything else is replaced by its ``str()``, or by None when it has none of its own. Never raises.
    """
    kind = type(value)
    if value is None or isinstance(value, (bool, int, float, bytes)):
        return value
    if isinstance(value, str):
        return _cut(value, max_length)
    if depth >= _MAX_DEPTH:
        _logger.warning("Attribute value is nested deeper than %d levels; the rest is dropped.", _MAX_DEPTH)
        return None
    try:
        if isinstance(value, Sequence):
            items = cast("Sequence[object]", value)
            return tuple([clean_value(item, max_length, depth + 1) for item in items])
        if isinstance(value, Mapping):
            return _clean_mapping(cast("Mapping[object, object]", value), max_length, depth + 1)
    except Exception:  # a sequence or mapping of the application's own, broken or changing while it is read
        _logger.warning("Attribute value of type `%s` cannot be read; it is replaced by None.", kind)
        return None
    _logger.warning(
        "Invalid type `%s` for attribute value: bool, str, bytes, int, float, None, or a sequence or "
        "mapping of those. Its own `__str__` is used if it has one, otherwise the value is replaced by None.",
        kind,
    )
    return _cut_quietly(_own_str(value), max_length)


def clean_into(
    target: dict[str, AnyValue], attributes: Mapping[str, Any], max_count: int | None, max_length: int | None
) -> int:
    """Add cleaned ``attributes``, the oldest giving way beyond ``max_count``; how many were dropped."""
    try:
        offered = len(attributes)
        if max_count == 0:
            return offered
        cleaned = _clean_mapping(cast("Mapping[object, object]", attributes), max_length, 0)
    except Exception:  # not a mapping after all, or one that raises
        _logger.warning("Attributes of type `%s` cannot be read; they are dropped.", type(attributes))
        return 0
    dropped = offered - len(cleaned)
    for key, value in cleaned.items():
        if key in target:
            target.pop(key, None)
        elif max_count is not None and len(target) >= max_count:
            _logger.warning("More than %d attributes: the oldest is dropped to make room.", max_count)
            target.pop(next(iter(target)), None)  # another thread may have been quicker
            dropped += 1
        target[key] = value
    return dropped


def _clean_mapping(
    mapping: Mapping[object, object], max_length: int | None, depth: int
) -> dict[str, AnyValue]:
    cleaned: dict[str, AnyValue] = {}
    for key, value in mapping.items():
        if isinstance(key, str):
            name: str | None = key
        else:
            kind = type(key)
            _logger.warning(
                "Invalid type `%s` for attribute key, must be a str: its own `__str__` is used.", kind
            )
            name = _own_str(key) if key else None
        if not name:
            _logger.warning("invalid attribute key `%s`: must be a non-empty string; it is dropped.", key)
            continue
        cleaned[name] = clean_value(value, max_length, depth)
    return cleaned


def _cut(value: str, max_length: int | None) -> str:
    if max_length is None or len(value) <= max_length:
        return value
    _logger.warning("String attribute value exceeds max length of %d, truncating.", max_length)
    return _head(value, max_length)


def _cut_quietly(value: str | None, max_length: int | None) -> str | None:
    if value is None or max_length is None or len(value) <= max_length:
        return value
    return _head(value, max_length)


def _head(value: str, max_length: int) -> str:
    """At most so much of it, and no piece of a word: half an address or a token is not recognised any more.

    A text of one word goes as a whole, unless it is one of a language or hardly more than a letter is left.
    """
    head = value[:max_length]
    end = len(head)
    if _PART.match(value[max_length - 1 : max_length + 1]) is not None:
        *_, end = (0, *(found.end() for found in _BETWEEN.finditer(head)))
    if end == 0 and (max_length < _TELLING or _is_plain(value, max_length)):
        return head
    if end > _TELLING and _MORE_OF_A_NUMBER.match(value, end):
        end = _start_of_number(head, end)
    return head[:end]


def _is_plain(value: str, cut: int) -> bool:
    """Whether the word that the cut goes through is one of a language."""
    found = _BETWEEN.search(value, cut)
    return _PLAIN_WORD.fullmatch(value, 0, found.start() if found else len(value)) is not None


def _start_of_number(head: str, end: int) -> int:
    """Where the words with digits begin that ``head[:end]`` ends in."""
    for _ in range(_WORDS_OF_A_NUMBER):
        start = max(head.rfind(blank, 0, max(end - 1, 0)) for blank in " \t\n") + 1
        if not any(map(str.isdigit, head[start:end])):
            break
        end = start
    return end


def _own_str(value: object) -> str | None:
    kind = type(value)
    if kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__:
        return None  # "<Thing object at 0x7f…>" tells nobody anything
    convert: Callable[[object], str] = str
    try:
        return convert(value)
    except Exception:
        return None
