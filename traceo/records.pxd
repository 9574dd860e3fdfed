# The C shapes of the records; every field stays an ordinary attribute for Python.
cimport cython


@cython.freelist(64)
cdef class ResourceRecord:
    cdef public object attributes
    cdef public object schema_url

@cython.freelist(64)
cdef class ScopeRecord:
    cdef public object attributes
    cdef public object name
    cdef public object schema_url
    cdef public object version

@cython.freelist(64)
cdef class EventRecord:
    cdef public object attributes
    cdef public object dropped_attributes
    cdef public object name
    cdef public object time_ns

@cython.freelist(64)
cdef class LinkRecord:
    cdef public object attributes
    cdef public object dropped_attributes
    cdef public object flags
    cdef public object span_id
    cdef public object trace_id
    cdef public object trace_state

@cython.freelist(64)
cdef class SpanRecord:
    cdef public object attributes
    cdef public object dropped_attributes
    cdef public object dropped_events
    cdef public object dropped_links
    cdef public object end_ns
    cdef public object events
    cdef public object flags
    cdef public object kind
    cdef public object links
    cdef public object name
    cdef public object parent_span_id
    cdef public object resource
    cdef public object scope
    cdef public object span_id
    cdef public object start_ns
    cdef public object status_code
    cdef public object status_message
    cdef public object trace_id
    cdef public object trace_state

@cython.freelist(64)
cdef class LogRecord:
    cdef public object attributes
    cdef public object body
    cdef public object dropped_attributes
    cdef public object event_name
    cdef public object flags
    cdef public object observed_ns
    cdef public object resource
    cdef public object scope
    cdef public object severity
    cdef public object severity_text
    cdef public object span_id
    cdef public object time_ns
    cdef public object trace_id
