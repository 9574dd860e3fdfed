"""From a batch as received to a decoded request: open, decompress, parse, compare."""

from traceo.collector.batch import Batch, Decoded, Media, Signal
from traceo.collector.receivers.decompress import decompress, encoding_named
from traceo.collector.receivers.otlp import parse
from traceo.errors import EncodeError
from traceo.sealing import OpenedBatch, PrivateKeys, Senders, open_batch
from traceo.sealing.keyring import WrappedKey, decode_rows

__all__ = ["MismatchError", "Opener"]

_MEDIA = {"application/x-protobuf": Media.PROTOBUF, "application/json": Media.JSON}


class MismatchError(EncodeError):
    """A sealed batch's authenticated header contradicts where it was sent, or names what we do not read."""


class Opener:
    """Decodes batches, plain and sealed, within ``message_bytes`` of memory each.

    With ``senders``, a sealed batch that arrives must be signed by one of them.
    """

    def __init__(self, keys: PrivateKeys, *, message_bytes: int, senders: Senders | None = None) -> None:
        self._keys = keys
        self._message_bytes = message_bytes
        self._senders = senders

    def open(self, batch: Batch, *, stored: bool = False) -> Decoded:
        """Decode one batch; one that was ``stored`` has had its signature checked.

        Raises:
            OpenError: a sealed one that no key of ours opens, or without its sender's signature.
            MismatchError: a sealed one for another signal, or of a content we do not read.
            TooLargeError: more than ``message_bytes`` when decompressed.
            EncodeError: anything else that is not an OTLP request.
        """
        if batch.media is not Media.COSE:
            plain = decompress(batch.body, batch.encoding, limit=self._message_bytes)
            return Decoded(parse(plain, batch.signal, batch.media), b"", len(plain))
        opened = open_batch(self.sealed(batch), self._keys, senders=None if stored else self._senders)
        return self._open_sealed(opened, batch.signal)

    def sealed(self, batch: Batch) -> bytes:
        """The sealed batch in a body: a client may have compressed what is already sealed.

        Raises:
            TooLargeError, EncodeError: as ``open``.
        """
        return decompress(batch.body, batch.encoding, limit=self._message_bytes)

    def rows(self, sealed: bytes) -> list[WrappedKey]:
        """Rows for the key table.

        Raises:
            OpenError, MismatchError, TooLargeError, EncodeError: as ``open``.
        """
        opened = open_batch(sealed, self._keys, senders=self._senders)
        encoding = encoding_named(opened.header.content_encoding)
        if opened.header.signal != "keys" or encoding is None:
            raise MismatchError("the sealed batch does not hold keys")
        return decode_rows(decompress(opened.body, encoding, limit=self._message_bytes))

    def _open_sealed(self, opened: OpenedBatch, signal: Signal) -> Decoded:
        header = opened.header
        if header.signal != signal.name.lower():
            raise MismatchError(
                f"the sealed batch holds {header.signal} but was sent to /v1/{signal.name.lower()}"
            )
        media = _MEDIA.get(header.content_type)
        encoding = encoding_named(header.content_encoding)
        if media is None or encoding is None:
            raise MismatchError(
                "the sealed batch's header names a content type or encoding that is not supported"
            )
        plain = decompress(opened.body, encoding, limit=self._message_bytes)
        return Decoded(parse(plain, signal, media), header.batch_id, len(plain))
