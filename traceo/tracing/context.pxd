# The C shape of the access to the current span.

cdef class CurrentSpan:
    cpdef get(self)
    cpdef enter(self, span)
    cpdef leave(self, token)
