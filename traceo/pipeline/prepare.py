"""What happens to items between the queue and the backlog: snapshot, redact, encode.

`prepare` is where a record meets the encoder, and it hands the encoder nothing that did not come out of the
scrubber.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from traceo.exporters.outcome import Outcome, Package, Signal
from traceo.native import pause
from traceo.pipeline.backlog import Batch
from traceo.pipeline.collection import MetricParts
from traceo.pipeline.health import KEYS
from traceo.pipeline.marking import mark
from traceo.pipeline.queue import LOGS, SPANS, signal_of
from traceo.pipeline.scrub import Scrubber
from traceo.pipeline.shedding import ERROR_STATUS, Shed, identify
from traceo.records import LogRecord, SpanRecord
from traceo.sealing.keyring import WrappedKey, encode_rows

if TYPE_CHECKING:  # it needs file locks, which not every platform has
    from traceo.exporters.spool.folder import Spool

__all__ = ["Parts", "Prepared", "Route", "Watch", "prepare"]

_LARGE_BYTES = 4 * 1024 * 1024  # collectors commonly refuse more than that before decompression
_YIELD_EVERY = 16

_Record = TypeVar("_Record", SpanRecord, LogRecord)
Drop = Callable[[str, str, int], None]
Dropped = Callable[[str], Mapping[str, int]]
Watch = Callable[[Sequence[SpanRecord], Sequence[LogRecord], str], object]


class Route(Protocol):
    """Where batches go: ``exporters.destination.Destination``, or memory in a test. None of it raises."""

    def package(self, signal: Signal, payload: bytes, batch_id: bytes) -> Package | Outcome:
        """Compress and seal; an outcome when the endpoint is not known well enough for that."""
        ...

    def seal(self, signal: Signal, payload: bytes, batch_id: bytes) -> Package | None:
        """The same for the disk, without asking anybody: None unless it can be sealed with what is known."""
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
    metrics: MetricParts | None = None
    """What metrics pass through; ``None`` when none are sent."""
    route: Route
    spool: "Spool | None" = None
    """Where sealed batches wait on disk while they cannot be delivered."""
    report: Callable[[], dict[str, int]]
    """Redactions so far, by rule."""
    report_by_key: Callable[[], dict[str, int]] = dict
    """The same by attribute key."""
    before_batch: Callable[[], object] | None = None
    """Told that another batch begins: the deep tier has a budget for each."""
    notes: Callable[[], Sequence[str]] = tuple
    """What `traceo.status` should say about redaction."""
    wrapped_keys: Callable[[], Sequence[WrappedKey]] = tuple
    """The keys of what was sealed since the last call: they go before it."""
    watch: Watch | None = None
    """The console: sees scrubbed records after delivery was tried, with the reason while it never worked."""


class Prepared(msgspec.Struct, frozen=True):
    """The scrubbed records and the batches made of them."""

    spans: list[SpanRecord]
    logs: list[LogRecord]
    batches: list[Batch]


def prepare(
    items: Sequence[object],
    parts: Parts,
    drop: Drop,
    *,
    shed: Shed | None = None,
    dropped: Dropped | None = None,
    halt: Sequence[Callable[[], object]] = (),
) -> Prepared:
    """Turn ended spans and log records into batches; what fails is dropped alone and counted by ``drop``.

    Traces that ``shed`` gives up are left out. What ``dropped`` says of a signal goes with its resource. Once
    there is something in ``halt``, it is called before the next item.
    """
    spans: list[SpanRecord] = []
    logs: list[LogRecord] = []
    if parts.before_batch is not None:
        parts.before_batch()
    snapshot, scrub_span, scrub_log = parts.snapshot, parts.scrubber.span, parts.scrubber.log
    sheds = shed.sheds if shed is not None and shed.is_active else _sheds_nothing
    spare = shed.spare if shed is not None else _sheds_nothing
    for index, item in enumerate(items):
        if not index % _YIELD_EVERY:
            pause(0)  # hand the interpreter over: the application must not wait for a whole batch
        if halt:
            halt[0]()
        try:
            if type(item) is LogRecord:
                trace_id, is_error = identify(item)
                if is_error:
                    spare(trace_id)
                elif sheds(trace_id):
                    drop(LOGS, "queue_full", 1)
                    continue
                logs.append(scrub_log(item))
                continue
            span = snapshot(item)
            if span.status_code == ERROR_STATUS:
                spare(span.trace_id)
            elif sheds(span.trace_id):
                drop(SPANS, "queue_full", 1)
                continue
            spans.append(scrub_span(span))
        except Exception:  # fail closed: what could not be scrubbed does not leave
            drop(signal_of(item), "redaction_error", 1)
    if dropped is not None:
        mark(spans, dropped(SPANS))
        mark(logs, dropped(LOGS))
    batches = _encode(SPANS, spans, parts.encode_traces, parts.left_out, drop)
    batches += _encode(LOGS, logs, parts.encode_logs, parts.left_out, drop)
    return Prepared(spans, logs, _key_batches(parts) + batches)


def _key_batches(parts: Parts) -> list[Batch]:
    """The collector must have a key before what is sealed under it: then nothing is sealed for ever."""
    rows = parts.wrapped_keys()
    return [Batch(KEYS, encode_rows(rows), len(rows))] if rows else []


def _sheds_nothing(_trace_id: int) -> bool:
    return False


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
