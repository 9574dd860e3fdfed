# The C shape of the keys.

cdef class Keys:
    cpdef of(self, attributes)
