"""A write-ahead log file: a magic line and records, in the order of their sequence numbers.

A record is a fixed head (CRC-32 of all that follows, body length, sequence number, arrival, what the body
is, batch id) and the body as received.
"""

import struct
import zlib
from collections.abc import Iterator

from traceo.collector.batch import Batch, Encoding, Media, Signal
from traceo.errors import StoreError

__all__ = ["MAGIC", "LogFile", "record"]

MAGIC = b"traceo wal 1\n"
_HEAD = struct.Struct(
    "<IIQQBBBx16s"
)  # crc, body length, sequence, received_ns, signal, media, encoding, batch id
_CRC_BYTES = 4
_NO_ID = bytes(16)


def record(sequence: int, batch: Batch) -> tuple[bytes, bytes]:
    """A record's head and body."""
    head = _HEAD.pack(
        0,
        len(batch.body),
        sequence,
        batch.received_ns,
        batch.signal,
        batch.media,
        batch.encoding,
        batch.batch_id or _NO_ID,
    )[_CRC_BYTES:]
    crc = zlib.crc32(batch.body, zlib.crc32(head))
    return crc.to_bytes(_CRC_BYTES, "little") + head, batch.body


class LogFile:
    """The content of one file; iterate over (sequence number, batch), then see what else was found.

    ``end`` is the offset behind the last whole record: what follows is a torn tail, never answered.
    ``last`` is the last sequence number (0 when there is none), ``damaged`` counts records in the middle
    whose bytes have changed.
    """

    def __init__(self, data: bytes) -> None:
        """Begin to read.

        Raises:
            StoreError: it is a log file of another format, or none.
        """
        if not data.startswith(MAGIC) and not MAGIC.startswith(data):
            raise StoreError("is not a log file of this version")
        self._data = data
        self.end = min(len(data), len(MAGIC))
        self.last = 0
        self.damaged = 0

    def __iter__(self) -> Iterator[tuple[int, Batch]]:
        while (stop := self._stop(self.end)) is not None:
            if self._is_whole(self.end, stop):
                self.last, batch = self._batch(self.end, stop)
                self.end = stop
                yield self.last, batch
                continue
            following = self._stop(stop)
            if following is None or not self._is_whole(stop, following):
                return
            # a whole record comes after it: this one was written and has changed since
            self.damaged += 1
            self.end = stop

    def _stop(self, at: int) -> int | None:
        """Where the record at ``at`` claims to end; None when that is not in the file."""
        if at + _HEAD.size > len(self._data):
            return None
        stop = at + _HEAD.size + int.from_bytes(self._data[at + _CRC_BYTES : at + 2 * _CRC_BYTES], "little")
        return stop if stop <= len(self._data) else None

    def _is_whole(self, at: int, stop: int) -> bool:
        crc = int.from_bytes(self._data[at : at + _CRC_BYTES], "little")
        return zlib.crc32(memoryview(self._data)[at + _CRC_BYTES : stop]) == crc

    def _batch(self, at: int, stop: int) -> tuple[int, Batch]:
        _, _, sequence, received_ns, signal, media, encoding, batch_id = _HEAD.unpack_from(self._data, at)
        return sequence, Batch(
            Signal(signal),
            Media(media),
            Encoding(encoding),
            received_ns,
            self._data[at + _HEAD.size : stop],
            b"" if batch_id == _NO_ID else batch_id,
        )
