"""The store as the rest of the collector sees it: accept a batch, look at a snapshot."""

import asyncio
import contextlib
import os
from pathlib import Path

from traceo.collector import journal
from traceo.collector.batch import Batch, Decoded, Signal
from traceo.collector.settings import Settings
from traceo.collector.store.catalog import SqliteCatalog
from traceo.collector.store.disk import make_folder
from traceo.collector.store.protocols import MetricUse, Operation, Segment
from traceo.collector.store.segments import ParquetSegments
from traceo.collector.store.wal import FileLog
from traceo.collector.store.writer import Reader, Snapshot, Writer
from traceo.errors import StoreError

__all__ = ["OverloadedError", "Store"]

_PATIENCE_S = 2.0  # under overload a reader gets a page that lags rather than an error


class OverloadedError(StoreError):
    """More waits than is allowed, or the disk refuses; the sender should come back in a second."""


class Store:
    """Log, catalog, segments and the writer, in one data folder.

    ``accept`` belongs to the event loop's thread; everything else may be called from any.
    """

    def __init__(self, settings: Settings, *, reader: Reader) -> None:
        """Open what ``settings.data`` holds and replay the log.

        Raises:
            StoreError: the folder's content cannot be used.
        """
        self._settings = settings
        self._aside = make_folder(settings.data / "unreadable")
        self._log = FileLog(make_folder(settings.data / "wal"), file_bytes=settings.wal_file_bytes)
        self._catalog = SqliteCatalog(settings.data / "catalog.sqlite")
        self.folder = make_folder(settings.data / "segments")
        self._files = ParquetSegments(self.folder)
        self._writer = Writer(
            settings,
            log=self._log,
            catalog=self._catalog,
            segments=self._files,
            reader=reader,
            set_aside=self._set_aside,
        )
        self.replayed = self._writer.recover()
        if self._log.cut_bytes:
            journal.warning("torn log tail cut", bytes=self._log.cut_bytes)
        if self._log.damaged:
            journal.error("log records damaged and skipped", records=self._log.damaged)
        self._writer.start()
        self._log.start(after=self._writer.applied, sink=self._writer.put)
        self._in_flight: dict[bytes, asyncio.Future[None]] = {}
        self._taken_bytes = 0
        self.batches = 0
        self.duplicates = 0
        self.write_failure = ""

    async def accept(self, batch: Batch, decoded: Decoded) -> bool:
        """Make a batch durable; return False when its id was accepted before and nothing was stored.

        Raises:
            OverloadedError: nothing was stored; the sender should retry.
        """
        if batch.batch_id and await self._known(batch.batch_id):
            self.duplicates += 1
            return False
        if self._writer.failure:
            raise OverloadedError("the collector cannot store any more; restart it")
        if (
            self._taken_bytes - self._writer.applied_bytes > self._settings.pending_bytes
            or self._writer.overfull
        ):
            raise OverloadedError("too much waits to be written")
        loop = asyncio.get_running_loop()
        durable: asyncio.Future[None] = loop.create_future()
        if batch.batch_id:
            self._in_flight[batch.batch_id] = durable
            durable.add_done_callback(lambda _: self._in_flight.pop(batch.batch_id, None))
        self._taken_bytes += decoded.size
        try:
            self._log.append(batch, decoded, lambda error: _tell(loop, durable, error))
            # shielded: when the sender hangs up, the batch is still on its way to the disk
            await asyncio.shield(durable)
        except Exception as error:
            self._taken_bytes -= decoded.size
            self.write_failure = getattr(error, "strerror", None) or type(error).__name__
            journal.error("log write failed", cause=self.write_failure)
            raise OverloadedError("the batch could not be written to disk") from error
        self.batches += 1
        self.write_failure = ""
        return True

    @property
    def ailing(self) -> str:
        """Why nothing can be stored now; empty when all is well."""
        if self._writer.failure:
            return f"writer stopped: {self._writer.failure}"
        return f"disk: {self.write_failure}" if self.write_failure else ""

    async def _known(self, batch_id: bytes) -> bool:
        while (earlier := self._in_flight.get(batch_id)) is not None:
            await asyncio.wait([earlier])
            if not earlier.exception():
                return True
        return batch_id in self._writer.recent or self._catalog.knows_batch(batch_id)

    def snapshot(self) -> Snapshot:
        """Return a view that holds every batch answered before this call.

        When the writer is further behind than ``_PATIENCE_S``, what it has got to.
        """
        self.settle()
        return self._writer.snapshot()

    def operations(self, service: str | None = None) -> list[Operation]:
        """Counts by (service, name, kind); the same one may appear twice (segments, tail)."""
        self.settle()
        return self._writer.operations(service)

    def metrics(self, service: str | None = None) -> list[MetricUse]:
        """Metrics that have points; the same one may appear twice (segments, tail)."""
        self.settle()
        return self._writer.metrics(service)

    def settle(self) -> None:
        """Wait until every batch answered before this call is applied, at most ``_PATIENCE_S``."""
        self._writer.wait_for(self._log.committed, limit_s=_PATIENCE_S)

    def location(self, segment: Segment) -> Path:
        """Where a segment's file is."""
        return self._files.location(segment)

    def figures(self) -> dict[str, int]:
        """Counts for ``/api/traceo/status`` and ``/metrics``."""
        rows, segments = self._writer.stored()
        return {
            "spans": rows[Signal.TRACES],
            "logs": rows[Signal.LOGS],
            "metric_points": rows[Signal.METRICS],
            "batches": self.batches,
            "duplicates": self.duplicates,
            "replayed": self.replayed,
            "unreadable": self._writer.unreadable,
            "pending_bytes": self._taken_bytes - self._writer.applied_bytes,
            "wal_bytes": self._log.size,
            "wal_fsyncs": self._log.fsyncs,
            "wal_cut_bytes": self._log.cut_bytes,
            "wal_damaged": self._log.damaged,
            "segments": len(segments),
            "segment_bytes": sum(segment.size for segment in segments),
            "rolls": self._writer.rolls,
        }

    def close(self) -> None:
        """Make all accepted batches durable and stop; the tail is replayed from the log at the next start."""
        self._log.close()
        self._writer.close()
        self._catalog.close()

    def _set_aside(self, sequence: int, batch: Batch) -> None:
        name = f"{sequence:020}-{batch.signal.name}-{batch.media.name}-{batch.encoding.name}".lower()
        with os.fdopen(
            os.open(self._aside / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"
        ) as file:
            file.write(batch.body)
            file.flush()
            os.fsync(file.fileno())


def _tell(
    loop: asyncio.AbstractEventLoop, durable: "asyncio.Future[None]", error: BaseException | None
) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits for the answer any more
        loop.call_soon_threadsafe(_settle, durable, error)


def _settle(durable: "asyncio.Future[None]", error: BaseException | None) -> None:
    if durable.done():
        return
    if error is None:
        durable.set_result(None)
        return
    durable.set_exception(error)
