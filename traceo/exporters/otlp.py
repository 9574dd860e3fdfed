"""OTLP protobuf, written by hand: records in, the bytes of an export request out.

The wire format is opentelemetry-proto's ``ExportTraceServiceRequest`` and ``ExportLogsServiceRequest``
(OTLP 1.x), fields in number order, so the bytes equal those of the protobuf library. Nothing here raises:
a value that OTLP cannot carry is replaced by ``UNENCODABLE`` and counted in ``encode_failures()``; lone
surrogates become U+FFFD and are counted too. An int beyond 64 bits travels as its decimal digits
(OpenTelemetry's attribute type mapping).

``otlp.pyx`` beside this file is its compiled twin, byte for byte; see ``traceo._compiled``.
"""

from collections.abc import Sequence

from traceo.exporters.wire import (
    MAX_DEPTH,
    TRACE_ID_MASK,
    UNENCODABLE,
    WORD_MASK,
    any_value,
    attributes,
    field,
    fixed32,
    losses,
    number,
    request,
    text,
    time,
    two_fixed64,
)
from traceo.records import EventRecord, LinkRecord, LogRecord, SpanRecord

__all__ = [
    "MAX_DEPTH",
    "UNENCODABLE",
    "encode_failures",
    "encode_logs",
    "encode_traces",
    "records_left_out",
]


def encode_traces(spans: Sequence[SpanRecord]) -> bytes:
    """``spans`` as an ExportTraceServiceRequest, grouped by identity of resource and scope."""
    return request(spans, _span)


def encode_logs(logs: Sequence[LogRecord]) -> bytes:
    """``logs`` as an ExportLogsServiceRequest, grouped like spans."""
    return request(logs, _log)


def encode_failures() -> int:
    """How many values were replaced since the process started."""
    return losses.values


def records_left_out() -> int:
    """How many spans, log records and data points could not be encoded at all, since the process started."""
    return losses.records


def _span(span: SpanRecord) -> bytes:
    parts = [
        b"\x0a\x10",
        (span.trace_id & TRACE_ID_MASK).to_bytes(16, "big"),
        b"\x12\x08",
        (span.span_id & WORD_MASK).to_bytes(8, "big"),
    ]
    add = parts.append
    if span.trace_state:
        add(text(0x1A, span.trace_state))
    if span.parent_span_id:
        add(b"\x22\x08" + (span.parent_span_id & WORD_MASK).to_bytes(8, "big"))
    add(text(0x2A, span.name))
    add(number(0x30, span.kind))
    if span.start_ns and span.end_ns:
        add(two_fixed64(0x39, span.start_ns & WORD_MASK, 0x41, span.end_ns & WORD_MASK))
    else:
        add(time(0x39, span.start_ns) + time(0x41, span.end_ns))
    if span.attributes:
        add(attributes(0x4A, span.attributes))
    if span.dropped_attributes:
        add(number(0x50, span.dropped_attributes))
    for event in span.events:
        add(field(0x5A, _event(event)))
    if span.dropped_events:
        add(number(0x60, span.dropped_events))
    for link in span.links:
        add(field(0x6A, _link(link)))
    if span.dropped_links:
        add(number(0x70, span.dropped_links))
    if span.status_code or span.status_message:
        add(field(0x7A, text(0x12, span.status_message) + number(0x18, span.status_code)))
    else:
        add(b"\x7a\x00")
    if span.flags:
        add(b"\x85\x01" + fixed32(span.flags & 0xFFFF_FFFF))
    return b"".join(parts)


def _event(event: EventRecord) -> bytes:
    return b"".join(
        (
            time(0x09, event.time_ns),
            text(0x12, event.name),
            attributes(0x1A, event.attributes),
            number(0x20, event.dropped_attributes),
        )
    )


def _link(link: LinkRecord) -> bytes:
    return b"".join(
        (
            b"\x0a\x10",
            (link.trace_id & TRACE_ID_MASK).to_bytes(16, "big"),
            b"\x12\x08",
            (link.span_id & WORD_MASK).to_bytes(8, "big"),
            text(0x1A, link.trace_state),
            attributes(0x22, link.attributes),
            number(0x28, link.dropped_attributes),
            b"\x35" + fixed32(link.flags & 0xFFFF_FFFF) if link.flags else b"",
        )
    )


def _log(log: LogRecord) -> bytes:
    return b"".join(
        (
            time(0x09, log.time_ns),
            number(0x10, log.severity),
            text(0x1A, log.severity_text),
            b"" if log.body is None else field(0x2A, any_value(log.body, 0)),
            attributes(0x32, log.attributes),
            number(0x38, log.dropped_attributes),
            b"\x45" + fixed32(log.flags & 0xFFFF_FFFF) if log.flags else b"",
            b"\x4a\x10" + (log.trace_id & TRACE_ID_MASK).to_bytes(16, "big") if log.trace_id else b"",
            b"\x52\x08" + (log.span_id & WORD_MASK).to_bytes(8, "big") if log.span_id else b"",
            time(0x59, log.observed_ns),
            text(0x62, log.event_name),
        )
    )


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
