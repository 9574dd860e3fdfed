import os
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from traceo.collector.batch import Signal
from traceo.collector.store.protocols import Operation, Segment
from traceo.collector.store.tables import SCHEMAS, TIME

__all__ = ["PREFIX_DIGITS", "ParquetSegments", "operations_of"]

PREFIX_DIGITS = 16  # of a trace id's 32 go into a segment's index: 64 bits
_ROW_GROUP = 16_384
_DICTIONARY = [
    "trace_id", "service", "name", "status_message", "scope_name", "scope_version", "trace_state", "resource_json",
    "events_json", "links_json", "redacted_json", "severity_text", "event_name", "attributes_json",
]  # fmt: skip


class ParquetSegments:
    """A :class:`~traceo.collector.store.protocols.SegmentStore`: Parquet files (zstd) in one folder, sorted by time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._named_ns = 0

    def write(self, signal: Signal, table: pa.Table) -> Segment:
        """Write to a temporary name, fsync, rename, fsync the folder: a segment is whole or absent."""
        table = table.sort_by(TIME[signal])
        name = f"{self._next_ns():020}-{signal.name.lower()}.parquet"
        path = self._folder / name
        partial = path.with_suffix(".partial")
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            pq.write_table(
                table,
                file,
                compression="zstd",
                row_group_size=_ROW_GROUP,
                use_dictionary=[name for name in _DICTIONARY if name in table.column_names],
            )
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        _sync_folder(self._folder)
        times = pc.min_max(table[TIME[signal]])
        return Segment(
            signal=signal,
            path=name,
            rows=table.num_rows,
            size=path.stat().st_size,
            min_ns=times["min"].as_py(),
            max_ns=times["max"].as_py(),
            traces=_trace_index(table["trace_id"]),
            operations=tuple(operations_of(table)) if signal is Signal.TRACES else (),
        )

    def read(self, segment: Segment) -> pa.Table:
        return pq.read_table(self.location(segment), schema=SCHEMAS[segment.signal])

    def location(self, segment: Segment) -> Path:
        return self._folder / segment.path

    def remove(self, segments: Sequence[Segment]) -> None:
        for segment in segments:
            self.location(segment).unlink(missing_ok=True)

    def sweep(self, known: Sequence[Segment]) -> int:
        names = {segment.path for segment in known}
        stray = [path for path in self._folder.iterdir() if path.name not in names]
        for path in stray:
            path.unlink()
        return len(stray)

    def _next_ns(self) -> int:
        self._named_ns = max(
            time.time_ns(), self._named_ns + 1
        )  # unique also when the clock stands or steps back
        return self._named_ns


def operations_of(table: pa.Table) -> list[Operation]:
    """Count a table of spans by (service, name, kind)."""
    failed = pc.cast(pc.equal(table["status"], 2), pa.int64())
    grouped = (
        table.select(["service", "name", "kind", "start_ns"])
        .append_column("failed", failed)
        .group_by(["service", "name", "kind"])
        .aggregate([("start_ns", "count"), ("failed", "sum"), ("start_ns", "max")])
    )
    columns = ("service", "name", "kind", "start_ns_count", "failed_sum", "start_ns_max")
    return [Operation(*row) for row in zip(*(grouped[name].to_pylist() for name in columns), strict=True)]


def _trace_index(ids: pa.ChunkedArray) -> bytes:
    prefixes = sorted({text[:PREFIX_DIGITS] for text in pc.unique(ids).to_pylist() if text is not None})
    return bytes.fromhex("".join(prefixes))


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
