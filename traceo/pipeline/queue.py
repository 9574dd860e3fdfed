# cython: binding=False, embedsignature=True, embedsignature.format=clinic
# Plain C methods: to call one costs a quarter less than with a function object around it.
"""The queue between the application and the pipeline: a put costs a deque append and a length check.

Nothing here takes a lock on the application's side, so a span may end in a signal handler or in the middle of
anything. The price is that the byte bound is estimated: of the items that come in, one in sixteen is weighed,
at random so that no pattern of theirs escapes it, and stands for those before it. Each one is weighed when
half of the budget is used, and for a long time after a large one was seen. So the bound is passed only by
what comes before the first large item is met: sixteen items on average, as large as they may be.

Near the bound whole traces are turned away by their id (see `traceo.pipeline.shedding`), in growing shares,
so that something of every moment remains; at the bound everything is.

Compiled by Cython with the types in ``queue.pxd``, see ``traceo._compiled``.
"""

# ruff: noqa: SLF001  reads the slots of spans directly, for speed
# pyright: reportPrivateUsage=false

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, cast

from traceo.native import taken_lock
from traceo.pipeline.shedding import Shed, identify
from traceo.records import LogRecord
from traceo.tracing.span import Span

__all__ = ["LOGS", "SPANS", "Barrier", "Queue", "Tally", "signal_of", "weigh"]

SPANS: Final = "traces"
LOGS: Final = "logs"

# Items that wake the worker before its timer does: two full batches, since waking it has its own price.
_BURST = 1024
_EACH = 0
_LARGE_BYTES = 64 * 1024
_WATCHED = 4096  # items that are weighed one by one after a large one
# Steps of pressure as the budget fills, by 32nds: none below seven eighths.
_PRESSURE = (*(0 for _ in range(28)), 1, 2, 4, 8)
# A seed of its own: the application may have seeded the module's and count on what comes next.
_bits = random.Random().getrandbits  # noqa: S311 - no secret depends on it

_RECORD_BYTES = 600  # an empty span or log record with its objects, on CPython 3.11
_PART_BYTES = 300  # an event or a link
_VALUE_BYTES = 100  # a key reference, a value header, a hash slot
_FIXED = frozenset((int, bool, float))
_DEPTH = 4


class Barrier:
    """A marker in the queue: ``reached()`` is called in the pipeline thread when all before it was taken."""

    __slots__ = ("reached",)

    def __init__(self, reached: Callable[[], None]) -> None:
        self.reached = reached


Item: TypeAlias = object


class Tally:
    """Counts without a lock, from any thread and any signal handler.

    One byte is appended for each count, which is atomic; `fold` turns the bytes into a number.
    """

    __slots__ = ("_folded", "_marks")

    def __init__(self) -> None:
        self._marks = bytearray()
        self._folded = 0

    def add(self) -> None:
        """Count one."""
        self._marks.append(0)

    def fold(self) -> None:
        """Give the bytes back. One thread only."""
        count = len(self._marks)
        del self._marks[:count]
        self._folded += count

    @property
    def count(self) -> int:
        """How often `add` was called."""
        return self._folded + len(self._marks)


class Queue:
    """Ended spans and log records, in order, at most ``budget_bytes`` together with what ``held_bytes`` says.

    Args:
        budget_bytes: over it, new items are dropped and counted.
        start: called in the application's thread by the first put, and later when a put finds no live worker;
            must not raise.
        rouse_at_half: wake the worker when half of the budget is used rather than at 1024 items.
        shed: who decides which traces are turned away near the bound.
    """

    __slots__ = (
        "_added",
        "_append",
        "_budget_bytes",
        "_closed",
        "_covered",
        "_gap",
        "_items",
        "_next",
        "_rouse_at_half",
        "_shed",
        "_start",
        "_taken",
        "_watched",
        "_weights",
        "closed_drops",
        "full_drops",
        "held_bytes",
        "taken",
        "wake",
    )

    def __init__(
        self,
        budget_bytes: int,
        start: Callable[[], None],
        *,
        rouse_at_half: bool = False,
        shed: Shed | None = None,
    ) -> None:
        self._budget_bytes = budget_bytes
        self._rouse_at_half = rouse_at_half
        self._shed = shed
        self._start = start
        self._items: deque[Item] = deque()
        self._append = self._items.append
        # (items, bytes) of each stretch that was weighed, in the order of the items, `_covered` of the first
        # are left: what was added for a stretch is what is taken off with it.
        self._weights: deque[tuple[int, int]] = deque()
        self._covered = 0
        self._next = _EACH  # at this length an item is weighed; the first put starts the worker
        self._gap = 1
        self._watched = 0
        self._added = 0
        self._taken = 0
        self._closed = False
        self.held_bytes = 0
        """Bytes that the worker holds elsewhere on the same budget; written by the worker."""
        self.taken = {SPANS: 0, LOGS: 0}
        """Items handed to the worker; written by the worker."""
        self.full_drops = {SPANS: Tally(), LOGS: Tally()}
        self.closed_drops = {SPANS: Tally(), LOGS: Tally()}
        # A raw lock as a binary semaphore: Event.set() takes a lock that a signal handler could meet taken.
        self.wake = taken_lock()

    def put(self, item: Item, /) -> None:
        """Take an ended span or a `LogRecord`. Never blocks, never raises."""
        try:
            self._append(item)
            if len(self._items) >= self._next:
                self._admit(item)
        except MemoryError:  # the application has none left either
            return

    def rouse(self) -> None:
        """Wake the worker now."""
        try:
            if self.wake.locked():
                self.wake.release()
        except RuntimeError:  # another thread was faster
            return

    def bar(self, barrier: Barrier) -> None:
        """Put a marker behind everything that was put so far, and wake the worker."""
        self._items.append(barrier)
        self._start()
        self.rouse()

    def take(self, max_items: int, max_bytes: int) -> list[Item]:
        """Up to so many items, up to and including the first barrier. Worker only."""
        items = self._items
        batch: list[Item] = []
        pop = items.popleft
        count = weight = logs = 0
        while count < max_items and weight < max_bytes:
            try:
                item = pop()
            except IndexError:
                self._weights.clear()  # nothing waits: whatever the estimate said was wrong
                self._added = self._taken = self._covered = weight = 0
                break
            batch.append(item)
            if type(item) is Barrier:
                break
            count += 1
            if self._covered:
                self._covered -= 1
            elif self._weights:
                stretch = self._weights.popleft()
                self._covered = stretch[0] - 1
                weight += stretch[1]
            if type(item) is LogRecord:
                logs += 1
        self._taken += weight
        if self._next and self._next > len(items) + self._gap:
            self._next = len(items) + self._gap
        self.taken[LOGS] += logs
        self.taken[SPANS] += count - logs
        return batch

    def close(self) -> None:
        """From now on drop and count what comes in."""
        self._closed = True
        self._next = _EACH

    def beware(self) -> None:
        """Large items are about: weigh each one for a while."""
        self._watched = _WATCHED
        self._gap, self._next = 1, _EACH

    def reset(self) -> None:
        """Forget everything; for a forked child, whose parent delivers what was in here."""
        self.__init__(self._budget_bytes, self._start, rouse_at_half=self._rouse_at_half, shed=self._shed)

    def waiting(self) -> dict[str, int]:
        """Items in the queue, by signal."""
        count = {SPANS: 0, LOGS: 0}
        for _ in range(100):
            try:
                items = list(self._items)
            except RuntimeError:  # it changed under our feet
                continue
            for item in items:
                if type(item) is not Barrier:
                    count[signal_of(item)] += 1
            break
        return count

    @property
    def estimated_bytes(self) -> int:
        """What the queue is believed to hold."""
        return max(0, self._added - self._taken)

    def _admit(self, item: Item) -> None:
        """Weigh, decide, wake. Out of the way of fifteen puts in sixteen."""
        if self._closed:
            self._drop(self.closed_drops)
            return
        weight = weigh(item)
        total = weight * self._gap
        used = self._added + total - self._taken + self.held_bytes
        if (
            used > self._budget_bytes // 8 * 7
            and self._turns_away(item, used)
            and self._drop(self.full_drops)
        ):
            self._gap, self._next = 1, _EACH
            self.rouse()
            return
        self._weights.append((self._gap, total))
        self._added += total
        length = len(self._items)
        is_half_full = used >= self._budget_bytes // 2
        if weight > _LARGE_BYTES:
            self._watched = _WATCHED
        elif self._watched:
            self._watched -= 1
        if is_half_full or self._watched:
            self._gap, self._next = 1, _EACH
        else:
            self._gap = 1 + _bits(5)
            self._next = length + self._gap
        if length == 1 or length >= _BURST:
            self._start()
        if is_half_full if self._rouse_at_half else self._is_enough():
            self.rouse()

    def _turns_away(self, item: Item, used: int) -> bool:
        """Whether there is no room for this one."""
        if used > self._budget_bytes:
            return True
        if self._shed is None:
            return False
        self._shed.press(_PRESSURE[used * 32 // (self._budget_bytes + 1)])
        if not self._shed.is_active:
            return False
        trace_id, is_error = identify(item)
        return not is_error and self._shed.sheds(trace_id)

    def _is_enough(self) -> bool:
        """Whether the worker is to come before its timer: for many items, or for large ones."""
        return len(self._items) >= _BURST or self._added - self._taken >= self._budget_bytes // 8

    def _drop(self, drops: dict[str, Tally]) -> bool:
        """Drop the newest item. Not necessarily the caller's, so that is what is counted."""
        try:
            victim = self._items.pop()
        except IndexError:  # the worker has just made room
            return False
        if type(victim) is Barrier:
            self._items.append(victim)
            return False
        drops[signal_of(victim)].add()
        return True


def signal_of(item: Item) -> Literal["traces", "logs"]:
    """``SPANS`` or ``LOGS``."""
    return LOGS if type(item) is LogRecord else SPANS


def weigh(item: Any) -> int:
    """Roughly the bytes that an ended span or a log record keeps alive. Never raises."""
    try:
        if type(item) is Span:
            return _weigh_span(item)
        if type(item) is LogRecord:
            return _RECORD_BYTES + _weigh_value(item.body, _DEPTH) + _weigh_attributes(item.attributes)
        size = _RECORD_BYTES + _weigh_attributes(item.attributes)
        for part in item.events or ():
            size += _PART_BYTES + _weigh_attributes(part.attributes)
        for part in item.links or ():
            size += _PART_BYTES + _weigh_attributes(part.attributes)
    except Exception:  # a foreign span may be anything; it is counted as a large one
        return 4096
    return size


def _weigh_span(span: Span) -> int:
    """The same for our own, without a view or a copy of what it holds."""
    size = _RECORD_BYTES + _weigh_attributes(span._attributes)
    if span._events is not None:
        for event in span._events:
            size += _PART_BYTES + _weigh_attributes(event._attributes)
    if span._links is not None:
        for link in span._links:
            size += _PART_BYTES + _weigh_attributes(link.attributes)
    return size


def _weigh_attributes(attributes: Any, depth: int = _DEPTH) -> int:
    if not attributes:
        return 0
    if type(attributes) is dict:
        return _weigh_dict(cast("dict[str, Any]", attributes), depth)
    size = _VALUE_BYTES * len(attributes)
    for value in attributes.values():
        if value.__class__ is str:
            size += len(value)
        elif value.__class__ not in _FIXED:
            size += _weigh_value(value, depth)
    return size


def _weigh_dict(attributes: dict[str, Any], depth: int) -> int:
    size = _VALUE_BYTES * len(attributes)
    for value in attributes.values():
        if type(value) is str:
            size += len(value)
        elif type(value) not in _FIXED:
            size += _weigh_value(value, depth)
    return size


def _weigh_value(value: Any, depth: int) -> int:
    if isinstance(value, (str, bytes)):
        return len(value)
    if depth and isinstance(value, Mapping):
        return _weigh_attributes(value, depth - 1)
    if depth and isinstance(value, Sequence):
        return sum(_VALUE_BYTES + _weigh_value(part, depth - 1) for part in cast("Sequence[Any]", value))
    return _VALUE_BYTES


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
