# The C shape of the access to the current span.

cdef class CurrentSpan:
    cpdef get(self)
    cpdef around(self, span)
    cpdef enter(self, inner)
    cpdef leave(self, token, inner, span)
