"""The compiled twin of ``otlp.py``: the same functions, the same bytes, the same failure counts.

``otlp.py`` is the description; read it first. Here the message is written once into one growing C buffer. A nested
message whose size is not known leaves room for its length and is moved when the guess was wrong.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_AsUnsignedLongLongMask
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memmove
from libc.stdlib cimport free, realloc

from traceo.records cimport EventRecord, LinkRecord, LogRecord, ResourceRecord, ScopeRecord, SpanRecord

from collections.abc import Mapping, Sequence

cdef extern from *:
    """
    #if PY_VERSION_HEX >= 0x030D0000
      static int traceo_big_endian(PyObject *value, unsigned char *to, Py_ssize_t size) {
          Py_ssize_t needed = PyLong_AsNativeBytes(value, to, size,
              Py_ASNATIVEBYTES_BIG_ENDIAN | Py_ASNATIVEBYTES_UNSIGNED_BUFFER | Py_ASNATIVEBYTES_REJECT_NEGATIVE);
          if (needed < 0) return -1;
          if (needed > size) { PyErr_SetNone(PyExc_OverflowError); return -1; }
          return 0;
      }
    #else
      static int traceo_big_endian(PyObject *value, unsigned char *to, Py_ssize_t size) {
          return _PyLong_AsByteArray((PyLongObject *)value, to, (size_t)size, 0, 0);
      }
    #endif
    """
    int traceo_big_endian(object value, unsigned char *to, Py_ssize_t size) except -1

__all__ = [
    "MAX_DEPTH",
    "UNENCODABLE",
    "encode_failures",
    "encode_logs",
    "encode_traces",
    "records_left_out",
]

UNENCODABLE = "[UNENCODABLE]"
MAX_DEPTH = 30

cdef int _DEEPEST = MAX_DEPTH
cdef object _MASK_64 = int("ff" * 8, 16)
cdef object _MASK_128 = int("ff" * 16, 16)
cdef Py_ssize_t _failures = 0
cdef Py_ssize_t _left_out = 0


def encode_traces(spans):
    """``spans`` as an ExportTraceServiceRequest, grouped by identity of resource and scope in order of appearance."""
    return _request(spans, _one_span)


def encode_logs(logs):
    """``logs`` as an ExportLogsServiceRequest, grouped like spans."""
    return _request(logs, _one_log)


def encode_failures():
    """How many values were replaced since the process started."""
    return _failures


def records_left_out():
    """How many spans, log records and data points could not be encoded at all, since the process started."""
    return _left_out


cdef bytes _request(items, int (*encode)(Out *out, object item) except -1):
    cdef Out out = Out(NULL, 0, 0)
    cdef Py_ssize_t resource_at, scope_at, inner_at
    cdef dict resources = {}
    cdef dict scopes
    cdef list group
    cdef object last_resource = None, last_scope = None
    group = None
    for item in items:
        resource = (<SpanRecord>item).resource if type(item) is SpanRecord else item.resource
        scope = (<SpanRecord>item).scope if type(item) is SpanRecord else item.scope
        if group is None or resource is not last_resource or scope is not last_scope:
            known = resources.get(id(resource))
            if known is None:
                known = resources[id(resource)] = (resource, {})
            scopes = known[1]
            scoped = scopes.get(id(scope))
            if scoped is None:
                scoped = scopes[id(scope)] = (scope, [])
            group = scoped[1]
            last_resource = resource
            last_scope = scope
        group.append(item)
    try:
        for resource, scopes in resources.values():
            resource_at = _begin(&out, 0x0A, 3)
            inner_at = _begin(&out, 0x0A, 2)
            _attributes(&out, 0x0A, (<ResourceRecord?>resource).attributes)
            _finish(&out, inner_at, 2)
            for scope, group in scopes.values():
                scope_at = _begin(&out, 0x12, 3)
                inner_at = _begin(&out, 0x0A, 1)
                _text(&out, 0x0A, (<ScopeRecord?>scope).name)
                _text(&out, 0x12, (<ScopeRecord>scope).version)
                _attributes(&out, 0x1A, (<ScopeRecord>scope).attributes)
                _finish(&out, inner_at, 1)
                for item in group:
                    _item(&out, item, encode)
                _text(&out, 0x1A, (<ScopeRecord>scope).schema_url)
                _finish(&out, scope_at, 3)
            _text(&out, 0x1A, (<ResourceRecord>resource).schema_url)
            _finish(&out, resource_at, 3)
        return PyBytes_FromStringAndSize(<char *>out.data, out.used)
    finally:
        free(out.data)


cdef int _item(Out *out, item, int (*encode)(Out *out, object item) except -1) except -1:
    cdef Py_ssize_t start = out.used
    cdef Py_ssize_t at
    try:
        at = _begin(out, 0x12, 2)
        encode(out, item)
        _finish(out, at, 2)
    except Exception:  # a field that is not what its record says it is
        out.used = start
        _count_left_out()
    return 0


cdef int _one_span(Out *out, object item) except -1:
    return _span(out, <SpanRecord?>item)


cdef int _one_log(Out *out, object item) except -1:
    return _log(out, <LogRecord?>item)


cdef int _span(Out *out, SpanRecord span) except -1:
    cdef Py_ssize_t at
    _reserve(out, 128)
    _id(out, 0x0A, 16, span.trace_id)
    _id(out, 0x12, 8, span.span_id)
    if span.trace_state:
        _text(out, 0x1A, span.trace_state)
    if span.parent_span_id:
        _id(out, 0x22, 8, span.parent_span_id)
    _text(out, 0x2A, span.name)
    _number(out, 0x30, span.kind)
    _time(out, 0x39, span.start_ns)
    _time(out, 0x41, span.end_ns)
    _attributes(out, 0x4A, span.attributes)
    _number(out, 0x50, span.dropped_attributes)
    if span.events:
        for event in span.events:
            at = _begin(out, 0x5A, 2)
            _event(out, <EventRecord?>event)
            _finish(out, at, 2)
    _number(out, 0x60, span.dropped_events)
    if span.links:
        for link in span.links:
            at = _begin(out, 0x6A, 1)
            _link(out, <LinkRecord?>link)
            _finish(out, at, 1)
    _number(out, 0x70, span.dropped_links)
    at = _begin(out, 0x7A, 1)
    _text(out, 0x12, span.status_message)
    _number(out, 0x18, span.status_code)
    _finish(out, at, 1)
    if span.flags:
        _reserve(out, 2)
        _byte(out, 0x85)
        _byte(out, 0x01)
        _fixed32(out, span.flags)
    return 0


cdef int _event(Out *out, EventRecord event) except -1:
    _time(out, 0x09, event.time_ns)
    _text(out, 0x12, event.name)
    _attributes(out, 0x1A, event.attributes)
    _number(out, 0x20, event.dropped_attributes)
    return 0


cdef int _link(Out *out, LinkRecord link) except -1:
    _id(out, 0x0A, 16, link.trace_id)
    _id(out, 0x12, 8, link.span_id)
    _text(out, 0x1A, link.trace_state)
    _attributes(out, 0x22, link.attributes)
    _number(out, 0x28, link.dropped_attributes)
    if link.flags:
        _reserve(out, 1)
        _byte(out, 0x35)
        _fixed32(out, link.flags)
    return 0


cdef int _log(Out *out, LogRecord log) except -1:
    cdef Py_ssize_t at
    _time(out, 0x09, log.time_ns)
    _number(out, 0x10, log.severity)
    _text(out, 0x1A, log.severity_text)
    if log.body is not None:
        at = _begin(out, 0x2A, 1)
        _value(out, log.body, 0)
        _finish(out, at, 1)
    _attributes(out, 0x32, log.attributes)
    _number(out, 0x38, log.dropped_attributes)
    if log.flags:
        _reserve(out, 1)
        _byte(out, 0x45)
        _fixed32(out, log.flags)
    if log.trace_id:
        _id(out, 0x4A, 16, log.trace_id)
    if log.span_id:
        _id(out, 0x52, 8, log.span_id)
    _time(out, 0x59, log.observed_ns)
    _text(out, 0x62, log.event_name)
    return 0


# --- values


cdef int _attributes(Out *out, int tag, attributes) except -1:
    cdef Py_ssize_t good = out.used
    if attributes is None:
        return 0
    try:
        if type(attributes) is dict:
            for key, value in (<dict>attributes).items():
                _pair(out, tag, key, value, 0)
                good = out.used
        elif attributes:
            for key, value in attributes.items():
                _pair(out, tag, key, value, 0)
                good = out.used
    except Exception:
        out.used = good
        _count_failure()
    return 0


cdef int _pair(Out *out, int tag, key, value, int depth) except -1:
    """A KeyValue field. Scalars are measured first and written once; the rest is moved into place."""
    cdef const char *name = NULL
    cdef const char *text = NULL
    cdef Py_ssize_t name_size = 0, size = 0, value_size, at, value_at
    cdef long long number
    cdef int overflow = 0
    if not isinstance(key, str):
        _count_failure()
        key = UNENCODABLE
    owner = _utf8(key, &name, &name_size)
    if type(value) is str:
        value = _utf8(value, &text, &size)
        value_size = 1 + _varint_size(size) + size
        _pair_head(out, tag, name, name_size, value_size)
        _byte(out, 0x0A)
        _varint(out, size)
        _bytes(out, text, size)
        return 0
    if type(value) is int:
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
        if not overflow:
            _pair_head(out, tag, name, name_size, 1 + _varint_size(<uint64_t>number))
            _byte(out, 0x18)
            _varint(out, <uint64_t>number)
            return 0
    elif value is True or value is False:
        _pair_head(out, tag, name, name_size, 2)
        _byte(out, 0x10)
        _byte(out, 1 if value is True else 0)
        return 0
    elif type(value) is float:
        _pair_head(out, tag, name, name_size, 9)
        _byte(out, 0x21)
        _double(out, value)
        return 0
    at = _begin(out, tag, 2)
    if name_size:
        _reserve(out, name_size + 16)
        _byte(out, 0x0A)
        _varint(out, name_size)
        _bytes(out, name, name_size)
    value_at = _begin(out, 0x12, 1)
    _value(out, value, depth)
    _finish(out, value_at, 1)
    _finish(out, at, 2)
    return 0


cdef int _pair_head(Out *out, int tag, const char *name, Py_ssize_t name_size, Py_ssize_t value_size) except -1:
    """All of a KeyValue field up to its value; makes room for the value as well."""
    cdef Py_ssize_t size = 1 + _varint_size(value_size) + value_size
    if name_size:
        size += 1 + _varint_size(name_size) + name_size
    _reserve(out, size + 16)
    _byte(out, tag)
    _varint(out, size)
    if name_size:
        _byte(out, 0x0A)
        _varint(out, name_size)
        _bytes(out, name, name_size)
    _byte(out, 0x12)
    _varint(out, value_size)
    return 0


cdef int _value(Out *out, value, int depth) except -1:
    """The content of an AnyValue."""
    cdef Py_ssize_t start = out.used
    cdef Py_ssize_t at, item_at
    cdef long long number
    cdef int overflow = 0
    try:
        if isinstance(value, str):
            _string(out, 0x0A, value)
            return 0
        if value is None:
            return 0
        if isinstance(value, bool):
            _reserve(out, 2)
            _byte(out, 0x10)
            _byte(out, 1 if value else 0)
            return 0
        if isinstance(value, int):
            number = PyLong_AsLongLongAndOverflow(value, &overflow)
            if overflow:
                _string(out, 0x0A, int.__repr__(value))
                return 0
            _reserve(out, 11)
            _byte(out, 0x18)
            _varint(out, <uint64_t>number)
            return 0
        if isinstance(value, float):
            _reserve(out, 9)
            _byte(out, 0x21)
            _double(out, value)
            return 0
        if isinstance(value, (bytes, bytearray)):
            raw = bytes(value)
            _reserve(out, len(<bytes>raw) + 11)
            _byte(out, 0x3A)
            _varint(out, len(<bytes>raw))
            _bytes(out, <const char *>(<bytes>raw), len(<bytes>raw))
            return 0
        if depth < _DEEPEST:
            if isinstance(value, (dict, Mapping)):
                at = _begin(out, 0x32, 1)
                for key, item in value.items():
                    _pair(out, 0x0A, key, item, depth + 1)
                _finish(out, at, 1)
                return 0
            if isinstance(value, (tuple, list, Sequence)):
                at = _begin(out, 0x2A, 1)
                for item in value:
                    item_at = _begin(out, 0x0A, 1)
                    _value(out, item, depth + 1)
                    _finish(out, item_at, 1)
                _finish(out, at, 1)
                return 0
    except Exception:  # a broken mapping or sequence, or an int of more digits than Python prints
        out.used = start
    _count_failure()
    _string(out, 0x0A, UNENCODABLE)
    return 0


cdef void _count_failure() noexcept:
    global _failures
    _failures += 1


cdef void _count_left_out() noexcept:
    global _failures, _left_out
    _failures += 1
    _left_out += 1


cdef str _utf8(text, const char **data, Py_ssize_t *size):
    """Point ``data`` at the UTF-8 of ``text``; it lives as long as the str returned."""
    try:
        data[0] = PyUnicode_AsUTF8AndSize(text, size)
        return <str>text
    except UnicodeEncodeError:
        pass
    _count_failure()
    whole = str.encode(text, "utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    data[0] = PyUnicode_AsUTF8AndSize(whole, size)
    return <str>whole


# --- the wire; those that write without _reserve rely on their caller's


cdef inline int _reserve(Out *out, Py_ssize_t more) except -1:
    cdef Py_ssize_t room
    cdef void *data
    if out.room - out.used >= more:
        return 0
    room = max(out.room * 2, out.used + more, 16384)
    data = realloc(out.data, room)
    if data == NULL:
        raise MemoryError
    out.data = <unsigned char *>data
    out.room = room
    return 0


cdef inline void _byte(Out *out, int value) noexcept:
    out.data[out.used] = <unsigned char>value
    out.used += 1


cdef inline void _bytes(Out *out, const char *data, Py_ssize_t size) noexcept:
    memcpy(out.data + out.used, data, size)
    out.used += size


cdef inline void _varint(Out *out, uint64_t value) noexcept:
    while value > 0x7F:
        out.data[out.used] = <unsigned char>(value & 0x7F | 0x80)
        out.used += 1
        value >>= 7
    out.data[out.used] = <unsigned char>value
    out.used += 1


cdef inline int _varint_size(uint64_t value) noexcept:
    cdef int size = 1
    while value > 0x7F:
        value >>= 7
        size += 1
    return size


cdef inline void _little_endian(Out *out, uint64_t value, int size) noexcept:
    cdef int at
    for at in range(size):
        out.data[out.used + at] = <unsigned char>(value >> (8 * at))
    out.used += size


cdef inline int _double(Out *out, double value) except -1:
    cdef uint64_t bits
    memcpy(&bits, &value, 8)
    _little_endian(out, bits, 8)
    return 0


cdef inline int _fixed32(Out *out, value) except -1:
    _reserve(out, 4)
    _little_endian(out, PyLong_AsUnsignedLongLongMask(value) & 0xFFFFFFFF, 4)
    return 0


cdef Py_ssize_t _begin(Out *out, int tag, int guess) except -1:
    """Start a nested message, leaving ``guess`` bytes for its length; where its content begins."""
    _reserve(out, 1 + guess)
    _byte(out, tag)
    out.used += guess
    return out.used


cdef int _finish(Out *out, Py_ssize_t at, int guess) except -1:
    """End the message begun at ``at`` with the same guess."""
    cdef Py_ssize_t size = out.used - at
    cdef int needed = _varint_size(size)
    cdef Py_ssize_t end
    if needed != guess:
        _reserve(out, needed)
        memmove(out.data + at + needed - guess, out.data + at, size)
    end = out.used + needed - guess
    out.used = at - guess
    _varint(out, size)
    out.used = end
    return 0


cdef int _text(Out *out, int tag, text) except -1:
    """A string field, absent when empty."""
    if text:
        _string(out, tag, text)
    return 0


cdef int _string(Out *out, int tag, text) except -1:
    cdef Py_ssize_t size = 0
    cdef const char *data = NULL
    if not isinstance(text, str):
        raise TypeError
    owner = _utf8(text, &data, &size)
    _reserve(out, size + 11)
    _byte(out, tag)
    _varint(out, size)
    _bytes(out, data, size)
    return 0


cdef int _number(Out *out, int tag, value) except -1:
    """A uint32 or enum field, absent when zero."""
    if value:
        _reserve(out, 6)
        _byte(out, tag)
        _varint(out, <uint32_t>PyLong_AsUnsignedLongLongMask(value))
    return 0


cdef int _time(Out *out, int tag, time_ns) except -1:
    """A fixed64 field, absent when zero."""
    if time_ns:
        _reserve(out, 9)
        _byte(out, tag)
        _little_endian(out, PyLong_AsUnsignedLongLongMask(time_ns), 8)
    return 0


cdef int _id(Out *out, int tag, int size, value) except -1:
    """A fixed number of big-endian bytes."""
    if not isinstance(value, int):
        raise TypeError
    _reserve(out, 2 + size)
    _byte(out, tag)
    _byte(out, size)
    try:
        traceo_big_endian(value, out.data + out.used, size)
    except OverflowError:
        value = value & (_MASK_64 if size == 8 else _MASK_128)
        traceo_big_endian(value, out.data + out.used, size)
    out.used += size
    return 0
