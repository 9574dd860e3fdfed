# The C shape of the access to the current span.

cdef class CurrentSpan:
    cpdef get(self)
    cpdef enter(self, span)
    cpdef here(self)
    cpdef leave(self, token, inner, span)
