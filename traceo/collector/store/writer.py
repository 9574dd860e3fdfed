"""The one thread that moves rows: from the log into the hot tail, from the tail into segments."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import msgspec

from traceo.collector import journal
from traceo.collector.batch import Batch, Decoded, Signal
from traceo.collector.settings import Settings
from traceo.collector.store import arrow
from traceo.collector.store.metric_uses import united
from traceo.collector.store.protocols import (
    Catalog,
    MetricUse,
    Operation,
    Segment,
    SegmentStore,
    WriteAheadLog,
)
from traceo.collector.store.tables import KEPT, Row
from traceo.collector.store.tail import Tail
from traceo.errors import TraceoError

__all__ = ["Reader", "Snapshot", "Writer"]

Reader: TypeAlias = Callable[[Batch, Decoded | None], Iterable[Row]]
"""Turns a batch into rows; given what it holds, or None when the batch comes back from the log."""

_GRACE_S = 60.0  # a query that began before a merge may still read the files it replaced
_TICK_S = 0.5
_RETRY_S = 5.0
_POINT_BYTES = 400


class Snapshot(msgspec.Struct, frozen=True):
    """A consistent view: immutable segments and the tails' tables at one moment."""

    segments: tuple[Segment, ...]
    tails: dict[Signal, arrow.Table]


class Writer:
    """Owns the tails and the list of segments.

    ``recover`` first (it replays the log), then ``start``. ``put`` is the log's sink; ``snapshot``,
    ``operations`` and the counters may be read from any thread. A batch that cannot be read goes to
    ``set_aside`` and is counted.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        log: WriteAheadLog,
        catalog: Catalog,
        segments: SegmentStore[arrow.Table],
        reader: Reader,
        set_aside: Callable[[int, Batch], object],
    ) -> None:
        self._settings = settings
        self._log = log
        self._catalog = catalog
        self._files = segments
        self._reader = reader
        self._set_aside = set_aside
        self._tails = {signal: Tail(signal) for signal in KEPT}
        self._segments: tuple[Segment, ...] = ()
        self._described: tuple[tuple[Segment, ...], list[MetricUse]] = ((), [])
        self._view = threading.Lock()  # held while rows change from tail to segment, and by readers
        self._moved = threading.Condition()
        self._queue: queue.SimpleQueue[tuple[int, Batch, Decoded] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._tail_bytes = 0
        self._tail_since = 0.0
        self._tail_batches: list[tuple[bytes, int]] = []
        self._retired: list[tuple[float, Segment]] = []
        self._not_before = 0.0
        self.failure = ""
        self.recent: set[bytes] = set()  # ids of batches that are durable in the log, not yet in the catalog
        self.applied = 0
        self.applied_bytes = 0
        self.unreadable = 0
        self.rolls = 0

    def recover(self) -> int:
        """Delete stray files, replay the log into the tails; return how many batches came back."""
        self._segments = tuple(self._catalog.segments())
        stray = self._files.sweep(self._segments)
        self.applied = self._catalog.applied()
        replayed = 0
        for sequence, batch in self._log.replay(self.applied):
            if batch.batch_id and (
                batch.batch_id in self.recent or self._catalog.knows_batch(batch.batch_id)
            ):
                continue  # it was written, answered with an error, and sent again
            self.recent.add(batch.batch_id)
            self._apply(sequence, batch, None)
            replayed += 1
        if stray or replayed:
            journal.info("recovered", batches=replayed, stray_files=stray)
        return replayed

    def start(self) -> None:
        """Begin to apply what ``put`` takes."""
        self._thread = threading.Thread(target=self._run, name="traceo-writer", daemon=True)
        self._thread.start()

    def put(self, sequence: int, batch: Batch, decoded: Decoded) -> None:
        """Take a durable batch (the log's thread calls this, in order)."""
        if batch.batch_id:
            self.recent.add(batch.batch_id)
        self._queue.put((sequence, batch, decoded))

    @property
    def overfull(self) -> bool:
        """Tells that segments cannot be written as fast as rows arrive (or at all)."""
        return self._tail_bytes > 4 * self._settings.roll_bytes or self._rows() > 4 * self._settings.roll_rows

    def stored(self) -> tuple[dict[Signal, int], tuple[Segment, ...]]:
        """All rows by signal, in segments and tail; and the segments."""
        with self._view:
            rows = {signal: len(tail) for signal, tail in self._tails.items()}
            for segment in self._segments:
                rows[segment.signal] += segment.rows
            return rows, self._segments

    def wait_for(self, sequence: int, *, limit_s: float) -> bool:
        """Wait until everything up to ``sequence`` is applied; False when that took too long."""
        with self._moved:
            return self._moved.wait_for(lambda: self.applied >= sequence, limit_s)

    def snapshot(self) -> Snapshot:
        """Return a view of everything applied."""
        with self._view:
            return Snapshot(self._segments, {signal: tail.table() for signal, tail in self._tails.items()})

    def operations(self, service: str | None) -> list[Operation]:
        """Count spans by (service, name, kind) over segments and tail; of one service, or of all."""
        with self._view:
            stored = self._catalog.operations(service)
            fresh = arrow.count_operations(self._tails[Signal.TRACES].table())
        return stored + [operation for operation in fresh if service in {None, operation.service}]

    def metrics(self, service: str | None) -> list[MetricUse]:
        """Metrics of the segments and of the tail, at most twice each; of one service, or of all."""
        with self._view:
            if self._described[0] is not self._segments:  # asked often, changed seldom
                self._described = (self._segments, united(self._catalog.metrics()))
            stored = self._described[1]
            fresh = arrow.count_metrics(self._tails[Signal.METRICS].table())
        return [use for use in (*stored, *fresh) if service in {None, use.service}]

    def close(self) -> None:
        """Apply what is queued, then stop. The tail stays in the log: the next start replays it."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        try:
            self._loop()
        except Exception as error:
            # nothing may be accepted that nobody will apply; what is in the log comes back at the next start
            self.failure = type(error).__name__
            journal.error("writer stopped", cause=self.failure)

    def _loop(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=_TICK_S)
            except queue.Empty:
                self._housekeep()
                continue
            if item is None:
                return
            self._apply(*item)
            self._housekeep()

    def _apply(self, sequence: int, batch: Batch, decoded: Decoded | None) -> None:
        try:
            rows = list(self._reader(batch, decoded))
        except Exception as error:
            # answered as accepted, so it must not vanish: keep it as it came, and say so
            self.unreadable += 1
            self._set_aside(sequence, batch)
            cause = str(error) if isinstance(error, TraceoError) else type(error).__name__
            journal.error("batch set aside", sequence=sequence, signal=batch.signal.name, cause=cause)
            rows = []
        if rows and not self._rows():
            self._tail_since = time.monotonic()
        self._tails[batch.signal].add(rows)
        self._tail_bytes += _memory(batch, decoded, rows)
        if batch.batch_id:
            self._tail_batches.append((batch.batch_id, batch.received_ns))
        with self._moved:
            self.applied = sequence
            self.applied_bytes += decoded.size if decoded else 0
            self._moved.notify_all()

    def _rows(self) -> int:
        return sum(len(tail) for tail in self._tails.values())

    def _housekeep(self) -> None:
        now = time.monotonic()
        if self._retired and self._retired[0][0] < now:
            self._files.remove([segment for at, segment in self._retired if at < now])
            self._retired = [(at, segment) for at, segment in self._retired if at >= now]
        rows = self._rows()
        due = (
            rows >= self._settings.roll_rows
            or self._tail_bytes >= self._settings.roll_bytes
            or (rows > 0 and now - self._tail_since >= self._settings.roll_after_s)
        )
        if due and now >= self._not_before:
            try:
                self.roll()
            except Exception as error:
                self._not_before = now + _RETRY_S
                journal.error("segment not written", cause=type(error).__name__, retry_s=_RETRY_S)

    def roll(self) -> None:
        """Write the tails as segments, merged with small recent ones, and let the log forget them."""
        added: list[Segment] = []
        removed: list[Segment] = []
        try:
            for signal, tail in self._tails.items():
                if len(tail):
                    small = self._small(signal, len(tail))
                    table = arrow.join([*(self._files.read(segment) for segment in small), tail.table()])
                    added.append(self._files.write(signal, table))
                    removed += small
            self._switch(added, removed)
        except BaseException:
            self._files.remove(added)
            raise
        self._log.checkpoint(self.applied)
        self.recent.difference_update(batch_id for batch_id, _ in self._tail_batches)
        self._tail_batches = []
        self._tail_bytes = 0
        self.rolls += 1
        self._retired += [(time.monotonic() + _GRACE_S, segment) for segment in removed]

    def _switch(self, added: list[Segment], removed: list[Segment]) -> None:
        """Make the segments count and the tails not, at one moment for the catalog and for readers."""
        oldest = time.time_ns() - int(self._settings.duplicate_window_s * 1e9)
        with self._view:
            self._catalog.commit(
                applied=self.applied,
                added=added,
                removed=removed,
                batches=self._tail_batches,
                forget_before_ns=oldest,
            )
            gone = {segment.path for segment in removed}
            self._segments = tuple(s for s in (*self._segments, *added) if s.path not in gone)
            for tail in self._tails.values():
                tail.clear()

    def _small(self, signal: Signal, rows: int) -> list[Segment]:
        """Newest segments that fit into one with ``rows`` more: a quiet collector makes few files."""
        chosen: list[Segment] = []
        for segment in reversed(self._segments):
            if segment.signal is not signal:
                continue
            rows += segment.rows
            if rows > self._settings.roll_rows or segment.size * 10 > self._settings.roll_bytes:
                break
            chosen.append(segment)
        return chosen[::-1]


def _memory(batch: Batch, decoded: Decoded | None, rows: Sequence[Row]) -> int:
    """About what rows take in memory: characters stand for bytes. Most texts of data points are shared."""
    if batch.signal is Signal.METRICS:
        return len(rows) * _POINT_BYTES + (decoded.size if decoded else len(batch.body))
    return sum(len(value) for row in rows for value in row if isinstance(value, str))
