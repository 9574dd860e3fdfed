"""A batch as it came over the wire: what the write-ahead log keeps."""

import enum

import msgspec

__all__ = ["Batch", "Decoded", "Encoding", "Media", "Signal"]


class Signal(enum.IntEnum):
    """Which OTLP service a batch is for; the number is written to disk."""

    TRACES = 1
    LOGS = 2
    METRICS = 3


class Media(enum.IntEnum):
    """How a body is written; the number is written to disk."""

    PROTOBUF = 1
    JSON = 2
    COSE = 3  # a sealed batch (RFC 9052), stored sealed


class Encoding(enum.IntEnum):
    """How a body is compressed; the number is written to disk."""

    IDENTITY = 0
    GZIP = 1
    ZSTD = 2


class Batch(msgspec.Struct, frozen=True):
    """One request's body, untouched. ``batch_id`` is 16 bytes of a sealed batch, empty for a plain one."""

    signal: Signal
    media: Media
    encoding: Encoding
    received_ns: int
    body: bytes
    batch_id: bytes = b""


class Decoded(msgspec.Struct, frozen=True):
    """What a batch holds: an OTLP request message, its id (empty for a plain one), its size decompressed."""

    request: object
    batch_id: bytes
    size: int
