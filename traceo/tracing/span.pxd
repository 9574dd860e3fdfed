# The C shapes of spans; the underscored fields stay ordinary attributes for Python.

cimport cython

from traceo.tracing.keeping cimport Held
from traceo.tracing.site cimport Outlets, Site


cdef class SpanIdentity:
    cdef public object _context
    cdef public int _flags
    cdef public object _span_id
    cdef public object _trace_id
    cdef public object _trace_state

    cpdef get_span_context(self)
    cpdef identify(self)


@cython.no_gc  # nothing it refers to could refer to it
cdef class DroppedSpan(SpanIdentity):
    cpdef get_span_context(self)


cdef class Event:
    cdef public object _attributes
    cdef public object _dropped_attributes
    cdef public object _name
    cdef public object _timestamp


cdef class Span(SpanIdentity):
    cdef public dict _attributes
    cdef public Py_ssize_t _dropped_attributes
    cdef public object _end_time
    cdef public object _events
    cdef public Held _held
    cdef public object _kind
    cdef public object _links
    cdef public object _name
    cdef public int _on_exit
    cdef public int _origin
    cdef public object _parent_id
    cdef public object _parent_state
    cdef public Py_ssize_t _room
    cdef public Site _site
    cdef public object _start_time
    cdef public object _status

    @cython.locals(attributes=dict, size=Py_ssize_t)
    cpdef set_attribute(self, key, value)
    cdef _set_one(self, key, value)
    @cython.locals(kept=dict, given=dict, size=Py_ssize_t)
    cpdef set_attributes(self, attributes)
    cpdef _set_slowly(self, attributes)
    @cython.locals(site=Site, outlets=Outlets)
    cpdef end(self, end_time=*)
    cpdef failed(self, error, bint record, bint set_status, bint escaped)
