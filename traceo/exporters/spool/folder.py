"""The spool: sealed batches on disk that wait for their collector, in a folder that several processes share.

A process appends to files of its own and sends what is in them, oldest first; then it takes over the files of
processes that are gone. Nothing here raises: what cannot be written stays with the caller, and `trouble` says
why. What had to be given up is in `lost`, for the caller to count.

How much survives what: a record is handed to the kernel at once, so the death of the process costs nothing
that was put; `sync` writes it to the disk, at most once a second, so a loss of power costs the last second.
"""

import contextlib
import errno
import hashlib
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from traceo.exporters.outcome import Package, Signal
from traceo.exporters.spool.names import FOLDER, SUFFIX, UNBORN
from traceo.exporters.spool.record import Entry, encode
from traceo.exporters.spool.segment import Segment

__all__ = ["Held", "Lost", "Spool"]

_FILES: Final = 16  # so many files hold the limit: one of them is what is given up at a time
_MOST_FILE_BYTES: Final = 16 * 1024 * 1024
_LOOK_EVERY_S: Final = 10.0
_SYNC_EVERY_S: Final = 1.0
_REFRAIN_S: Final = 5.0


class Held(msgspec.Struct, frozen=True, eq=False):
    """A batch on disk. `number` is its place among this process's batches, 0 for another process's."""

    segment: Segment
    entry: Entry
    number: int = 0


class Lost(msgspec.Struct, frozen=True):
    """A batch that was given up, and why. `count` is 0 where the damage hides how many items it had."""

    signal: Signal
    count: int
    reason: str
    is_own: bool


class Spool:
    """The batches for one endpoint in ``folder/spool``. One thread uses it.

    Args:
        folder: the state folder; made when it is missing.
        endpoint: its URL; batches for another endpoint are left to the processes that use that one.
        limit_bytes: what all files in the folder may take together; over it the oldest goes.
        clock: seconds, monotonic.
    """

    def __init__(self, folder: Path, endpoint: str, *, limit_bytes: int, clock: Callable[[], float]) -> None:
        self.folder = folder / FOLDER
        self._endpoint = hashlib.sha256(endpoint.encode()).digest()[:8]
        self._limit_bytes = limit_bytes
        self._file_bytes = min(_MOST_FILE_BYTES, max(1, limit_bytes // _FILES))
        self._clock = clock
        self.failures = 0
        """How often the disk refused."""
        self._renew()

    def _renew(self) -> None:
        self._current: Segment | None = None
        self._own: deque[Held] = deque()
        self._found: deque[Held] = deque()
        self._candidates: deque[Path] = deque()
        self._waiting: dict[Segment, int] = {}  # records of each file of ours that are not done
        self._is_ready = False
        self._refrain_until = self._look_at = self._sync_at = 0.0
        self._is_closed = False
        self.bytes = 0
        """What the files in the folder take, those of other processes as far as last seen."""
        self.claimed = 0
        """Items found in files of processes that are gone."""
        self.trouble = ""
        """Why the last write failed; empty after one that worked."""
        self.lost: list[Lost] = []
        """Given up since the caller last looked; the caller empties it."""

    # Writing.

    @property
    def is_willing(self) -> bool:
        """Whether there is a point in a `put`: not just after the disk has refused one."""
        return not self._is_closed and self._clock() >= self._refrain_until

    def put(self, package: Package, *, counted_as: Signal, count: int, number: int) -> bool:
        """Keep a sealed package on disk; False when that is not possible now."""
        if not (package.sealed_to and self.is_willing):
            return False
        data = encode(package, counted_as=counted_as, count=count, endpoint=self._endpoint)
        try:
            self._prepare_folder()
            if not self._has_room(len(data)):
                return False
            segment = self._segment_for(len(data))
            offset = segment.append(data)
        except OSError as error:
            self._refuse(error)
            return False
        self.bytes += len(data)
        self._waiting[segment] += 1
        entry = Entry(
            offset=offset, length=len(data), counted_as=counted_as, count=count, endpoint=self._endpoint
        )
        self._own.append(Held(segment, entry, number))
        self.trouble = ""
        return True

    def sync(self, *, at_once: bool = False) -> None:
        """Have what was put survive a loss of power; a second after the last time at the soonest."""
        now = self._clock()
        if self._current is None or (now < self._sync_at and not at_once):
            return
        self._sync_at = now + _SYNC_EVERY_S
        try:
            self._current.sync()
        except OSError as error:  # what it holds may be lost with the power, but not with the process
            self._current = None
            self._refuse(error)

    # Sending.

    def oldest(self) -> Held | None:
        """The next to send: our own in order, then those of processes that are gone, in order."""
        if self._is_closed:
            return None
        if self._own:
            return self._own[0]
        if not self._found:
            self._find()
        return self._found[0] if self._found else None

    def read(self, held: Held) -> Package | None:
        """The package; None when it was damaged on disk, and is now in `lost`."""
        try:
            package = held.segment.read(held.entry)
        except OSError:
            package = None
        if package is None:
            self._lose(held, "spool_damaged")
            self.settle(held)
        return package

    def settle(self, held: Held) -> None:
        """The oldest needs no more sending."""
        segment = held.segment
        if segment not in self._waiting:  # given up meanwhile
            return
        queue = self._own if held.number else self._found
        if queue and queue[0] is held:
            queue.popleft()
        if held.number and not queue:
            self._look_at = 0.0  # time for those of others
        with contextlib.suppress(OSError):  # at worst it is sent again, which is harmless
            segment.mark_done(held.entry)
        self._waiting[segment] -= 1
        if not self._waiting[segment]:
            self._discard(segment)
        elif not held.number and not (self._found and self._found[0].segment is segment):
            self._release(segment)  # the rest is for another endpoint

    def has_reached(self, number: int) -> bool:
        """Whether all of our own up to this number are settled."""
        return not self._own or self._own[0].number > number

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known to wait. Files that appear later are seen by `oldest`."""
        return not (self._own or self._found or self._candidates)

    # The end, and a fork.

    def close(self) -> None:
        """Leave what is there to the next process. Counts and sizes can still be read."""
        self.sync(at_once=True)
        self._is_closed = True
        self._close_files()

    def forget(self) -> None:
        """In a forked child: the files are the parent's; our copies of the descriptors must not hold them."""
        self._close_files()
        self._renew()

    def _close_files(self) -> None:
        for segment in list(self._waiting):
            with contextlib.suppress(OSError):
                segment.close()

    # Inside.

    def _prepare_folder(self) -> None:
        if self._is_ready:
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = self.folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise PermissionError(0, "it is not a folder of this user's own")
        if stat.S_IMODE(status.st_mode) != 0o700:
            self.folder.chmod(0o700)
        self._is_ready = True
        self._look()

    def _segment_for(self, size: int) -> Segment:
        current = self._current
        if current is not None and current.size + size > self._file_bytes:
            self.sync(at_once=True)
            current = None
        if current is None:
            current = Segment.create(self.folder)
            self._waiting[current] = 0
            self._current = current
        return current

    def _has_room(self, size: int) -> bool:
        if size > self._limit_bytes:
            return False
        while self.bytes + size > self._limit_bytes:
            if not self._give_up_oldest():
                self._refuse(OSError(errno.ENOSPC, "other processes have taken all of the limit"))
                return False
        return True

    def _give_up_oldest(self) -> bool:
        """Remove the oldest file that is ours or nobody's."""
        by_path = {segment.path: segment for segment in self._waiting}
        self._look()
        for path in self._files():
            segment = by_path.get(path)
            if segment is not None:
                for held in (*self._own, *self._found):
                    if held.segment is segment:
                        self._lose(held, "spool_full")
                self._own = deque(held for held in self._own if held.segment is not segment)
                self._found = deque(held for held in self._found if held.segment is not segment)
            elif (segment := self._take_over(path)) is not None:
                for entry in self._entries_of(segment):
                    self.claimed += entry.count
                    self._lose(Held(segment, entry), "spool_full")
            if segment is not None:
                self._discard(segment)
                return True
        return False

    def _find(self) -> None:
        """Take over a file of a process that is gone, if there is one."""
        if not self._candidates and self._clock() >= self._look_at:
            self._look()
        while self._candidates and not self._found:
            self._claim(self._candidates.popleft())

    def _look(self) -> None:
        """See what is in the folder."""
        self._look_at = self._clock() + _LOOK_EVERY_S
        own = {segment.path for segment in self._waiting}
        total = 0
        files = list(self._files())
        for path in files:
            with contextlib.suppress(OSError):  # it has just been sent by its owner
                total += path.stat().st_size
        self.bytes = total
        self._candidates = deque(path for path in files if path not in own)
        for path in self._files(UNBORN):
            if (segment := self._take_over(path)) is not None:  # its maker died in the middle of making it
                self._discard(segment)

    def _files(self, suffix: str = SUFFIX) -> Iterator[Path]:
        """By age, as their names tell it."""
        try:
            return iter(sorted(path for path in self.folder.iterdir() if path.suffix == suffix))
        except OSError:
            return iter(())

    def _claim(self, path: Path) -> None:
        """Take over a file and what is in it for our endpoint."""
        segment = self._take_over(path)
        if segment is None:
            return
        entries = self._entries_of(segment)
        ours = [entry for entry in entries if entry.endpoint == self._endpoint]
        self._waiting[segment] = len(entries)
        self.claimed += sum(entry.count for entry in ours)
        self._found.extend(Held(segment, entry) for entry in ours)
        if not entries:
            self._discard(segment)
        elif not ours:
            self._release(segment)

    def _take_over(self, path: Path) -> Segment | None:
        try:
            return Segment.claim(path)
        except OSError:
            return None

    def _entries_of(self, segment: Segment) -> list[Entry]:
        """What waits in a file that was taken over; what is damaged in it is lost."""
        try:
            found = segment.scan()
        except OSError:
            return []
        if found.damaged:
            self.claimed += found.lost_count
            self.lost.append(Lost("traces", found.lost_count, "spool_damaged", is_own=False))
        return [entry for entry in found.entries if not entry.is_done]

    def _lose(self, held: Held, reason: str) -> None:
        entry = held.entry
        self.lost.append(Lost(entry.counted_as, entry.count, reason, is_own=bool(held.number)))

    def _discard(self, segment: Segment) -> None:
        self.bytes = max(0, self.bytes - segment.size)
        self._let_go(segment)
        with contextlib.suppress(OSError):
            segment.remove()

    def _release(self, segment: Segment) -> None:
        self._let_go(segment)
        with contextlib.suppress(OSError):
            segment.close()

    def _let_go(self, segment: Segment) -> None:
        self._waiting.pop(segment, None)
        if self._current is segment:
            self._current = None

    def _refuse(self, error: OSError) -> None:
        self.failures += 1
        self._refrain_until = self._clock() + _REFRAIN_S
        self.trouble = f"{self.folder} cannot be written: {error.strerror or type(error).__name__}"
