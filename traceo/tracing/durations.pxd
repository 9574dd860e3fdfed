# The C shapes of what measures spans.

cimport cython


cdef class Series:
    cdef public list _counts
    cdef public list _exemplars
    cdef public tuple _key
    cdef public long long _largest
    cdef public long long _smallest
    cdef public list _told
    cdef public long long _told_total
    cdef public long long _total

    cpdef add(self, Py_ssize_t place, long long value)
    @cython.locals(exemplars=list)
    cpdef point_out(self, Py_ssize_t place, long long value, time, trace_id, span_id)


cdef class Family:
    cdef public object shape
    cdef list _beyond
    cdef public tuple _bounds
    cdef public bint _is_other
    cdef public Py_ssize_t _limit
    cdef public Py_ssize_t _named_at
    cdef public tuple _reads
    cdef public dict _series
    cdef public Py_ssize_t overflowed

    @cython.locals(values=list)
    cpdef key(self, span, dict attributes, error)
    @cython.locals(series=Series, made=Series)
    cpdef at(self, tuple key)
    cpdef Py_ssize_t place(self, value)


cdef class Durations:
    cdef public bint _exemplars
    cdef public dict _families
    cdef Py_ssize_t _limit
    cdef object _on_first
    cdef public Family _other
    cdef bint _waits
    cdef public Py_ssize_t failures

    @cython.locals(rows=tuple, row=tuple, given=dict, family=Family, series=Series, place=Py_ssize_t)
    cpdef measure(self, span, kind, attributes, start, end, bint sampled)
    @cython.locals(rows=tuple, given=dict, family=Family, series=Series)
    cpdef keep(self, span)
    cdef tuple _rows(self, kind)
    @cython.locals(series=Series, place=Py_ssize_t)
    cdef _count_tokens(self, Family family, span, dict attributes, end, bint sampled)


cdef _whole(value)
cdef _error_of(span, dict attributes)
cdef _name_of(status)
