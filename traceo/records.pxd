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

cdef class ExemplarRecord:
    cdef public object attributes
    cdef public object span_id
    cdef public object time_ns
    cdef public object trace_id
    cdef public object value

cdef class NumberPoint:
    cdef public object attributes
    cdef public object exemplars
    cdef public object flags
    cdef public object start_ns
    cdef public object time_ns
    cdef public object value

cdef class HistogramPoint:
    cdef public object attributes
    cdef public object bounds
    cdef public object bucket_counts
    cdef public object count
    cdef public object exemplars
    cdef public object flags
    cdef public object max
    cdef public object min
    cdef public object start_ns
    cdef public object sum
    cdef public object time_ns

cdef class ExponentialPoint:
    cdef public object attributes
    cdef public object count
    cdef public object exemplars
    cdef public object flags
    cdef public object max
    cdef public object min
    cdef public object negative_counts
    cdef public object negative_offset
    cdef public object positive_counts
    cdef public object positive_offset
    cdef public object scale
    cdef public object start_ns
    cdef public object sum
    cdef public object time_ns
    cdef public object zero_count
    cdef public object zero_threshold

cdef class MetricRecord:
    cdef public object description
    cdef public object is_monotonic
    cdef public object kind
    cdef public object name
    cdef public object points
    cdef public object resource
    cdef public object scope
    cdef public object temporality
    cdef public object unit
