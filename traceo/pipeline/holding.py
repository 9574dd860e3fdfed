"""Where batches wait for delivery: in memory within a budget, and on disk while the collector is away.

Only sealed batches go to the disk, so without a key of the collector's at hand, and for other endpoints, all
stays in memory, compressed. There, whole traces make room, those with an error last.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from traceo.native import allocate_lock, pause
from traceo.pipeline.backlog import Backlog, Batch
from traceo.pipeline.health import KEYS, METRICS, Health
from traceo.pipeline.shedding import MOST, Shed
from traceo.pipeline.trouble import Trouble

if TYPE_CHECKING:  # the pipeline thread imports them
    from traceo.exporters.spool.folder import Spool
    from traceo.pipeline.prepare import Route

__all__ = ["Holding"]

_BOOKS_WAIT_S = 0.2
_WHOLE = frozenset((KEYS, METRICS))  # they belong to no trace
_NO_ROOM = "more is recorded than can be delivered"


class Holding:
    """What waits. Pipeline thread only.

    Args:
        limit_bytes: what may wait in memory.
        shed: who decides which traces make room.
        health: where drops are counted.
        trouble: who tells the user.
    """

    __slots__ = (
        "_books",
        "_health",
        "_limit_bytes",
        "_shed",
        "_thinned",
        "_trouble",
        "is_away",
        "is_shut",
        "memory",
        "route",
        "spool",
    )

    def __init__(self, *, limit_bytes: int, shed: Shed, health: Health, trouble: Trouble) -> None:
        self._limit_bytes = limit_bytes
        self._shed = shed
        self._health = health
        self._trouble = trouble
        self._thinned = 0
        self._books = allocate_lock()
        self.memory = Backlog()
        self.spool: Spool | None = None
        self.route: Callable[[], Route] | None = None
        self.is_away = False
        """Whether the last attempt failed: then what comes is for the disk."""
        self.is_shut = False
        """Whether the books are closed: what is here is lost, or left to another process."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits, in memory or, as far as known, on disk."""
        return self.memory.oldest is None and (self.spool is None or self.spool.is_empty)

    def has_reached(self, number: int) -> bool:
        """Whether all batches of this process up to this number are gone."""
        oldest = self.memory.oldest
        if oldest is not None and oldest.number <= number:
            return False
        return self.spool is None or self.spool.has_reached(number)

    def add(self, batch: Batch) -> None:
        """Take a new batch; others make room if they must."""
        self.memory.number(batch)
        self.memory.push(batch)
        if self.is_away:
            self.settle_in()
        self.fit()

    def settle_in(self) -> None:
        """It will take a while: to the disk with all of it, or at least compress it."""
        memory = self.memory
        while (batch := memory.oldest) is not None and self._to_disk(batch):
            memory.pop()
        for batch in memory:
            batch.pack()
            memory.reweigh(batch)

    def retry_disk(self) -> None:
        """The disk may have room by now for what it refused before."""
        waits = self.is_away and self.memory.oldest is not None
        if waits and self.spool is not None and self.spool.is_willing:
            self.settle_in()

    def fit(self) -> None:
        """Keep to the budget: compress, then give up more and more of the traces, then whole batches."""
        memory, shed = self.memory, self._shed
        if memory.bytes <= self._limit_bytes:
            return
        for batch in memory:
            batch.pack()
            memory.reweigh(batch)
        before = self._health.lost
        spared: list[Batch] = []  # keys are small, and without them nothing sealed opens
        while memory.bytes > self._limit_bytes:
            if shed.step < MOST:
                shed.press(shed.step + 1)
                self.thin()
                continue
            if memory.oldest is None:
                break
            gone = memory.pop()
            if gone.signal == KEYS:
                spared.append(gone)
                continue
            self._health.drop(gone.signal, "backlog_full", gone.count)
        memory.put_back(*spared)
        if self._health.lost > before:
            self._trouble.lost(self._trouble.reason or _NO_ROOM)

    def thin(self) -> None:
        """Take the traces that are given up now out of what waits in memory."""
        shed = self._shed
        if shed.step <= self._thinned:
            self._thinned = shed.step
            return
        self._thinned = shed.step
        for batch in self.memory:
            if batch.is_doubtful or batch.signal in _WHOLE:
                continue
            pause(0)  # the application must not wait for all of it
            try:
                payload, kept = _without_shed(batch, shed)
            except ValueError:  # not what our encoder writes: it may still go as a whole
                continue
            if kept == batch.count:
                continue
            self._health.drop(batch.signal, "backlog_full", batch.count - kept)
            batch.replace(payload, kept)
            batch.pack()
            self.memory.reweigh(batch)
        self.memory.forget_empty()

    def close(self) -> None:
        """The process ends: to the disk with what can be sealed, and leave it there."""
        if self.spool is None:
            return
        self.settle_in()
        self.spool.close()

    def shut(self) -> None:
        """Close the books. From another thread: not in the middle of a batch, if that does not take long."""
        taken = self._books.acquire(timeout=_BOOKS_WAIT_S)
        self.is_shut = True
        if taken:
            self._books.release()

    def account(self) -> None:
        """Count what the spool had to give up, and say what is wrong with it, once."""
        spool = self.spool
        if spool is None:
            return
        for lost in spool.lost:
            self._health.lose_on_disk(lost.signal, lost.reason, lost.count, is_own=lost.is_own)
            self._trouble.lost(self._trouble.reason or f"the spool {_LOSSES.get(lost.reason, lost.reason)}")
        spool.lost.clear()
        self._health.recovered.created = spool.claimed
        if spool.trouble:
            self._trouble.note(f"{spool.trouble}; what cannot be delivered is kept in memory")

    def _to_disk(self, batch: Batch) -> bool:
        spool = self.spool
        if spool is None or self.route is None or not spool.is_willing:
            return False
        package = batch.package
        if package is None or not package.sealed_to:
            package = self.route().seal(batch.signal, batch.payload, batch.batch_id)
        if package is None:
            return False
        with self._books:
            kept = not self.is_shut and spool.put(
                package, counted_as=batch.signal, count=batch.count, number=batch.number
            )
            if kept:
                self._health.spooled[batch.signal] += batch.count
        self.account()
        return kept


_LOSSES = {
    "spool_full": "is full: the oldest in it was dropped",
    "spool_damaged": "is damaged: what could not be read was dropped",
}


def _without_shed(batch: Batch, shed: Shed) -> tuple[bytes, int]:
    from traceo.exporters.otlp_cut import cut, identity_of  # noqa: PLC0415 - not in the application's thread

    signal = batch.signal

    def wanted(item: bytes) -> bool:
        trace_id, is_error = identity_of(item, signal)
        return is_error or not shed.sheds(trace_id)

    return cut(batch.payload, wanted)
