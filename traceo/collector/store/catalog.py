import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from traceo.collector.batch import Signal
from traceo.collector.store.protocols import MetricUse, Operation, Segment
from traceo.errors import StoreError

__all__ = ["SqliteCatalog"]

# What each version adds to the one before; a folder of any of them opens, and nothing in it is written anew.
_ADDED = (
    """
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), applied INTEGER NOT NULL);
INSERT INTO state VALUES (1, 0);
CREATE TABLE segments (
    path TEXT PRIMARY KEY, signal INTEGER NOT NULL, rows INTEGER NOT NULL, size INTEGER NOT NULL,
    min_ns INTEGER NOT NULL, max_ns INTEGER NOT NULL, traces BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE operations (
    path TEXT NOT NULL, service TEXT NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL,
    spans INTEGER NOT NULL, errors INTEGER NOT NULL, last_ns INTEGER NOT NULL,
    PRIMARY KEY (path, service, name, kind)
) WITHOUT ROWID;
CREATE TABLE batches (id BLOB PRIMARY KEY, received_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX batches_by_arrival ON batches (received_ns);
""",
    """
CREATE TABLE metrics (
    path TEXT NOT NULL, service TEXT NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL, unit TEXT NOT NULL,
    temporality INTEGER NOT NULL, monotonic INTEGER NOT NULL, description TEXT NOT NULL,
    last_ns INTEGER NOT NULL, keys TEXT NOT NULL, series BLOB NOT NULL,
    PRIMARY KEY (path, service, name, kind, unit, temporality, monotonic)
) WITHOUT ROWID;
""",
)
_VERSION = len(_ADDED)
_OPERATIONS = """
SELECT service, name, kind, SUM(spans), SUM(errors), MAX(last_ns) FROM operations
WHERE ?1 IS NULL OR service = ?1 GROUP BY service, name, kind
"""
_METRICS = """
SELECT service, name, kind, unit, temporality, monotonic, description, last_ns, keys, series FROM metrics
"""


class SqliteCatalog:
    """A :class:`~traceo.collector.store.protocols.Catalog` in one SQLite file.

    Three connections, each under its lock: readers never wait for the writer's fsync (SQLite's own WAL mode).
    ``secure_delete``: what is forgotten is overwritten.
    """

    def __init__(self, path: Path) -> None:
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._finding = threading.Lock()
        try:
            self._writer = _connect(path)
            path.chmod(0o600)
            _migrate(self._writer)
            self._reader = _connect(path)
            self._finder = _connect(path)
        except sqlite3.Error as error:
            raise StoreError(
                f"the catalog {path} cannot be opened: {error}; restore it or move the data folder away"
            ) from error

    def segments(self) -> list[Segment]:
        """All of them, oldest first."""
        with self._reading:
            rows = self._reader.execute(
                "SELECT signal, path, rows, size, min_ns, max_ns, traces FROM segments ORDER BY path"
            ).fetchall()
        return [Segment(Signal(signal), *rest) for signal, *rest in rows]

    def applied(self) -> int:
        """How far the log is in segments."""
        with self._reading:
            return self._reader.execute("SELECT applied FROM state").fetchone()[0]

    def commit(
        self,
        *,
        applied: int,
        added: Sequence[Segment],
        removed: Sequence[Segment],
        batches: Iterable[tuple[bytes, int]],
        forget_before_ns: int,
    ) -> None:
        """One transaction; see the protocol."""
        gone = [(segment.path,) for segment in removed]
        with self._writing, self._writer as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("DELETE FROM segments WHERE path = ?", gone)
            connection.executemany("DELETE FROM operations WHERE path = ?", gone)
            connection.executemany("DELETE FROM metrics WHERE path = ?", gone)
            for segment in added:
                connection.execute("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?)", _segment_row(segment))
                connection.executemany(
                    "INSERT INTO operations VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [
                        (segment.path, o.service, o.name, o.kind, o.spans, o.errors, o.last_ns)
                        for o in segment.operations
                    ],
                )
            connection.executemany(
                "INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_metric_row(segment.path, use) for segment in added for use in segment.metrics],
            )
            connection.executemany("INSERT OR IGNORE INTO batches VALUES (?, ?)", batches)
            connection.execute("DELETE FROM batches WHERE received_ns < ?", (forget_before_ns,))
            connection.execute("UPDATE state SET applied = ?", (applied,))

    def knows_batch(self, batch_id: bytes) -> bool:
        """Tell whether a batch id was committed within the window."""
        # of its own, for the event loop: it must not wait behind a reader's sums
        with self._finding:
            found = self._finder.execute("SELECT 1 FROM batches WHERE id = ?", (batch_id,)).fetchone()
        return found is not None

    def operations(self, service: str | None) -> list[Operation]:
        """Sums over all segments, by (service, name, kind)."""
        with self._reading:
            return [Operation(*row) for row in self._reader.execute(_OPERATIONS, (service,))]

    def metrics(self) -> list[MetricUse]:
        """Those of every segment."""
        with self._reading:
            rows = self._reader.execute(_METRICS).fetchall()
        return [
            MetricUse(*rest, keys=msgspec.json.decode(keys, type=tuple[str, ...]), series=series)
            for *rest, keys, series in rows
        ]

    def close(self) -> None:
        """Close it."""
        with self._writing, self._reading, self._finding:
            self._finder.close()
            self._reader.close()
            self._writer.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = 1")
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > _VERSION:
        raise StoreError(f"the catalog has format {version}, this version reads {_VERSION}; upgrade traceo")
    for number, added in enumerate(_ADDED[version:], version + 1):
        connection.executescript(f"BEGIN; {added} PRAGMA user_version = {number}; COMMIT;")


def _segment_row(segment: Segment) -> tuple[str, int, int, int, int, int, bytes]:
    return (
        segment.path,
        segment.signal,
        segment.rows,
        segment.size,
        segment.min_ns,
        segment.max_ns,
        segment.traces,
    )


def _metric_row(path: str, use: MetricUse) -> tuple[str | int | bytes, ...]:
    return (
        path,
        use.service,
        use.name,
        use.kind,
        use.unit,
        use.temporality,
        use.monotonic,
        use.description,
        use.last_ns,
        msgspec.json.encode(use.keys).decode(),
        use.series,
    )
