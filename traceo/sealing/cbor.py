"""The part of CBOR (RFC 8949) that COSE messages need, in its deterministic encoding and nothing else.

Reading is strict so that each message has exactly one byte form: definite lengths, shortest integers, map
keys that ascend in their encoded form (RFC 8949 section 4.2.1). Depth and item counts are capped and a length
that runs past the end of the input is refused before anything is allocated, so a reader never holds more than
a small multiple of its input. Floats, bignums, dates and other tagged values have no place in these messages
and are refused.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, Union

import msgspec

__all__ = ["CBORError", "Tag", "Value", "decode", "encode"]

_MAX_DEPTH: Final = 8
_MAX_ITEMS: Final = 64
_MAX_KEY: Final = 64
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = range(7)

Value: TypeAlias = Union[int, bytes, str, Sequence["Value"], Mapping[int | str, "Value"], "Tag"]


class CBORError(ValueError):
    """The bytes are not one deterministic CBOR item of the kinds above."""


class Tag(msgspec.Struct, frozen=True):
    """A tagged item (major type 6)."""

    number: int
    value: Value


def encode(value: Value) -> bytes:
    """`value` in deterministic CBOR.

    >>> encode({1: 3, "ts": 0}).hex()
    'a2010362747300'
    """
    parts: list[bytes] = []
    _write(value, parts)
    return b"".join(parts)


def decode(data: bytes | memoryview) -> Value:
    """The one item that `data` holds; `CBORError` for anything else, trailing bytes included."""
    view = memoryview(data)
    value, end = _read(view, 0, 0)
    if end != len(view):
        raise CBORError("bytes after the item")
    return value


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes((major << 5 | argument,))
    for code, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * width):
            return bytes((major << 5 | code,)) + argument.to_bytes(width, "big")
    raise CBORError("an integer of more than 64 bits")


def _write(value: Value, parts: list[bytes]) -> None:
    match value:
        case int():
            parts.append(_head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value))
        case bytes():
            parts += (_head(_BYTES, len(value)), value)
        case str():
            raw = value.encode()
            parts += (_head(_TEXT, len(raw)), raw)
        case Tag():
            parts.append(_head(_TAG, value.number))
            _write(value.value, parts)
        case Mapping():
            parts.append(_head(_MAP, len(value)))
            for key, item in sorted((encode(key), item) for key, item in value.items()):
                parts.append(key)
                _write(item, parts)
        case _:
            parts.append(_head(_ARRAY, len(value)))
            for item in value:
                _write(item, parts)


def _read_head(view: memoryview, at: int) -> tuple[int, int, int]:
    if at >= len(view):
        raise CBORError("the input ends early")
    major, code = view[at] >> 5, view[at] & 31
    at += 1
    if code < 24:
        return major, code, at
    if code > 27:
        raise CBORError("an indefinite length")
    width = 1 << (code - 24)
    if at + width > len(view):
        raise CBORError("the input ends early")
    argument = int.from_bytes(view[at : at + width], "big")
    # One value, one form: the next smaller width must not have been enough.
    if argument < (24 if width == 1 else 1 << (4 * width)):
        raise CBORError("an integer that is not in its shortest form")
    return major, argument, at + width


def _read(view: memoryview, at: int, depth: int) -> tuple[Value, int]:
    if depth > _MAX_DEPTH:
        raise CBORError("nested too deeply")
    major, argument, at = _read_head(view, at)
    if major == _UNSIGNED:
        return argument, at
    if major == _NEGATIVE:
        return -1 - argument, at
    if major in {_BYTES, _TEXT}:
        if argument > len(view) - at:
            raise CBORError("the input ends early")
        raw = bytes(view[at : at + argument])
        return (raw if major == _BYTES else _text(raw)), at + argument
    if major == _TAG:
        item, at = _read(view, at, depth + 1)
        return Tag(argument, item), at
    if argument > _MAX_ITEMS:
        raise CBORError("too many items")
    if major == _ARRAY:
        items: list[Value] = []
        for _ in range(argument):
            item, at = _read(view, at, depth + 1)
            items.append(item)
        return items, at
    if major == _MAP:
        return _read_map(view, at, depth, argument)
    raise CBORError("a float or a simple value")


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise CBORError("text that is not UTF-8") from None


def _read_map(view: memoryview, at: int, depth: int, count: int) -> tuple[Mapping[int | str, Value], int]:
    result: dict[int | str, Value] = {}
    previous = b""
    for _ in range(count):
        start = at
        key, at = _read(view, at, depth + 1)
        if not isinstance(key, int | str) or at - start > _MAX_KEY:
            raise CBORError("a map key that is neither an integer nor short text")
        raw = bytes(view[start:at])
        if raw <= previous:
            raise CBORError("map keys that do not ascend")
        previous = raw
        result[key], at = _read(view, at, depth + 1)
    return result, at
