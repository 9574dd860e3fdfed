"""The queue between the application and the pipeline: a put costs a deque append and a length check.

Nothing here takes a lock on the application's side, so a span may end in a signal handler or in the middle of
anything. The price is that the byte bound is estimated: one item in sixteen is weighed as it comes in and as
it goes out, every one when half of the budget is used, and an empty queue sets the sum right.

Compiled by Cython with the types in ``queue.pxd``, see ``traceo._compiled``.
"""

# ruff: noqa: SLF001  reads the slots of spans directly, for speed
# pyright: reportPrivateUsage=false

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, cast

from traceo.pipeline.native import taken_lock
from traceo.records import LogRecord
from traceo.tracing.span import Span

__all__ = ["LOGS", "SPANS", "Barrier", "Queue", "Tally", "signal_of", "weigh"]

SPANS: Final = "traces"
LOGS: Final = "logs"

# Items that wake the worker before its timer does: two full batches, since waking it has its own price.
_BURST = 1024
_SAMPLED = 15  # mask: one put in sixteen is weighed
_EACH = 0

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
    """

    __slots__ = (
        "_added",
        "_append",
        "_budget_bytes",
        "_closed",
        "_items",
        "_mask",
        "_rouse_at_half",
        "_start",
        "_taken",
        "closed_drops",
        "full_drops",
        "held_bytes",
        "taken",
        "wake",
    )

    def __init__(self, budget_bytes: int, start: Callable[[], None], *, rouse_at_half: bool = False) -> None:
        self._budget_bytes = budget_bytes
        self._rouse_at_half = rouse_at_half
        self._start = start
        self._items: deque[Item] = deque()
        self._append = self._items.append
        self._mask = _EACH  # the first put starts the worker
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
        self._append(item)
        if not len(self._items) & self._mask:
            self._admit(item)

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
        mask = self._mask
        count = weight = logs = 0
        while count < max_items and weight < max_bytes:
            try:
                item = pop()
            except IndexError:
                self._added = self._taken = weight = 0  # nothing waits: whatever the estimate said was wrong
                break
            batch.append(item)
            if type(item) is Barrier:
                break
            count += 1
            if not count & mask:
                weight += weigh(item) * (mask + 1)
            if type(item) is LogRecord:
                logs += 1
        self._taken += weight
        self.taken[LOGS] += logs
        self.taken[SPANS] += count - logs
        return batch

    def close(self) -> None:
        """From now on drop and count what comes in."""
        self._closed = True
        self._mask = _EACH

    def reset(self) -> None:
        """Forget everything; for a forked child, whose parent delivers what was in here."""
        self.__init__(self._budget_bytes, self._start, rouse_at_half=self._rouse_at_half)

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
        weight = weigh(item) * (self._mask + 1)
        used = self._added + weight - self._taken + self.held_bytes
        if used > self._budget_bytes and self._drop(self.full_drops):
            self._mask = _EACH
            self.rouse()
            return
        self._added += weight
        first = len(self._items) == 1 and self._mask == _EACH
        is_half_full = used >= self._budget_bytes // 2
        self._mask = _EACH if is_half_full else _SAMPLED
        if first or not len(self._items) & (_BURST - 1):
            self._start()
        if is_half_full if self._rouse_at_half else self._is_enough():
            self.rouse()

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
