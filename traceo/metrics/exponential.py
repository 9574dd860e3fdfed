"""Exponential histograms: buckets that grow by a constant factor, as fine as their number allows.

With scale s, bucket i holds the values in (base^i, base^(i + 1)] of base 2^(2^-s). A cell starts at the
finest scale; when its values need more than ``max_size`` buckets, neighbours are merged and the scale goes
down. Each cell has a lock: a measurement takes many steps.

Compiled by Cython with the types in ``exponential.pxd``, see ``traceo._compiled``.
"""

# ruff: noqa: FBT001, PLR1730, FURB136  inner calls; as in ``cells``

import math
from typing import Any

from traceo import native
from traceo.metrics.cells import Cell
from traceo.records import ExponentialPoint

__all__ = ["ExponentialCell", "index_of"]

_INF = math.inf
_INVERSE_LN2 = 1 / math.log(2)


class ExponentialCell(Cell):
    """A base-2 exponential histogram that halves its resolution when the values need more buckets."""

    __slots__ = (
        "count",
        "lock",
        "max",
        "max_scale",
        "max_size",
        "min",
        "negative",
        "negative_offset",
        "positive",
        "positive_offset",
        "scale",
        "sum",
        "with_min_max",
        "with_sum",
        "zeros",
    )

    def __init__(
        self,
        attributes: Any,
        start_ns: Any,
        max_size: int,
        max_scale: int,
        with_min_max: bool,
        with_sum: bool,
    ) -> None:
        Cell.__init__(self, attributes, start_ns)
        self.max_size = max_size
        self.max_scale = max_scale
        self.with_min_max = with_min_max
        self.with_sum = with_sum
        self.lock = native.reentrant_lock()
        self.clear()

    def clear(self) -> None:
        """Start from nothing, at the finest scale."""
        self.scale = self.max_scale
        self.count = 0
        self.zeros = 0
        self.sum = 0.0
        self.min = _INF
        self.max = -_INF
        self.positive: list[int] = []
        self.positive_offset = 0
        self.negative: list[int] = []
        self.negative_offset = 0

    def record(self, amount: Any) -> bool:
        """Count ``amount`` in its bucket."""
        with self.lock:
            return self.take(float(amount))

    def retire(self) -> bool:
        """Forget the cell, unless something came meanwhile or is just coming."""
        with self.lock:
            return Cell.retire(self)

    def take(self, value: Any) -> bool:
        """Count ``value``, a float."""
        if not self.live:
            return False
        if value == 0:
            self.zeros += 1
        else:
            self.put(value)
        self.count += 1
        self.sum += value
        if value < self.min:
            self.min = value
        if value > self.max:
            self.max = value
        self.touched = True
        return True

    def put(self, value: Any) -> None:
        """Count a value that is not zero."""
        is_positive = value > 0
        counts = self.positive if is_positive else self.negative
        index = index_of(value if is_positive else -value, self.scale)
        size = len(counts)
        if size == 0:
            counts.append(1)
            if is_positive:
                self.positive_offset = index
            else:
                self.negative_offset = index
            return
        first = self.positive_offset if is_positive else self.negative_offset
        low = index if index < first else first
        high = first + size - 1
        if index > high:
            high = index
        change = 0
        while high - low >= self.max_size:
            low >>= 1
            high >>= 1
            change += 1
        if change:
            self.coarsen(change)
            index >>= change
            first = self.positive_offset if is_positive else self.negative_offset
            counts = self.positive if is_positive else self.negative
            size = len(counts)
        if index < first:
            counts[0:0] = [0] * (first - index)
            if is_positive:
                self.positive_offset = index
            else:
                self.negative_offset = index
            first = index
        elif index >= first + size:
            counts.extend([0] * (index - first - size + 1))
        place = index - first
        counts[place] += 1

    def coarsen(self, change: int) -> None:
        """Merge buckets: the scale goes down by ``change``."""
        self.scale -= change
        self.positive = _merged(self.positive, self.positive_offset, change)
        self.positive_offset >>= change
        self.negative = _merged(self.negative, self.negative_offset, change)
        self.negative_offset >>= change

    def point(self, start_ns: Any, time_ns: Any, delta: bool) -> Any:
        """The buckets, of the interval or since the start."""
        with self.lock:
            point = ExponentialPoint(
                self.count,
                time_ns,
                start_ns,
                self.attributes,
                sum=self.sum if self.with_sum else None,
                min=self.min if self.with_min_max and self.count else None,
                max=self.max if self.with_min_max and self.count else None,
                scale=self.scale,
                zero_count=self.zeros,
                positive_offset=self.positive_offset,
                positive_counts=self.positive[:],
                negative_offset=self.negative_offset,
                negative_counts=self.negative[:],
            )
            if delta:
                self.clear()
            self.touched = False
        point.exemplars = self.exemplars()
        return point


def index_of(value: Any, scale: int) -> int:
    """The bucket of a positive ``value``: base^index < value <= base^(index + 1), base 2^(2^-scale).

    Within its power of two a value is placed by the logarithm of its mantissa, which is as exact as a double
    allows and never strays into the next power; powers of two themselves are exact.
    """
    mantissa, exponent = math.frexp(value)  # value is mantissa * 2 ** exponent, mantissa in [0.5, 1)
    exponent -= 1
    if mantissa == 0.5:
        if scale > 0:
            return (exponent << scale) - 1
        return (exponent - 1) >> -scale
    if scale <= 0:
        return exponent >> -scale
    within = int(math.log(mantissa + mantissa) * _INVERSE_LN2 * (1 << scale))
    last = (1 << scale) - 1
    return (exponent << scale) + (last if within > last else within)


def _merged(counts: list[int], offset: int, change: int) -> list[int]:
    """``counts`` with each 2^change neighbours as one."""
    if not counts:
        return counts
    first = offset >> change
    merged: list[int] = [0] * (((offset + len(counts) - 1) >> change) - first + 1)
    for place, count in enumerate(counts):
        merged[((offset + place) >> change) - first] += count
    return merged


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
