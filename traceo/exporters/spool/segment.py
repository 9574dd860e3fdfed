"""One file of the spool, owned by whoever holds the lock on it; the kernel takes it back from the dead."""

import contextlib
import fcntl
import os
import secrets
import stat
import time
from pathlib import Path
from typing import Final

from traceo.exporters.outcome import Package
from traceo.exporters.spool.names import SUFFIX, UNBORN
from traceo.exporters.spool.record import DONE, STATE_AT, Entry, Found, read, scan

__all__ = ["Segment"]

_NOBODY_ELSE: Final = stat.S_IRWXG | stat.S_IRWXO


class Segment:
    """A file that is ours. Every method may raise `OSError`; one thread uses it."""

    __slots__ = ("_descriptor", "_unsynced", "path", "size")

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._unsynced = False
        self.size = os.fstat(descriptor).st_size

    @classmethod
    def create(cls, folder: Path) -> "Segment":
        """An empty one, mode 0600, whose name sorts behind those made before it."""
        path = folder / f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(3)}{SUFFIX}"
        # Under another name until it is locked: otherwise somebody could take it for a dead process's.
        hidden = path.with_suffix(UNBORN)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(hidden, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            hidden.rename(path)
            _sync_folder(folder)
        except OSError:
            os.close(descriptor)
            for name in (hidden, path):
                with contextlib.suppress(OSError):
                    name.unlink()
            raise
        return cls(path, descriptor)

    @classmethod
    def claim(cls, path: Path) -> "Segment | None":
        """The file of a process that is gone; None when its owner lives, or it is not one to be trusted."""
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = os.fstat(descriptor)
            # Somebody may have emptied and removed it between our open and our lock.
            ours = status.st_nlink > 0 and status.st_uid == os.geteuid()
            if ours and stat.S_ISREG(status.st_mode) and not status.st_mode & _NOBODY_ELSE:
                return cls(path, descriptor)
        except BlockingIOError:
            pass
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def append(self, data: bytes) -> int:
        """Write a record whole or not at all; its offset."""
        offset = self.size
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(self._descriptor, data[written:], offset + written)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, offset)
            raise
        self.size += len(data)
        self._unsynced = True
        return offset

    def scan(self) -> Found:
        """The records in it."""
        return scan(self._read_at, self.size)

    def read(self, entry: Entry) -> Package | None:
        """One record; None when it is damaged."""
        return read(self._read_at(entry.offset, entry.length))

    def mark_done(self, entry: Entry) -> None:
        """Whoever scans it later need not send this one again."""
        os.pwrite(self._descriptor, DONE, entry.offset + STATE_AT)

    def sync(self) -> None:
        """Have it survive a loss of power."""
        if self._unsynced:
            self._unsynced = False
            os.fsync(self._descriptor)

    def remove(self) -> None:
        """Done with it."""
        try:
            self.path.unlink(missing_ok=True)
        finally:
            self.close()

    def close(self) -> None:
        """Give it up; the file stays."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _read_at(self, offset: int, length: int) -> bytes:
        parts: list[bytes] = []
        while length and (part := os.pread(self._descriptor, length, offset)):
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
