"""Encoded batches that wait in memory for delivery, and the pace at which delivery is tried again."""

import os
import random
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the pipeline thread imports it
    from traceo.exporters.outcome import Package, Signal

__all__ = ["Backlog", "Batch", "Pace"]

# A seed of its own: the application may have seeded the module's and count on what comes next.
_random = random.Random()  # noqa: S311 - no secret depends on it


class Batch:
    """One OTLP message of one signal. ``batch_id`` makes sending it twice harmless."""

    __slots__ = (
        "_is_packed",
        "_payload",
        "batch_id",
        "count",
        "is_doubtful",
        "number",
        "package",
        "signal",
        "weighed",
    )

    def __init__(self, signal: "Signal", payload: bytes, count: int) -> None:
        self.signal: Signal = signal
        self._payload = payload
        self._is_packed = False
        self.count = count
        self.batch_id = os.urandom(16)
        self.number = 0
        self.weighed = 0
        """The `size` that the backlog has counted."""
        self.package: Package | None = None
        """The batch as it goes over the wire, once it could be made; kept for the next attempt."""
        self.is_doubtful = False
        """Whether the peer may have it: it was sent and no answer came. Then it must not change any more."""

    @property
    def payload(self) -> bytes:
        """The OTLP message."""
        if not self._is_packed:
            return self._payload
        from traceo.exporters.compression import decompress  # noqa: PLC0415 - not in the application's thread

        return decompress(self._payload)

    @property
    def size(self) -> int:
        """Bytes that it takes up."""
        return len(self._payload) + (len(self.package.body) if self.package is not None else 0)

    def pack(self) -> None:
        """Compress it: it will wait for a while."""
        if self._is_packed:
            return
        from traceo.exporters.compression import compress  # noqa: PLC0415 - not in the application's thread

        self._payload = compress(self._payload, "zstd")
        self._is_packed = True

    def replace(self, payload: bytes, count: int) -> None:
        """Hold less than before. It becomes another batch: the old id stands for the old content."""
        self._payload, self._is_packed, self.count = payload, False, count
        self.batch_id = os.urandom(16)
        self.package = None


class Backlog:
    """First in, first out. One thread only."""

    __slots__ = ("_batches", "bytes", "last")

    def __init__(self) -> None:
        self._batches: deque[Batch] = deque()
        self.bytes = 0
        """What the batches take up together."""
        self.last = 0
        """The number of the youngest batch there ever was."""

    def number(self, batch: Batch) -> None:
        """Give a new batch its place in the order of all."""
        self.last += 1
        batch.number = self.last

    def push(self, batch: Batch) -> None:
        """Add a batch that has its number."""
        self._batches.append(batch)
        batch.weighed = 0
        self.reweigh(batch)

    def pop(self) -> Batch:
        """Remove the oldest."""
        batch = self._batches.popleft()
        self.bytes -= batch.weighed
        return batch

    def put_back(self, *batches: Batch) -> None:
        """These are the oldest, in this order."""
        for batch in reversed(batches):
            self._batches.appendleft(batch)
            batch.weighed = 0
            self.reweigh(batch)

    def reweigh(self, batch: Batch) -> None:
        """Its size has changed."""
        self.bytes += batch.size - batch.weighed
        batch.weighed = batch.size

    def forget_empty(self) -> None:
        """Take out the batches of which nothing is left."""
        gone = [batch for batch in self._batches if not batch.count]
        if gone:
            self.bytes -= sum(batch.weighed for batch in gone)
            self._batches = deque(batch for batch in self._batches if batch.count)

    @property
    def oldest(self) -> Batch | None:
        """The next to deliver."""
        return self._batches[0] if self._batches else None

    def __iter__(self) -> Iterator[Batch]:
        """Oldest first."""
        return iter(self._batches)


class Pace:
    """When the next attempt is due: exponential backoff with jitter, and what ``Retry-After`` asked for."""

    __slots__ = ("_cap_s", "_clock", "_due", "_failures", "_obliged")

    def __init__(self, cap_s: float, clock: Callable[[], float]) -> None:
        self._cap_s = cap_s
        self._clock = clock
        self._failures = 0
        self._due = 0.0
        self._obliged = 0.0

    def failed(self, after_s: float | None) -> None:
        """An attempt has failed; the peer may have said for how long to stay away."""
        base = min(self._cap_s, 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        # Half fixed, half random: never at once, and a fleet that failed together returns spread out.
        now = self._clock()
        self._due = now + base * (0.5 + 0.5 * _random.random())
        if after_s is not None:
            self._obliged = self._due = now + max(after_s, 0.0)

    def worked(self) -> None:
        """An attempt has succeeded."""
        self._failures = 0
        self._due = self._obliged = 0.0

    def wait_s(self, *, hurry: bool = False) -> float:
        """Seconds until the next attempt; in a hurry only ``Retry-After`` is waited for."""
        return max(0.0, (self._obliged if hurry else self._due) - self._clock())
