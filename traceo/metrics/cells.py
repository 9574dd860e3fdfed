"""Cells: the running state of one series, changed each time something is measured. Hot.

No lock is taken here, and no update is lost: CPython lets another thread run only where a function is
entered or has returned and where a loop starts over, and between the question whether the cell is ``live``
and the last change there is none of these. The collecting thread takes a value and puts a fresh one in its
place under the same rule. A cell that is forgotten (``retire``) says no to the next measurement, whose thread
then looks for another. (Exponential histograms take a lock. A build of CPython without its
GIL runs ``stream.LockedStream``. A trace function of a debugger may let other threads run between lines.)

Compiled by Cython with the types in ``cells.pxd``, see ``traceo._compiled``.
"""

# ruff: noqa: FBT001, PLR1730  inner calls; min() and max() are calls, which let other threads in
# ruff: noqa: ARG002  all cells are asked in the same way

import math
from bisect import bisect_left
from random import Random
from typing import Any

from traceo.records import ExemplarRecord, HistogramPoint, NumberPoint

__all__ = ["BucketCell", "Cell", "LastCell", "ObservedSumCell", "SumCell"]

_COMPILED = not __file__.endswith(".py")

_INF = math.inf
_pick = Random().random  # noqa: S311  our own: an application that calls random.seed(…) gets its own numbers

# How many exemplars a series without buckets keeps of one interval.
_RESERVOIR = 4


class Cell:
    """What all series have: attributes, where time starts, whether something came since the last look."""

    __slots__ = ("aliases", "attributes", "live", "samples", "seen", "start_ns", "touched")

    def __init__(self, attributes: Any, start_ns: Any) -> None:
        self.attributes = attributes
        self.start_ns = start_ns
        self.aliases: list[Any] = []
        self.live = True
        self.touched = False
        self.samples: dict[int, Any] | None = None
        self.seen = 0

    def record(self, amount: Any) -> bool:
        """Take a measurement; False if the cell is forgotten."""
        raise NotImplementedError

    def point(self, start_ns: Any, time_ns: Any, delta: bool) -> Any:
        """What to send, or None; with ``delta``, what comes next starts from nothing."""
        raise NotImplementedError

    def retire(self) -> bool:
        """Forget the cell, unless something came meanwhile."""
        if self.touched:
            return False
        self.live = False
        return True

    def slot(self, amount: Any) -> int:
        """Where an exemplar for ``amount`` goes; -1 for nowhere. A uniform sample of the interval."""
        seen = self.seen
        self.seen = seen + 1
        if seen < _RESERVOIR:
            return seen
        place = int(_pick() * (seen + 1))
        return place if place < _RESERVOIR else -1

    def exemplars(self) -> Any:
        """The exemplars since the last look."""
        samples = self.samples
        if samples is None:
            return ()
        self.samples = None
        self.seen = 0
        return [
            ExemplarRecord(value, time_ns, trace_id, span_id, attributes)
            for _, (value, time_ns, trace_id, span_id, attributes) in sorted(samples.items(), key=_first)
        ]


def _first(pair: Any) -> Any:
    return pair[0]


class SumCell(Cell):
    """A sum."""

    __slots__ = ("value",)

    def __init__(self, attributes: Any, start_ns: Any) -> None:
        Cell.__init__(self, attributes, start_ns)
        self.value: Any = 0

    def record(self, amount: Any) -> bool:
        """Add ``amount``."""
        if not self.live:
            return False
        self.value += amount
        self.touched = True
        return True

    def point(self, start_ns: Any, time_ns: Any, delta: bool) -> Any:
        """The sum, of the interval or since the start."""
        value = self.value
        if delta:
            self.value = 0
        self.touched = False
        return NumberPoint(value, time_ns, start_ns, self.attributes, exemplars=self.exemplars())


class ObservedSumCell(SumCell):
    """A total that a callback reports: the sum of what was observed in one collection."""

    __slots__ = ("previous",)

    def __init__(self, attributes: Any, start_ns: Any) -> None:
        SumCell.__init__(self, attributes, start_ns)
        self.previous: Any = 0

    def point(self, start_ns: Any, time_ns: Any, delta: bool) -> Any:
        """The total, or what it grew by."""
        total = self.value
        self.value = 0
        self.touched = False
        value = total - self.previous if delta else total
        self.previous = total
        return NumberPoint(value, time_ns, start_ns, self.attributes, exemplars=self.exemplars())


class LastCell(Cell):
    """The last value."""

    __slots__ = ("value",)

    def __init__(self, attributes: Any, start_ns: Any) -> None:
        Cell.__init__(self, attributes, start_ns)
        self.value: Any = None

    def record(self, amount: Any) -> bool:
        """Remember ``amount``."""
        if not self.live:
            return False
        self.value = amount
        self.touched = True
        return True

    def slot(self, amount: Any) -> int:
        """The exemplar is that of the last value."""
        return 0

    def point(self, start_ns: Any, time_ns: Any, delta: bool) -> Any:
        """The last value."""
        self.touched = False
        if self.value is None:  # its thread has made it, and not come to say the value
            return None
        return NumberPoint(self.value, time_ns, 0, self.attributes, exemplars=self.exemplars())


class BucketCell(Cell):
    """A histogram with given bucket ends."""

    __slots__ = ("bounds", "counts", "max", "min", "sum", "with_min_max", "with_sum")

    def __init__(
        self,
        attributes: Any,
        start_ns: Any,
        bounds: Any,
        with_min_max: bool,
        with_sum: bool,
    ) -> None:
        Cell.__init__(self, attributes, start_ns)
        self.bounds = bounds
        self.counts: list[int] = [0] * (len(bounds) + 1)
        self.sum = 0.0
        self.min = _INF
        self.max = -_INF
        self.with_min_max = with_min_max
        self.with_sum = with_sum

    def record(self, amount: Any) -> bool:
        """Count ``amount`` in its bucket."""
        value = amount
        index = self.bucket(value) if _COMPILED else bisect_left(self.bounds, value)
        if not self.live:
            return False
        counts = self.counts
        counts[index] += 1
        self.sum += value
        if value < self.min:
            self.min = value
        if value > self.max:
            self.max = value
        self.touched = True
        return True

    def bucket(self, value: Any) -> int:
        """The first bucket that ends at ``value`` or later; ``bisect_left`` in C."""
        bounds = self.bounds
        low = 0
        high = len(bounds)
        while low < high:
            middle = (low + high) >> 1
            end = bounds[middle]
            if end < value:
                low = middle + 1
            else:
                high = middle
        return low

    def slot(self, amount: Any) -> int:
        """The last measurement of each bucket."""
        return bisect_left(self.bounds, amount)

    def point(self, start_ns: Any, time_ns: Any, delta: bool) -> Any:
        """The buckets, of the interval or since the start."""
        fresh: list[int] = [0] * (len(self.bounds) + 1)
        counts = self.counts
        total, low, high = self.sum, self.min, self.max
        self.touched = False
        if delta:
            self.counts = fresh
            self.sum = 0.0
            self.min = _INF
            self.max = -_INF
        else:
            counts = [*counts]
        count = sum(counts)
        return HistogramPoint(
            count,
            time_ns,
            start_ns,
            self.attributes,
            sum=total if self.with_sum else None,
            min=low if self.with_min_max and count else None,
            max=high if self.with_min_max and count else None,
            bucket_counts=counts,
            bounds=self.bounds,
            exemplars=self.exemplars(),
        )


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
