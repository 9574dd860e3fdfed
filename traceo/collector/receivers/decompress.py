"""Decompression that stops at a bound, before the memory is taken."""

import zlib

from backports import zstd

from traceo.collector.batch import Encoding
from traceo.errors import EncodeError

__all__ = ["TooLargeError", "decompress", "encoding_named"]

_NAMES = {
    "": Encoding.IDENTITY,
    "identity": Encoding.IDENTITY,
    "gzip": Encoding.GZIP,
    "x-gzip": Encoding.GZIP,
    "zstd": Encoding.ZSTD,
}
_WINDOW_LOG_MAX = 27  # 128 MiB: what zstd's own tools accept without being told
_GZIP = 16 + zlib.MAX_WBITS


class TooLargeError(EncodeError):
    """A body would grow over the bound."""


def encoding_named(name: str) -> Encoding | None:
    """Look up a content coding (RFC 9110, 8.4.1); None when it is not one we read."""
    return _NAMES.get(name.strip().lower())


def decompress(data: bytes, encoding: Encoding, *, limit: int) -> bytes:
    """Return the plain bytes.

    Raises:
        TooLargeError: they would be more than ``limit``.
        EncodeError: the data is damaged, cut short, or followed by something else.
    """
    if encoding is Encoding.IDENTITY:
        if len(data) > limit:
            raise TooLargeError(f"the message is larger than {limit} bytes")
        return data
    unpack = _gunzip if encoding is Encoding.GZIP else _unzstd
    try:
        return unpack(data, limit)
    except (zlib.error, zstd.ZstdError, EOFError, MemoryError) as error:
        raise EncodeError(f"the body is not valid {encoding.name.lower()} data") from error


def _gunzip(data: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    while data:  # RFC 1952 allows several members
        member = zlib.decompressobj(_GZIP)
        part = member.decompress(data, left + 1)
        if len(part) > left:
            raise TooLargeError(f"the decompressed message is larger than {limit} bytes")
        if not member.eof:
            raise EOFError
        parts.append(part)
        left -= len(part)
        data = member.unused_data
    if not parts:
        raise EOFError
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _unzstd(data: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    while data:  # RFC 8878 allows several frames
        frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX})
        part = frame.decompress(data, left + 1)
        if len(part) > left:
            raise TooLargeError(f"the decompressed message is larger than {limit} bytes")
        if not frame.eof:
            raise EOFError
        parts.append(part)
        left -= len(part)
        data = frame.unused_data
    if not parts:
        raise EOFError
    return parts[0] if len(parts) == 1 else b"".join(parts)
