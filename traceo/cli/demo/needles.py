"""Finds thousands of values in megabytes, in every form they can survive in, in about 30 ns a byte.

A value survives as it is, in other case, percent-encoded (``%40``, ``+``), escaped for JSON once or twice,
in base64 at any of its three alignments, with its separators gone, as a protobuf varint, and a long secret in
part. Each form is a *needle*.

Finding them: eight bytes of each needle go into a set, as an integer. The bytes to look at are read as
integers too, at every even offset, and intersected with the set, all inside the interpreter's C code. Eight
bytes at an even *and* at an odd offset of the needle are kept, so that one of them meets an even offset
wherever the needle lies. What meets is then looked for in full. Needles are at least nine bytes long for
that; nothing is missed.
"""

import base64
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from traceo.cli.demo.ledger import Plant

__all__ = ["SHORTEST", "Needles", "forms"]

_GRAM: Final = 8
SHORTEST: Final = _GRAM + 1
"""Bytes that a value needs to be searched for."""
_SEPARATORS: Final = re.compile(r"[\s().+-]+")
_CERTAIN_DIGITS: Final = 12
"""Fewer are met by chance inside times in nanoseconds: they count only where no digit is next to them."""


class Needles:
    """The needles of all planted values, ready to search with."""

    def __init__(self, plants: Iterable[Plant]) -> None:
        self._by_gram: defaultdict[int, list[tuple[bytes, Plant]]] = defaultdict(list)
        for plant in plants:
            for needle in forms(plant):
                middle = (len(needle) - SHORTEST) // 2  # ends are often common words: "@example.com"
                for offset in (middle, middle + 1):
                    gram = int.from_bytes(needle[offset : offset + _GRAM], sys.byteorder)
                    self._by_gram[gram].append((needle, plant))
        self._grams = frozenset(self._by_gram)

    def find(self, haystack: bytes) -> set[Plant]:
        """The plants of which any form stands in ``haystack``."""
        lowered = haystack.lower()
        found: set[Plant] = set()
        for gram in self._meeting(lowered):
            for needle, plant in self._by_gram[gram]:
                if plant not in found and _stands_in(needle, lowered):
                    found.add(plant)
        return found

    def _meeting(self, haystack: bytes) -> set[int]:
        view = memoryview(haystack)
        meeting: set[int] = set()
        for offset in range(0, min(_GRAM, len(haystack) - _GRAM + 1), 2):
            whole = (len(haystack) - offset) // _GRAM * _GRAM
            meeting |= self._grams.intersection(view[offset : offset + whole].cast("Q"))
        return meeting


def forms(plant: Plant) -> set[bytes]:
    """Every needle of a plant: lower-case bytes, at least nine.

    Raises:
        ValueError: the value is too short to be searched for; passing over it would weaken the check unseen.
    """
    if len(plant.value.encode()) < SHORTEST:
        raise ValueError(f"a planted {plant.kind} has less than {SHORTEST} bytes")
    needles: set[bytes] = set()
    for value in _parts(plant):
        needles.update(_spellings(value))
    return {needle for needle in (form.lower() for form in needles) if len(needle) >= SHORTEST}


def _parts(plant: Plant) -> Iterator[str]:
    """The value; of a long secret also what gives it away alone."""
    value = plant.value
    if plant.kind == "PRIVATE_KEY":
        yield from value.splitlines()[1:-1]
        return
    yield value
    if plant.kind == "JWT":
        yield from value.split(".")[1:]  # the first segment is the same in every token
    elif plant.kind in {"API_KEY", "BEARER_TOKEN", "BASIC_CREDENTIALS"} and len(value) >= 32:
        yield value[-16:]
    if plant.kind in {"CREDIT_CARD", "IBAN", "PHONE", "US_SSN", "IN_AADHAAR", "BR_CPF"}:
        yield _SEPARATORS.sub("", value)


def _spellings(value: str) -> Iterator[bytes]:
    raw = value.encode()
    yield raw
    yield quote(value, safe="").encode()
    yield quote(value).encode()
    yield quote_plus(value).encode()
    escaped = json.dumps(value)[1:-1]
    yield escaped.encode()
    yield json.dumps(escaped)[1:-1].encode()
    escaped = json.dumps(value, ensure_ascii=False)[1:-1]
    yield escaped.encode()
    yield json.dumps(escaped, ensure_ascii=False)[1:-1].encode()
    for alignment in range(3):
        yield from _in_base64(raw, alignment)
    if value.isdecimal() and not value.startswith("0") and len(value) >= _CERTAIN_DIGITS:
        yield b"\x18" + _varint(int(value))  # AnyValue.int_value, field 3 of opentelemetry.proto.common.v1


def _in_base64(raw: bytes, alignment: int) -> Iterator[bytes]:
    """The characters that the value alone decides, whatever stands before and after it."""
    encoded = base64.b64encode(bytes(alignment) + raw)
    first = -(-alignment * 8 // 6)
    last = (alignment + len(raw)) * 8 // 6
    yield encoded[first:last]
    yield encoded[first:last].translate(bytes.maketrans(b"+/", b"-_"))


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _stands_in(needle: bytes, haystack: bytes) -> bool:
    if len(needle) >= _CERTAIN_DIGITS or not needle.isdigit():
        return needle in haystack
    position = haystack.find(needle)
    while position >= 0:
        before, after = haystack[max(0, position - 1) : position], haystack[position + len(needle) :][:1]
        if not before.isdigit() and not after.isdigit():
            return True
        position = haystack.find(needle, position + 1)
    return False
