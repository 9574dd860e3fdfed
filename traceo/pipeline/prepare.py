"""What happens to items between the queue and the backlog: snapshot, redact, encode.

`prepare` is where a record meets the encoder, and it hands the encoder nothing that did not come out of the
scrubber.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, cast

import msgspec

from traceo.exporters.outcome import Outcome, Package, Signal
from traceo.pipeline.backlog import Batch
from traceo.pipeline.native import pause
from traceo.pipeline.queue import LOGS, SPANS, signal_of
from traceo.pipeline.scrub import Scrubber
from traceo.records import LogRecord, SpanRecord

__all__ = ["Parts", "Prepared", "Route", "Watch", "prepare"]

_LARGE_BYTES = 4 * 1024 * 1024  # collectors commonly refuse more than that before decompression
_YIELD_EVERY = 16

_Record = TypeVar("_Record", SpanRecord, LogRecord)
Drop = Callable[[str, str, int], None]
Watch = Callable[[Sequence[SpanRecord], Sequence[LogRecord], str], object]


class Route(Protocol):
    """Where batches go: ``exporters.destination.Destination``, or memory in a test. None of it raises."""

    def package(self, signal: Signal, payload: bytes, batch_id: bytes) -> Package | Outcome:
        """Compress and seal; an outcome when the endpoint is not known well enough for that."""
        ...

    def send(self, package: Package) -> Outcome:
        """Try once."""
        ...

    def close(self) -> None:
        """End a send that another thread is in."""
        ...


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the pipeline thread works with."""

    snapshot: Callable[[object], SpanRecord]
    scrubber: Scrubber
    encode_traces: Callable[[Sequence[SpanRecord]], bytes]
    encode_logs: Callable[[Sequence[LogRecord]], bytes]
    left_out: Callable[[], int]
    """How many records the encoder has left out so far."""
    route: Route
    report: Callable[[], dict[str, int]]
    """Redactions so far, by rule."""
    report_by_key: Callable[[], dict[str, int]] = dict
    """The same by attribute key."""
    before_batch: Callable[[], object] | None = None
    """Told that another batch begins: the deep tier has a budget for each."""
    notes: Callable[[], Sequence[str]] = tuple
    """What `traceo.status` should say about redaction."""
    watch: Watch | None = None
    """The console: sees scrubbed records after delivery was tried, with the reason while it never worked."""


class Prepared(msgspec.Struct, frozen=True):
    """The scrubbed records and the batches made of them."""

    spans: list[SpanRecord]
    logs: list[LogRecord]
    batches: list[Batch]


def prepare(items: Sequence[object], parts: Parts, drop: Drop) -> Prepared:
    """Turn ended spans and log records into batches; what fails is dropped alone and counted by ``drop``."""
    spans: list[SpanRecord] = []
    logs: list[LogRecord] = []
    if parts.before_batch is not None:
        parts.before_batch()
    snapshot, scrub_span, scrub_log = parts.snapshot, parts.scrubber.span, parts.scrubber.log
    for index, item in enumerate(items):
        if not index % _YIELD_EVERY:
            pause(0)  # hand the interpreter over: the application must not wait for a whole batch
        try:
            if item.__class__ is LogRecord:
                logs.append(scrub_log(cast("LogRecord", item)))
            else:
                spans.append(scrub_span(snapshot(item)))
        except Exception:  # fail closed: what could not be scrubbed does not leave
            drop(signal_of(item), "redaction_error", 1)
    batches = _encode(SPANS, spans, parts.encode_traces, parts.left_out, drop)
    batches += _encode(LOGS, logs, parts.encode_logs, parts.left_out, drop)
    return Prepared(spans, logs, batches)


def _encode(
    signal: Signal,
    records: list[_Record],
    encode: Callable[[Sequence[_Record]], bytes],
    left_out: Callable[[], int],
    drop: Drop,
) -> list[Batch]:
    """One batch, or several if it came out too large; none if nothing could be encoded."""
    if not records:
        return []
    before = left_out()
    try:
        payload = encode(records)
    except Exception:
        drop(signal, "encode_error", len(records))
        return []
    if len(payload) <= _LARGE_BYTES or len(records) == 1:
        lost = min(left_out() - before, len(records))
        if lost:
            drop(signal, "encode_error", lost)
        encoded = len(records) - lost
        return [Batch(signal, payload, encoded)] if encoded else []
    half = len(records) // 2
    first = _encode(signal, records[:half], encode, left_out, drop)
    return first + _encode(signal, records[half:], encode, left_out, drop)
