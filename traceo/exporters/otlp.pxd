# The pieces of the compiled encoder that otlp_metrics.pyx shares. Those that write rely on their caller's _reserve.

from libc.stdint cimport uint64_t


cdef struct Out:
    unsigned char *data
    Py_ssize_t used
    Py_ssize_t room


cdef bytes _request(items, int (*encode)(Out *out, object item) except -1)
cdef void _count_left_out() noexcept
cdef int _attributes(Out *out, int tag, attributes) except -1
cdef int _reserve(Out *out, Py_ssize_t more) except -1
cdef void _byte(Out *out, int value) noexcept
cdef void _varint(Out *out, uint64_t value) noexcept
cdef void _little_endian(Out *out, uint64_t value, int size) noexcept
cdef int _double(Out *out, double value) except -1
cdef Py_ssize_t _begin(Out *out, int tag, int guess) except -1
cdef int _finish(Out *out, Py_ssize_t at, int guess) except -1
cdef int _text(Out *out, int tag, text) except -1
cdef int _number(Out *out, int tag, value) except -1
cdef int _time(Out *out, int tag, time_ns) except -1
cdef int _id(Out *out, int tag, int size, value) except -1
