"""The write-ahead log on a local disk: one fsync for all that waits, before any of it is answered.

A folder of files (see ``logfile``), each named after the first sequence number in it.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from traceo.collector.batch import Batch, Decoded
from traceo.collector.store.disk import sync_folder, write_all
from traceo.collector.store.logfile import MAGIC, LogFile, record
from traceo.collector.store.protocols import Done, Sink
from traceo.errors import StoreError

__all__ = ["FileLog"]


class _Waiting(msgspec.Struct):
    batch: Batch
    decoded: Decoded
    done: Done


class _File(msgspec.Struct):
    path: Path
    last: int
    size: int


class FileLog:
    """A :class:`~traceo.collector.store.protocols.WriteAheadLog` in ``folder``.

    One thread writes. When a write or an fsync fails, the group is cut off the file again and each of its
    senders is told; the next group goes to a new file, since after a failed fsync the old one's state is
    unknown.
    """

    def __init__(self, folder: Path, *, file_bytes: int) -> None:
        self._folder = folder
        self._file_bytes = file_bytes
        self._wake = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._forget = -1
        self._closing = False
        self._files: list[_File] = []
        self._fd = -1
        self._thread: threading.Thread | None = None
        self._sink: Sink = _nowhere
        self._committed = 0
        self.cut_bytes = 0
        self.damaged = 0
        self.fsyncs = 0

    @property
    def committed(self) -> int:
        """The highest durable sequence number."""
        return self._committed

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.size for file in list(self._files))

    def replay(self, after: int) -> Iterator[tuple[int, Batch]]:
        """Yield each whole record above ``after``, cut torn tails off, drop files that hold nothing.

        Raises:
            StoreError: a file is of another format.
        """
        for path in sorted(self._folder.glob("*.wal")):
            data = path.read_bytes()
            try:
                found = LogFile(data)
            except StoreError as error:
                raise StoreError(f"{path} {error}; upgrade traceo or move the file away") from None
            yield from ((sequence, batch) for sequence, batch in found if sequence > after)
            self.damaged += found.damaged
            self.cut_bytes += len(data) - found.end
            if found.last <= after:
                path.unlink()
                continue
            if found.end < len(data):
                os.truncate(path, found.end)
            self._files.append(_File(path, found.last, found.end))
            self._committed = max(self._committed, found.last)

    def start(self, *, after: int, sink: Sink) -> None:
        """Begin to accept; sequence numbers go on above ``after`` and what was replayed."""
        self._committed = max(self._committed, after)
        self._sink = sink
        self._thread = threading.Thread(target=self._run, name="traceo-wal", daemon=True)
        self._thread.start()

    def append(self, batch: Batch, decoded: Decoded, done: Done) -> None:
        """Hand a batch to the log's thread, which calls ``done``."""
        with self._wake:
            if self._closing or self._thread is None:
                raise StoreError("the write-ahead log is closed")
            self._waiting.append(_Waiting(batch, decoded, done))
            self._wake.notify()

    def checkpoint(self, sequence: int) -> None:
        """Forget entries up to ``sequence``, file by file."""
        with self._wake:
            self._forget = sequence
            self._wake.notify()

    def close(self) -> None:
        """Make all accepted entries durable, then stop."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._close_file()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and self._forget < 0 and not self._closing:
                    self._wake.wait()
                group, self._waiting = self._waiting, []
                forget, self._forget = self._forget, -1
                stop = self._closing
            if group:
                self._commit(group)
            if forget >= 0:
                self._drop(forget)
            if stop and not group:
                return

    def _commit(self, group: list[_Waiting]) -> None:
        first = self._committed + 1
        try:
            self._write(first, group)
        except Exception as error:
            # whatever it was, nobody may wait for ever, and the next group gets its chance
            for entry in group:
                entry.done(error)
            return
        self._committed = first + len(group) - 1
        # the writer hears of an entry before its sender does: a query after the answer knows what to wait for
        for sequence, entry in enumerate(group, first):
            self._sink(sequence, entry.batch, entry.decoded)
        for entry in group:
            entry.done(None)

    def _write(self, first: int, group: list[_Waiting]) -> None:
        if self._fd < 0:
            self._open_file(first)
        file = self._files[-1]
        data = b"".join(
            [part for sequence, entry in enumerate(group, first) for part in record(sequence, entry.batch)]
        )
        try:
            write_all(self._fd, data)
            os.fsync(self._fd)
        except OSError:
            self._abandon_file(file)
            raise
        self.fsyncs += 1
        file.size += len(data)
        file.last = first + len(group) - 1
        if file.size >= self._file_bytes:
            self._close_file()

    def _open_file(self, first: int) -> None:
        path = self._folder / f"{first:020}.wal"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            write_all(fd, MAGIC)
            sync_folder(self._folder)
        except OSError:
            os.close(fd)
            raise
        self._fd = fd
        self._files.append(_File(path, first - 1, len(MAGIC)))

    def _abandon_file(self, file: _File) -> None:
        try:
            os.ftruncate(self._fd, file.size)
        finally:
            self._close_file()
            if file.size == len(MAGIC):
                self._files.remove(file)

    def _close_file(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _drop(self, sequence: int) -> None:
        if self._files and self._files[-1].last <= sequence:
            self._close_file()
        for file in [file for file in self._files if file.last <= sequence]:
            try:
                file.path.unlink(missing_ok=True)
            except OSError:
                continue  # the next checkpoint tries again
            self._files.remove(file)


def _nowhere(_sequence: int, _batch: Batch, _decoded: Decoded) -> None:
    return None
