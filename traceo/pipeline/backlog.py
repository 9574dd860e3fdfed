"""Encoded batches that wait for delivery, bounded in bytes, and the pace at which delivery is tried again."""

import os
import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the pipeline thread imports it
    from traceo.exporters.outcome import Package, Signal

__all__ = ["Backlog", "Batch", "Pace"]


class Batch:
    """One OTLP message of one signal. ``batch_id`` makes sending it twice harmless."""

    __slots__ = ("batch_id", "count", "number", "package", "payload", "signal")

    def __init__(self, signal: "Signal", payload: bytes, count: int) -> None:
        self.signal: Signal = signal
        self.payload = payload
        self.count = count
        self.batch_id = os.urandom(16)
        self.number = 0
        self.package: Package | None = None
        """The batch as it goes over the wire, once it could be made; kept for the next attempt."""


class Backlog:
    """First in, first out; over ``limit_bytes`` the oldest go. One thread only."""

    __slots__ = ("_batches", "_limit_bytes", "bytes", "last")

    def __init__(self, limit_bytes: int) -> None:
        self._batches: deque[Batch] = deque()
        self._limit_bytes = limit_bytes
        self.bytes = 0
        self.last = 0
        """The number of the youngest batch there ever was."""

    def push(self, batch: Batch) -> list[Batch]:
        """Add a batch; returns those that had to make room, which may include it."""
        self.last += 1
        batch.number = self.last
        self._batches.append(batch)
        self.bytes += len(batch.payload)
        gone: list[Batch] = []
        while self.bytes > self._limit_bytes:
            gone.append(self.pop())
        return gone

    def pop(self) -> Batch:
        """Remove the oldest."""
        batch = self._batches.popleft()
        self.bytes -= len(batch.payload)
        return batch

    @property
    def oldest(self) -> Batch | None:
        """The next to deliver."""
        return self._batches[0] if self._batches else None

    def has_reached(self, number: int) -> bool:
        """Whether all batches up to this number are gone."""
        oldest = self.oldest
        return oldest is None or oldest.number > number


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
        self._due = now + base * (0.5 + 0.5 * random.random())  # noqa: S311 - no secret depends on it
        if after_s is not None:
            self._obliged = self._due = now + max(after_s, 0.0)

    def worked(self) -> None:
        """An attempt has succeeded."""
        self._failures = 0
        self._due = self._obliged = 0.0

    def wait_s(self, *, hurry: bool = False) -> float:
        """Seconds until the next attempt; in a hurry only ``Retry-After`` is waited for."""
        return max(0.0, (self._obliged if hurry else self._due) - self._clock())
