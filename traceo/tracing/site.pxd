# The C shapes of what a tracer's spans share.

from traceo.tracing.clock cimport Clock
from traceo.tracing.durations cimport Durations


cdef class Outlets:
    cdef public object sink
    cdef public object processors
    cdef public Durations durations
    cdef public Py_ssize_t failures
    cdef object _reported
    cdef object _lock

    cpdef hand_over(self, span)
    cpdef started(self, span, parent_context)
    cpdef ended(self, span)


cdef class Site:
    cdef public object scope
    cdef public object scope_record
    cdef public object resource
    cdef public object resource_record
    cdef public object limits
    cdef public Outlets outlets
    cdef public Clock clock
    cdef public object now
    cdef public object keeping
    cdef public Py_ssize_t room
