"""The compiled twin of ``otlp_metrics.py``: the same function, the same bytes, the same counts; read that one first."""

from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_AsUnsignedLongLongMask
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.string cimport memcpy

from traceo.exporters.otlp cimport (
    Out,
    _attributes,
    _begin,
    _byte,
    _count_left_out,
    _double,
    _finish,
    _id,
    _little_endian,
    _number,
    _request,
    _reserve,
    _text,
    _time,
    _varint,
)
from traceo.records cimport ExemplarRecord, ExponentialPoint, HistogramPoint, MetricRecord, NumberPoint

__all__ = ["encode_metrics"]


def encode_metrics(metrics):
    """``metrics`` as an ExportMetricsServiceRequest, grouped by identity of resource and scope."""
    return _request(metrics, _one_metric)


cdef int _one_metric(Out *out, object item) except -1:
    return _metric(out, <MetricRecord?>item)


cdef int _metric(Out *out, MetricRecord metric) except -1:
    cdef int tag = _KINDS[metric.kind]
    cdef Py_ssize_t at
    _text(out, 0x0A, metric.name)
    _text(out, 0x12, metric.description)
    _text(out, 0x1A, metric.unit)
    at = _begin(out, tag, 2)
    for point in metric.points:
        _point(out, tag, point)
    if tag != 0x2A:
        _number(out, 0x10, metric.temporality)
    if tag == 0x3A and metric.is_monotonic:
        _reserve(out, 2)
        _byte(out, 0x18)
        _byte(out, 1)
    _finish(out, at, 2)
    return 0


_KINDS = {"gauge": 0x2A, "sum": 0x3A, "histogram": 0x4A, "exponential_histogram": 0x52}


cdef int _point(Out *out, int tag, point) except -1:
    cdef Py_ssize_t start = out.used
    cdef Py_ssize_t at
    try:
        at = _begin(out, 0x0A, 2)
        if tag == 0x4A:
            _histogram_point(out, <HistogramPoint?>point)
        elif tag == 0x52:
            _exponential_point(out, <ExponentialPoint?>point)
        else:
            _number_point(out, <NumberPoint?>point)
        _finish(out, at, 2)
    except Exception:
        out.used = start
        _count_left_out()
    return 0


cdef int _number_point(Out *out, NumberPoint point) except -1:
    cdef bint is_int = _is_int(point.value)
    _time(out, 0x11, point.start_ns)
    _time(out, 0x19, point.time_ns)
    if not is_int:
        _float(out, 0x21, point.value)
    _exemplars(out, 0x2A, point.exemplars)
    if is_int:
        _int(out, 0x31, point.value)
    _attributes(out, 0x3A, point.attributes)
    _number(out, 0x40, point.flags)
    return 0


cdef int _histogram_point(Out *out, HistogramPoint point) except -1:
    cdef Py_ssize_t at
    _time(out, 0x11, point.start_ns)
    _time(out, 0x19, point.time_ns)
    _time(out, 0x21, point.count)
    _optional(out, 0x29, point.sum)
    if point.bucket_counts:
        at = _begin(out, 0x32, 2)
        for count in point.bucket_counts:
            _reserve(out, 8)
            _little_endian(out, PyLong_AsUnsignedLongLongMask(count), 8)
        _finish(out, at, 2)
    if point.bounds:
        at = _begin(out, 0x3A, 2)
        for bound in point.bounds:
            _reserve(out, 8)
            _double(out, bound)
        _finish(out, at, 2)
    _exemplars(out, 0x42, point.exemplars)
    _attributes(out, 0x4A, point.attributes)
    _number(out, 0x50, point.flags)
    _optional(out, 0x59, point.min)
    _optional(out, 0x61, point.max)
    return 0


cdef int _exponential_point(Out *out, ExponentialPoint point) except -1:
    cdef double threshold
    cdef uint64_t bits
    _attributes(out, 0x0A, point.attributes)
    _time(out, 0x11, point.start_ns)
    _time(out, 0x19, point.time_ns)
    _time(out, 0x21, point.count)
    _optional(out, 0x29, point.sum)
    _signed(out, 0x30, point.scale)
    _time(out, 0x39, point.zero_count)
    _buckets(out, 0x42, point.positive_offset, point.positive_counts)
    _buckets(out, 0x4A, point.negative_offset, point.negative_counts)
    _number(out, 0x50, point.flags)
    _exemplars(out, 0x5A, point.exemplars)
    _optional(out, 0x61, point.min)
    _optional(out, 0x69, point.max)
    threshold = point.zero_threshold
    memcpy(&bits, &threshold, 8)
    if bits:
        _float(out, 0x71, point.zero_threshold)
    return 0


cdef int _exemplars(Out *out, int tag, exemplars) except -1:
    cdef Py_ssize_t at
    if not exemplars:
        return 0
    for exemplar in exemplars:
        at = _begin(out, tag, 1)
        _exemplar(out, <ExemplarRecord?>exemplar)
        _finish(out, at, 1)
    return 0


cdef int _exemplar(Out *out, ExemplarRecord exemplar) except -1:
    cdef bint is_int = _is_int(exemplar.value)
    _time(out, 0x11, exemplar.time_ns)
    if not is_int:
        _float(out, 0x19, exemplar.value)
    if exemplar.span_id:
        _id(out, 0x22, 8, exemplar.span_id)
    if exemplar.trace_id:
        _id(out, 0x2A, 16, exemplar.trace_id)
    if is_int:
        _int(out, 0x31, exemplar.value)
    _attributes(out, 0x3A, exemplar.attributes)
    return 0


# --- numbers; zeros that are values are written, zeros that mean absent are not


cdef bint _is_int(value) except -1:
    cdef int overflow = 0
    if not isinstance(value, int):
        return False
    PyLong_AsLongLongAndOverflow(value, &overflow)
    return not overflow


cdef int _int(Out *out, int tag, value) except -1:
    _reserve(out, 9)
    _byte(out, tag)
    _little_endian(out, PyLong_AsUnsignedLongLongMask(value), 8)
    return 0


cdef int _float(Out *out, int tag, value) except -1:
    _reserve(out, 9)
    _byte(out, tag)
    _double(out, value)
    return 0


cdef int _optional(Out *out, int tag, value) except -1:
    return 0 if value is None else _float(out, tag, value)


cdef int _signed(Out *out, int tag, value) except -1:
    """A sint32: zigzag, so that small negative numbers are short."""
    cdef int32_t number
    if value:
        number = <int32_t><uint32_t>PyLong_AsUnsignedLongLongMask(value)
        _reserve(out, 6)
        _byte(out, tag)
        _varint(out, (<uint32_t>number << 1) ^ <uint32_t>(number >> 31))
    return 0


cdef int _buckets(Out *out, int tag, offset, counts) except -1:
    """Absent when there is nothing in them."""
    cdef Py_ssize_t at, inner_at
    if not counts and not offset:
        return 0
    at = _begin(out, tag, 1)
    _signed(out, 0x08, offset)
    if counts:
        inner_at = _begin(out, 0x12, 1)
        for count in counts:
            _reserve(out, 10)
            _varint(out, PyLong_AsUnsignedLongLongMask(count))
        _finish(out, inner_at, 1)
    _finish(out, at, 1)
    return 0
