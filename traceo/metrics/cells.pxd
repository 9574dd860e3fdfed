# The C shapes of cells.

cimport cython


cdef bint _COMPILED


cdef class Cell:
    cdef public list aliases
    cdef public dict attributes
    cdef public bint live
    cdef public dict samples
    cdef public Py_ssize_t seen
    cdef public object start_ns
    cdef public bint touched

    cpdef bint record(self, amount) except -1
    cpdef point(self, start_ns, time_ns, bint delta)
    cpdef bint retire(self) except -1
    cpdef Py_ssize_t slot(self, amount) except -2
    cpdef exemplars(self)


cdef class SumCell(Cell):
    cdef public object value


cdef class ObservedSumCell(SumCell):
    cdef public object previous


cdef class LastCell(Cell):
    cdef public object value


cdef class BucketCell(Cell):
    cdef public tuple bounds
    cdef public list counts
    cdef public double max
    cdef public double min
    cdef public double sum
    cdef public bint with_min_max
    cdef public bint with_sum

    @cython.locals(value=double, index=Py_ssize_t, counts=list)
    cpdef bint record(self, amount) except -1
    @cython.locals(bounds=tuple, low=Py_ssize_t, high=Py_ssize_t, middle=Py_ssize_t, end=double)
    cpdef Py_ssize_t bucket(self, double value) except -2
    @cython.locals(fresh=list, counts=list, total=double, low=double, high=double)
    cpdef point(self, start_ns, time_ns, bint delta)
