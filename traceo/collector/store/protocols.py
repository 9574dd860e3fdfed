"""The three things a store is made of.

A second implementation (a replicated log, PostgreSQL, shared disks) fits here. ``Rows`` is whatever table
type the segment store and the tail agree on.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

import msgspec

from traceo.collector.batch import Batch, Decoded, Signal

__all__ = ["Catalog", "Done", "MetricUse", "Operation", "Segment", "SegmentStore", "Sink", "WriteAheadLog"]

Done: TypeAlias = Callable[[BaseException | None], object]
Sink: TypeAlias = Callable[[int, Batch, Decoded], object]
Rows = TypeVar("Rows")


class Operation(msgspec.Struct, frozen=True):
    """How often a segment holds one (service, span name, kind)."""

    service: str
    name: str
    kind: int
    spans: int
    errors: int
    last_ns: int


class MetricUse(msgspec.Struct, frozen=True):
    """That a segment holds points of a metric of a service; numbers as in ``tables.POINTS``.

    ``series``: sorted 8-byte hashes of its attribute sets, packed; those of several segments can be united.
    """

    service: str
    name: str
    kind: int
    unit: str
    temporality: int
    monotonic: int
    description: str
    last_ns: int
    keys: tuple[str, ...]
    series: bytes


class Segment(msgspec.Struct, frozen=True):
    """A file of one signal's rows. ``traces``: the sorted first 8 bytes of its trace ids, packed."""

    signal: Signal
    path: str
    rows: int
    size: int
    min_ns: int
    max_ns: int
    traces: bytes
    operations: tuple[Operation, ...] = ()
    metrics: tuple[MetricUse, ...] = ()


class WriteAheadLog(Protocol):
    """Keeps batches, in order, from before their answer until they are in a segment."""

    def replay(self, after: int) -> Iterator[tuple[int, Batch]]:
        """Yield what was kept with a sequence number above ``after``; once, before ``start``."""
        ...

    def start(self, *, after: int, sink: Sink) -> None:
        """Begin to accept; ``sink`` gets each durable entry in order."""
        ...

    def append(self, batch: Batch, decoded: Decoded, done: Done) -> None:
        """Call ``done`` once the batch is durable (with None) or never will be (with the error)."""
        ...

    def checkpoint(self, sequence: int) -> None:
        """Forget entries up to and including ``sequence``."""
        ...

    @property
    def committed(self) -> int:
        """The highest durable sequence number."""
        ...

    @property
    def size(self) -> int:
        """Bytes on disk."""
        ...

    def close(self) -> None:
        """Make all accepted entries durable, then stop."""
        ...


class Catalog(Protocol):
    """Which segments exist, how far the log is applied, which batch ids are known."""

    def segments(self) -> list[Segment]:
        """All of them, oldest first."""
        ...

    def applied(self) -> int:
        """The log's sequence number up to which everything is in segments."""
        ...

    def commit(
        self,
        *,
        applied: int,
        added: Sequence[Segment],
        removed: Sequence[Segment],
        batches: Iterable[tuple[bytes, int]],
        forget_before_ns: int,
    ) -> None:
        """Add and remove segments, remember batch ids and their arrival, move ``applied``: all or nothing."""
        ...

    def knows_batch(self, batch_id: bytes) -> bool:
        """Tell whether a batch id was committed within the window."""
        ...

    def operations(self, service: str | None) -> list[Operation]:
        """Sums over all segments, by (service, name, kind)."""
        ...

    def metrics(self) -> list[MetricUse]:
        """Those of every segment."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class SegmentStore(Protocol[Rows]):
    """Where segments lie."""

    def write(self, signal: Signal, table: Rows) -> Segment:
        """Write rows as a new durable segment."""
        ...

    def read(self, segment: Segment) -> Rows:
        """All rows of one segment."""
        ...

    def location(self, segment: Segment) -> Path:
        """Where a query engine on this machine can read it."""
        ...

    def remove(self, segments: Sequence[Segment]) -> None:
        """Delete files; missing ones are no error."""
        ...

    def sweep(self, known: Sequence[Segment]) -> int:
        """Delete every file that is not known; return how many."""
        ...
