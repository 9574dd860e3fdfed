"""The wrapped keys of sealed values: what revealing needs besides a reveal key, and what erasing deletes.

They are kept here and nowhere else: not in the write-ahead log, not in a segment. Deleting a person's rows so
makes every copy of that person's values unreadable, in segments, in backups, and at other backends.
"""

import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from traceo.errors import StoreError
from traceo.sealing.keyring import WrappedKey

__all__ = ["KeyTable"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    kid TEXT PRIMARY KEY, parent TEXT NOT NULL, subject TEXT NOT NULL, created_s INTEGER NOT NULL,
    wrapped BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS keys_by_subject ON keys (subject);
CREATE TABLE IF NOT EXISTS erased (subject TEXT PRIMARY KEY, erased_s INTEGER NOT NULL) WITHOUT ROWID;
"""
# Rows that were made before their person was erased may arrive later, from a sender whose clock is ahead.
_SKEW_S = 300


class KeyTable:
    """One SQLite file. Any thread may call it; what it has answered is on the disk."""

    def __init__(self, path: Path) -> None:
        """Open or make it. `StoreError` when it cannot be used."""
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            path.chmod(0o600)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA secure_delete = 1")
            self._connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise StoreError(
                f"the key table {path} cannot be opened: {error}; restore it from a backup"
            ) from error

    def add(self, rows: Sequence[WrappedKey]) -> int:
        """Keep rows; how many were refused because their person has been erased since. Again is harmless.

        Raises `sqlite3.Error` when they could not be written.
        """
        with self._lock, self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            since = {subject: self._erased_s(subject) for subject in {row.subject for row in rows}}
            kept = [row for row in rows if row.created_s > since[row.subject] + _SKEW_S]
            connection.executemany(
                "INSERT OR IGNORE INTO keys VALUES (?, ?, ?, ?, ?)",
                [(row.kid, row.parent, row.subject, row.created_s, row.wrapped) for row in kept],
            )
        return len(rows) - len(kept)

    def find(self, kids: Sequence[str]) -> list[WrappedKey]:
        """The rows with these ids, and the rows of the process keys above them."""
        marks = ", ".join("?" * len(kids))
        with self._lock:
            rows = self._connection.execute(
                f"SELECT * FROM keys WHERE kid IN ({marks}) OR kid IN "  # noqa: S608  question marks only
                f"(SELECT parent FROM keys WHERE kid IN ({marks}))",
                [*kids, *kids],
            ).fetchall()
        return [WrappedKey(*row) for row in rows]

    def erase(self, subject: str) -> int:
        """Delete the keys of a person (a pseudonym), and refuse rows still on their way; how many there were.

        Raises `ValueError` for the empty subject: that is what is about nobody.
        """
        if not subject:
            raise ValueError("values that are about nobody cannot be erased by subject")
        with self._lock:
            with self._connection as connection:
                connection.execute("BEGIN IMMEDIATE")
                gone = connection.execute("DELETE FROM keys WHERE subject = ?", (subject,)).rowcount
                connection.execute("INSERT OR REPLACE INTO erased VALUES (?, ?)", (subject, int(time.time())))
            # What was deleted must not stay readable in SQLite's own log.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    def _erased_s(self, subject: str) -> int:
        row = self._connection.execute("SELECT erased_s FROM erased WHERE subject = ?", (subject,)).fetchone()
        return -_SKEW_S - 1 if row is None else row[0]

    def size(self) -> int:
        """How many rows there are."""
        with self._lock:
            return self._connection.execute("SELECT count(*) FROM keys").fetchone()[0]

    def close(self) -> None:
        """Close it."""
        with self._lock:
            self._connection.close()
