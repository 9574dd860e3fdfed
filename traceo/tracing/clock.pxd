# The C shape of the clock.

cdef class Clock:
    cdef readonly object read
    cdef bint _is_system
    cpdef now(self)
