import os
import time
from collections.abc import Sequence
from pathlib import Path

from traceo.collector.batch import Signal
from traceo.collector.store import arrow
from traceo.collector.store.disk import sync_folder
from traceo.collector.store.protocols import Segment

__all__ = ["ParquetSegments", "may_hold"]

_PREFIX_DIGITS = 16  # of a trace id's 32 go into a segment's index: 64 bits
_PREFIX_BYTES = _PREFIX_DIGITS // 2


class ParquetSegments:
    """A ``SegmentStore``: Parquet files (zstd) in one folder, each sorted, see ``tables``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._named_ns = 0

    def write(self, signal: Signal, table: arrow.Table) -> Segment:
        """Write to a temporary name, fsync, rename, fsync the folder: a segment is whole or absent."""
        name = f"{self._next_ns():020}-{signal.name.lower()}.parquet"
        path = self._folder / name
        partial = path.with_suffix(".partial")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            arrow.write_parquet(table, file, signal)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        sync_folder(self._folder)
        first, last = arrow.time_range(table, signal)
        prefixes = sorted({trace_id[:_PREFIX_DIGITS] for trace_id in arrow.trace_ids(table)})
        return Segment(
            signal=signal,
            path=name,
            rows=table.num_rows,
            size=path.stat().st_size,
            min_ns=first,
            max_ns=last,
            traces=bytes.fromhex("".join(prefixes)),
            operations=tuple(arrow.count_operations(table)) if signal is Signal.TRACES else (),
            metrics=tuple(arrow.count_metrics(table)) if signal is Signal.METRICS else (),
        )

    def read(self, segment: Segment) -> arrow.Table:
        """All rows of one segment."""
        return arrow.read_parquet(self.location(segment), segment.signal)

    def location(self, segment: Segment) -> Path:
        """Its file."""
        return self._folder / segment.path

    def remove(self, segments: Sequence[Segment]) -> None:
        """Delete files; missing ones are no error."""
        for segment in segments:
            self.location(segment).unlink(missing_ok=True)

    def sweep(self, known: Sequence[Segment]) -> int:
        """Delete what a crash left behind: every file the catalog does not know."""
        names = {segment.path for segment in known}
        stray = [path for path in self._folder.iterdir() if path.name not in names]
        for path in stray:
            path.unlink()
        return len(stray)

    def _next_ns(self) -> int:
        # unique also when the clock stands still or steps back
        self._named_ns = max(time.time_ns(), self._named_ns + 1)
        return self._named_ns


def may_hold(segment: Segment, traces: Sequence[str]) -> bool:
    """Tell whether a segment has rows of any of these traces (or, once in 2^64, of none)."""
    return any(_holds(segment.traces, bytes.fromhex(trace[:_PREFIX_DIGITS])) for trace in traces)


def _holds(index: bytes, prefix: bytes) -> bool:
    """Binary search in packed, sorted, fixed-width entries."""
    low, high = 0, len(index) // _PREFIX_BYTES
    while low < high:
        middle = (low + high) // 2
        entry = index[middle * _PREFIX_BYTES : (middle + 1) * _PREFIX_BYTES]
        if entry == prefix:
            return True
        if entry < prefix:
            low = middle + 1
        else:
            high = middle
    return False
