"""Batches that are not for us: kept sealed, found by what their header says, given back as they came."""

import sqlite3
import threading
from pathlib import Path

import msgspec

from traceo.collector.store.store import OverloadedError
from traceo.errors import StoreError
from traceo.sealing import BatchHeader

__all__ = ["SealedBatch", "SealedStore"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    id BLOB PRIMARY KEY, received_ns INTEGER NOT NULL, team TEXT NOT NULL, tenant TEXT NOT NULL,
    signal TEXT NOT NULL, sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS batches_by_arrival ON batches (received_ns, id);
"""
_LIST = """
SELECT id, received_ns, team, tenant, signal, length(sealed) FROM batches
WHERE (received_ns, id) > (?1, ?2) AND (?3 IS NULL OR team = ?3) AND (?4 IS NULL OR tenant = ?4)
  AND (?5 IS NULL OR signal = ?5)
ORDER BY received_ns, id LIMIT ?6
"""


class SealedBatch(msgspec.Struct, frozen=True):
    """What is known of a stored batch: its header's words, which nobody here can vouch for, and its size."""

    id: str
    received_unix_nano: str
    team: str
    tenant: str
    signal: str
    size: int


class SealedStore:
    """One SQLite file of at most `limit_bytes` of batches. Any thread may call it."""

    def __init__(self, path: Path, *, limit_bytes: int) -> None:
        """Open or make it. `StoreError` when it cannot be used."""
        self._lock = threading.Lock()
        self._limit_bytes = limit_bytes
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            path.chmod(0o600)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA secure_delete = 1")
            self._connection.executescript(_SCHEMA)
            self._bytes: int = self._connection.execute(
                "SELECT coalesce(sum(length(sealed)), 0) FROM batches"
            ).fetchone()[0]
        except sqlite3.Error as error:
            raise StoreError(
                f"the sealed batches in {path} cannot be opened: {error}; restore the file or move it away"
            ) from error

    def add(self, sealed: bytes, header: BatchHeader, *, team: str, received_ns: int) -> bool:
        """Keep a batch; on the disk when this returns. False when it was there.

        Raises `OverloadedError` when the store is full or cannot be written.
        """
        row = (header.batch_id, received_ns, team, header.tenant, header.signal, sealed)
        with self._lock:
            if self._bytes + len(sealed) > self._limit_bytes:
                raise OverloadedError("the store of sealed batches is full")
            try:
                added = self._connection.execute(
                    "INSERT OR IGNORE INTO batches VALUES (?, ?, ?, ?, ?, ?)", row
                )
            except sqlite3.Error as error:
                raise OverloadedError("the batch could not be written to disk") from error
            if added.rowcount:
                self._bytes += len(sealed)
            return bool(added.rowcount)

    def find(
        self,
        *,
        team: str | None = None,
        tenant: str | None = None,
        signal: str | None = None,
        after: tuple[int, bytes] = (-1, b""),
        limit: int = 100,
    ) -> list[SealedBatch]:
        """Batches in the order they came, from the one behind `after` (arrival, id)."""
        with self._lock:
            rows = self._connection.execute(_LIST, (*after, team, tenant, signal, limit)).fetchall()
        return [SealedBatch(row[0].hex(), str(row[1]), *row[2:]) for row in rows]

    def read(self, batch_id: bytes) -> bytes | None:
        """The batch as it came."""
        with self._lock:
            row = self._connection.execute("SELECT sealed FROM batches WHERE id = ?", (batch_id,)).fetchone()
        return None if row is None else row[0]

    def close(self) -> None:
        """Close it."""
        with self._lock:
            self._connection.close()
