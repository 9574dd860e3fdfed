"""Metrics as OTLP protobuf: records in, the bytes of an ExportMetricsServiceRequest out.

Like ``otlp``, whose pieces it shares: fields in number order, nothing raises, a point that cannot be encoded
is left out alone and counted in ``otlp.records_left_out()``. An int beyond 64 bits travels as a double.

``otlp_metrics.pyx`` beside this file is its compiled twin, byte for byte; see ``traceo._compiled``.
"""

from collections.abc import Callable, Sequence
from typing import Any

from traceo.exporters.wire import (
    TRACE_ID_MASK,
    WORD_MASK,
    attributes,
    double,
    field,
    fixed64,
    losses,
    number,
    request,
    text,
    time,
    varint,
)
from traceo.records import ExemplarRecord, ExponentialPoint, HistogramPoint, MetricRecord, NumberPoint

__all__ = ["encode_metrics"]

_GAUGE, _SUM, _HISTOGRAM, _EXPONENTIAL = 0x2A, 0x3A, 0x4A, 0x52


def encode_metrics(metrics: Sequence[MetricRecord]) -> bytes:
    """``metrics`` as an ExportMetricsServiceRequest, grouped by identity of resource and scope."""
    return request(metrics, _metric)


def _metric(metric: MetricRecord) -> bytes:
    tag, shape, encode = _KINDS[metric.kind]
    parts: list[bytes] = []
    for point in metric.points:
        try:
            if type(point) is not shape:
                raise TypeError  # noqa: TRY301  counted with whatever else is wrong with a point
            parts.append(field(0x0A, encode(point)))
        except Exception:
            losses.values += 1
            losses.records += 1
    if tag != _GAUGE:
        parts.append(number(0x10, metric.temporality))
    if tag == _SUM and metric.is_monotonic:
        parts.append(b"\x18\x01")
    return b"".join(
        (
            text(0x0A, metric.name),
            text(0x12, metric.description),
            text(0x1A, metric.unit),
            field(tag, b"".join(parts)),
        )
    )


def _number_point(point: NumberPoint) -> bytes:
    value, is_int = _value(0x21, 0x31, point.value)
    return b"".join(
        (
            time(0x11, point.start_ns),
            time(0x19, point.time_ns),
            b"" if is_int else value,
            _exemplars(0x2A, point.exemplars),
            value if is_int else b"",
            attributes(0x3A, point.attributes),
            number(0x40, point.flags),
        )
    )


def _histogram_point(point: HistogramPoint) -> bytes:
    return b"".join(
        (
            time(0x11, point.start_ns),
            time(0x19, point.time_ns),
            time(0x21, point.count),
            _optional(0x29, point.sum),
            _packed(0x32, point.bucket_counts, _count),
            _packed(0x3A, point.bounds, double),
            _exemplars(0x42, point.exemplars),
            attributes(0x4A, point.attributes),
            number(0x50, point.flags),
            _optional(0x59, point.min),
            _optional(0x61, point.max),
        )
    )


def _exponential_point(point: ExponentialPoint) -> bytes:
    return b"".join(
        (
            attributes(0x0A, point.attributes),
            time(0x11, point.start_ns),
            time(0x19, point.time_ns),
            time(0x21, point.count),
            _optional(0x29, point.sum),
            _signed(0x30, point.scale),
            time(0x39, point.zero_count),
            _buckets(0x42, point.positive_offset, point.positive_counts),
            _buckets(0x4A, point.negative_offset, point.negative_counts),
            number(0x50, point.flags),
            _exemplars(0x5A, point.exemplars),
            _optional(0x61, point.min),
            _optional(0x69, point.max),
            _threshold(point.zero_threshold),
        )
    )


def _exemplars(tag: int, exemplars: Sequence[ExemplarRecord]) -> bytes:
    return b"".join([field(tag, _exemplar(exemplar)) for exemplar in exemplars])


def _exemplar(exemplar: ExemplarRecord) -> bytes:
    value, is_int = _value(0x19, 0x31, exemplar.value)
    return b"".join(
        (
            time(0x11, exemplar.time_ns),
            b"" if is_int else value,
            b"\x22\x08" + (exemplar.span_id & WORD_MASK).to_bytes(8, "big") if exemplar.span_id else b"",
            b"\x2a\x10" + (exemplar.trace_id & TRACE_ID_MASK).to_bytes(16, "big")
            if exemplar.trace_id
            else b"",
            value if is_int else b"",
            attributes(0x3A, exemplar.attributes),
        )
    )


_KINDS: dict[str, tuple[int, type, Callable[[Any], bytes]]] = {
    "gauge": (_GAUGE, NumberPoint, _number_point),
    "sum": (_SUM, NumberPoint, _number_point),
    "histogram": (_HISTOGRAM, HistogramPoint, _histogram_point),
    "exponential_histogram": (_EXPONENTIAL, ExponentialPoint, _exponential_point),
}


# --- numbers; zeros that are values are written, zeros that mean absent are not


def _value(double_tag: int, int_tag: int, value: float) -> tuple[bytes, bool]:
    """A number and whether it went as an int."""
    if isinstance(value, int) and -(1 << 63) <= value < (1 << 63):
        return b"%c%b" % (int_tag, fixed64(value & WORD_MASK)), True
    return b"%c%b" % (double_tag, double(value)), False


def _optional(tag: int, value: float | None) -> bytes:
    return b"" if value is None else b"%c%b" % (tag, double(value))


def _threshold(value: float) -> bytes:
    encoded = double(value)
    return b"\x71" + encoded if any(encoded) else b""


def _signed(tag: int, value: int) -> bytes:
    """A sint32: zigzag, so that small negative numbers are short."""
    if not value:
        return b""
    wrapped = ((value + (1 << 31)) & 0xFFFF_FFFF) - (1 << 31)
    return b"%c%b" % (tag, varint(((wrapped << 1) ^ (wrapped >> 31)) & 0xFFFF_FFFF))


def _count(value: int) -> bytes:
    return fixed64(value & WORD_MASK)


def _packed(tag: int, values: Sequence[Any], encode: Callable[[Any], bytes]) -> bytes:
    return field(tag, b"".join([encode(value) for value in values])) if values else b""


def _buckets(tag: int, offset: int, counts: Sequence[int]) -> bytes:
    """Absent when there is nothing in them."""
    if not counts and not offset:
        return b""
    return field(tag, _signed(0x08, offset) + _packed(0x12, counts, _varint_64))


def _varint_64(value: int) -> bytes:
    return varint(value & WORD_MASK)


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
