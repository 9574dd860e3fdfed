# The C shape of exponential histograms.

cimport cython

from traceo.metrics.cells cimport Cell


cdef class ExponentialCell(Cell):
    cdef public long long count
    cdef public object lock
    cdef public double max
    cdef public int max_scale
    cdef public long long max_size
    cdef public double min
    cdef public list negative
    cdef public long long negative_offset
    cdef public list positive
    cdef public long long positive_offset
    cdef public int scale
    cdef public double sum
    cdef public bint with_min_max
    cdef public bint with_sum
    cdef public long long zeros

    cpdef clear(self)
    cpdef bint retire(self) except -1
    cpdef bint take(self, double value) except -1
    @cython.locals(is_positive=bint, counts=list, index=cython.longlong, first=cython.longlong, low=cython.longlong, high=cython.longlong, size=Py_ssize_t, change=int, place=Py_ssize_t)
    cpdef put(self, double value)
    cpdef coarsen(self, int change)
