# The C shapes of held spans.

cimport cython

from traceo.tracing.site cimport Outlets


cdef class Keeping:
    cdef public Outlets outlets
    cdef public bint errors
    cdef public long long slower_than_ns
    cdef public Py_ssize_t spans_a_root
    cdef public Py_ssize_t spans_in_all
    cdef public Py_ssize_t held
    cdef public Py_ssize_t kept_failed
    cdef public Py_ssize_t kept_slow
    cdef public Py_ssize_t kept_spans
    cdef public Py_ssize_t lost

    @cython.locals(held=Held)
    cpdef open(self)


@cython.freelist(16)
cdef class Held:
    cdef public Keeping _keeping
    cdef public list _spans
    cdef public Py_ssize_t _lost
    cdef public object _reason
    cdef public int _decided

    @cython.locals(keeping=Keeping)
    cpdef ended(self, span, status, start, end, int is_root)
    @cython.locals(keeping=Keeping, spans=list)
    cpdef _hold(self, span)
    @cython.locals(keeping=Keeping, spans=list)
    cpdef _settle(self)
    cpdef _count(self)
    @cython.locals(keeping=Keeping)
    cpdef _keep(self, span)


cdef bint _took_longer(start, end, long long than_ns)
