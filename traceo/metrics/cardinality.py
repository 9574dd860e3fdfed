"""Who is to blame when an instrument has too many series: its attributes, and how many values they had.

Memory is bounded: what is already in the series is counted from them; values that came too late are only
counted, by linear counting (Whang, Vander-Zanden and Taylor, 1990): a bit for the hash of each, and from the
share of bits still empty an estimate, exact to about 1 % up to 100 000 values.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Cardinality", "Distinct"]

_BITS = 1 << 16
_WORD = (1 << 64) - 1

# So many attributes of one instrument are watched; the rest is counted as one.
_MOST_NAMES = 16


class Distinct:
    """How many different things were seen, in 8 KiB."""

    __slots__ = ("_bits", "_empty")

    def __init__(self) -> None:
        self._bits = bytearray(_BITS // 8)
        self._empty = _BITS

    def add(self, thing: object) -> None:
        """See ``thing``, which is hashable."""
        # Hashes of ints and tuples are not random enough to be counted: mix them (Steele et al., 2014).
        mixed = hash(thing) & _WORD
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9 & _WORD
        mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB & _WORD
        place, bit = mixed >> 51, 1 << (mixed >> 48 & 7)
        if not self._bits[place] & bit:
            self._bits[place] |= bit
            self._empty -= 1

    def count(self) -> int:
        """The estimate; at most some 700 000."""
        return round(-_BITS * math.log(max(self._empty, 1) / _BITS))


class Cardinality:
    """The distinct values of each attribute of one stream, and what did not get a series of its own.

    ``values`` of an attribute are held as far as they are in series, so at most ``limit``.
    """

    __slots__ = ("_beyond", "_values", "is_told", "limit", "overflowed")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.is_told = False
        self.overflowed = 0
        """Measurements that went to the overflow series."""
        self._values: dict[str, set[object]] = {}
        self._beyond: dict[str, Distinct] = {}

    def admits(self, key: tuple[Any, ...]) -> bool:
        """Whether a new series keeps each attribute within its limit; remembers the values if so."""
        for name, value in key:
            known = self._values.get(name)
            if known is not None and len(known) >= self.limit and value not in known:
                return False
        for name, value in key:
            self._values.setdefault(name, set()).add(value)
        return True

    def refuse(self, key: tuple[Any, ...]) -> None:
        """A measurement with these attributes got no series: note which values were new."""
        self.overflowed += 1
        fresh = [(name, value) for name, value in key if value not in self._values.get(name, ())]
        # Each value is known, and there are too many combinations: nobody's fault alone.
        for name, value in fresh or [("*", key)]:
            self._beyond_of(name).add((name, value))

    def _beyond_of(self, name: str) -> Distinct:
        beyond = self._beyond.get(name)
        if beyond is None:
            if len(self._beyond) >= _MOST_NAMES:
                name = "*"
            beyond = self._beyond.setdefault(name, Distinct())
        return beyond

    def restart(self, keys: Iterable[tuple[Any, ...]]) -> None:
        """Only the series with these keys are left."""
        self._values = {}
        for key in keys:
            for name, value in key:
                self._values.setdefault(name, set()).add(value)

    def beyond(self) -> Mapping[str, int]:
        """By attribute, how many values were seen that found no place; "*" for combinations."""
        return {name: distinct.count() for name, distinct in self._beyond.copy().items()}
