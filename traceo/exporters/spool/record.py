"""The format of a spool file: records one after the other, each of which can be found without the others.

=======  ========================================================================
bytes    content, integers little-endian
=======  ========================================================================
4        ``F5 54 53 31``: a record starts here
1        state: ``FF`` waiting; ``00`` delivered. Not covered by the checksums
1        signal the items count for: 1 traces, 2 logs, 3 metrics, 4 keys
1        signal it is sent as (a carrier goes with the logs)
1        length of the content type
4        number of items in the batch
4        size of the OTLP message before compression
4        length of the body
8        which endpoint it is for: the start of SHA-256 over its URL
16       batch id
16       id of the key that it is sealed to
4        CRC-32 of everything above but the state
n        content type
m        body: a sealed batch
4        CRC-32 of content type and body
=======  ========================================================================

A damaged head is passed over by looking for the next start; a damaged body costs that record; a record that
runs past the end of the file was being written when its process died.
"""

import struct
import zlib
from collections.abc import Callable
from typing import Final

import msgspec

from traceo.exporters.outcome import Package, Signal

__all__ = ["DONE", "STATE_AT", "Entry", "Found", "encode", "read", "scan"]

STATE_AT: Final = 4
"""Where the state stands in a record."""
DONE: Final = b"\x00"

_START: Final = b"\xf5TS1"
_HEAD: Final = struct.Struct("<4sBBBBIII8s16s16s")
_CRC: Final = struct.Struct("<I")
_HEAD_BYTES: Final = _HEAD.size + _CRC.size
_SIGNALS: Final[tuple[Signal, ...]] = ("traces", "logs", "metrics", "keys")
_WINDOW: Final = 64 * 1024
_WAITING: Final = 0xFF

ReadAt = Callable[[int, int], bytes]
"""(offset, at most so many bytes) → what is there."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Where a record is, and what can be told without its body."""

    offset: int
    length: int
    counted_as: Signal
    count: int
    endpoint: bytes
    is_done: bool = False


class Found(msgspec.Struct, frozen=True):
    """What `scan` found: the whole records, and how many stretches between or behind them are not."""

    entries: list[Entry]
    damaged: int
    lost_count: int
    """Items of the records that run past the end, as far as their heads say it."""


def encode(package: Package, *, counted_as: Signal, count: int, endpoint: bytes) -> bytes:
    """A waiting record. `endpoint` is 8 bytes."""
    content_type = package.content_type.encode("ascii")
    head = _HEAD.pack(
        _START,
        _WAITING,
        _SIGNALS.index(counted_as) + 1,
        _SIGNALS.index(package.signal) + 1,
        len(content_type),
        count,
        package.raw_bytes,
        len(package.body),
        endpoint,
        package.batch_id,
        package.sealed_to,
    )
    return b"".join(
        (
            head,
            _CRC.pack(_head_crc(head)),
            content_type,
            package.body,
            _CRC.pack(zlib.crc32(package.body, zlib.crc32(content_type))),
        )
    )


def scan(read_at: ReadAt, size: int) -> Found:
    """Every record whose head is whole and that fits into the file of `size` bytes. Reads heads only."""
    entries: list[Entry] = []
    at = damaged = lost_count = 0
    while at < size:
        entry = _head_at(read_at(at, _HEAD_BYTES), at)
        if entry is not None and at + entry.length <= size:
            entries.append(entry)
            at += entry.length
            continue
        damaged += 1
        lost_count += entry.count if entry is not None else 0
        at = _next_start(read_at, at + 1, size)
    return Found(entries, damaged, lost_count)


def read(data: bytes) -> Package | None:
    """The package in one record's bytes; None when they are damaged."""
    if len(data) < _HEAD_BYTES or _CRC.unpack_from(data, _HEAD.size)[0] != _head_crc(data[: _HEAD.size]):
        return None
    _, _, _, sent_as, type_bytes, _, raw_bytes, size, _, batch_id, kid = _HEAD.unpack_from(data)
    body_at = _HEAD_BYTES + type_bytes
    if len(data) != body_at + size + _CRC.size:
        return None
    if _CRC.unpack_from(data, body_at + size)[0] != zlib.crc32(
        memoryview(data)[_HEAD_BYTES : body_at + size]
    ):
        return None
    try:
        content_type = data[_HEAD_BYTES:body_at].decode("ascii")
        signal = _SIGNALS[int(sent_as) - 1]
    except (UnicodeDecodeError, IndexError):
        return None
    return Package(
        signal=signal,
        body=data[body_at : body_at + size],
        content_type=content_type,
        content_encoding="",
        raw_bytes=raw_bytes,
        batch_id=batch_id,
        sealed_to=kid,
    )


def _head_crc(head: bytes) -> int:
    return zlib.crc32(head[STATE_AT + 1 :], zlib.crc32(head[:STATE_AT]))


def _head_at(head: bytes, at: int) -> Entry | None:
    if len(head) < _HEAD_BYTES or not head.startswith(_START):
        return None
    if _CRC.unpack_from(head, _HEAD.size)[0] != _head_crc(head[: _HEAD.size]):
        return None
    _, state, counted_as, _, type_bytes, count, _, size, endpoint, _, _ = _HEAD.unpack_from(head)
    if not 1 <= counted_as <= len(_SIGNALS):
        return None
    return Entry(
        offset=at,
        length=_HEAD_BYTES + type_bytes + size + _CRC.size,
        counted_as=_SIGNALS[int(counted_as) - 1],
        count=count,
        endpoint=endpoint,
        is_done=state == DONE[0],
    )


def _next_start(read_at: ReadAt, at: int, size: int) -> int:
    """Where the next whole head is, from `at` on; `size` when there is none."""
    while at < size:
        window = read_at(at, _WINDOW)
        if not window:  # it has become shorter
            return size
        found = window.find(_START)
        if found < 0:
            # The start may be cut by the window's end.
            at += max(1, len(window) - len(_START) + 1)
        elif _head_at(read_at(at + found, _HEAD_BYTES), at + found) is not None:
            return at + found
        else:
            at += found + 1
    return size
