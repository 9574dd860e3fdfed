# The C shape of the id generator.

cdef class RandomIdGenerator:
    cpdef generate_span_id(self)
    cpdef generate_trace_id(self)
    cpdef is_trace_id_random(self)
