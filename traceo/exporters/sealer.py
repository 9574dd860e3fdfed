"""Making a sealed package: for whom, signed by whom, and bare or inside a carrier.

A *carrier* is an OTLP log record whose body is a sealed batch. Any OpenTelemetry Collector passes it on as it
would pass any log; the Traceo collector behind it takes the batch out and stores each batch once, by its id.
"""

import time
from collections.abc import Sequence
from typing import Final

import msgspec

from traceo.exporters.compression import compress
from traceo.exporters.otlp import encode_logs
from traceo.exporters.outcome import Package, Signal
from traceo.records import LogRecord, ResourceRecord, ScopeRecord
from traceo.sealing.batch import CONTENT_TYPE, BatchHeader, seal_batch
from traceo.sealing.hpke import RecipientKey
from traceo.sealing.recipients import KeySetFile
from traceo.sealing.signature import SIGNED_CONTENT_TYPE, SenderKey
from traceo.semconv import TRACEO_CARRIER

__all__ = ["JSON", "PROTOBUF", "Sealer"]

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

_RESOURCE: Final = ResourceRecord({})
_SCOPE: Final = ScopeRecord(TRACEO_CARRIER)


class Sealer:
    """Seals what one endpoint gets. `files` are the key sets besides the collector's; one thread uses it."""

    def __init__(self, files: Sequence[KeySetFile] = (), *, tenant: str = "", sender_key: str = "") -> None:
        self._files = files
        self._tenant = tenant
        self._sender_key = sender_key
        self._sender: SenderKey | None = None

    def package(
        self, signal: Signal, payload: bytes, batch_id: bytes, collector: RecipientKey | None
    ) -> Package:
        """`payload` compressed and sealed to the key sets in files, and to the `collector` if there is one.

        Raises `TraceoError` when that cannot be done now, saying what to do.
        """
        recipients = [collector] if collector is not None else []
        if signal != "keys" or collector is None:
            # The key table must not depend on who may read batches: its rows are for the collector alone.
            recipients += [file.recipient() for file in self._files]
        header = BatchHeader(
            content_type=JSON if signal == "keys" else PROTOBUF,
            # A Traceo collector opens both; the announcement only matters for what is not inside a seal.
            content_encoding="zstd",
            batch_id=batch_id,
            tenant=self._tenant,
            signal=signal,
            timestamp_ns=time.time_ns(),
        )
        sender = self._signer()
        body = seal_batch(compress(payload, "zstd"), recipients=recipients, header=header, sender=sender)
        return Package(
            signal=signal,
            body=body,
            content_type=CONTENT_TYPE if sender is None else SIGNED_CONTENT_TYPE,
            content_encoding="",
            raw_bytes=len(payload),
            batch_id=batch_id,
            sealed_to=recipients[0].kid,
        )

    def carrier(self, signal: Signal, payload: bytes, batch_id: bytes) -> Package:
        """The same, sealed to the key sets in files alone, inside a log record. Goes to ``/v1/logs``."""
        sealed = self.package(signal, payload, batch_id, None)
        now_ns = time.time_ns()
        record = LogRecord(
            resource=_RESOURCE,
            scope=_SCOPE,
            time_ns=now_ns,
            observed_ns=now_ns,
            event_name=TRACEO_CARRIER,
            body=sealed.body,
        )
        return msgspec.structs.replace(
            sealed, signal="logs", body=encode_logs([record]), content_type=PROTOBUF
        )

    def _signer(self) -> SenderKey | None:
        if self._sender_key and self._sender is None:
            self._sender = SenderKey.load(self._sender_key)
        return self._sender
