# The C shapes of instruments.

cimport cython

from traceo.metrics.stream cimport Stream

cdef double _FAR


cdef class Instrument:
    cdef object __weakref__
    cdef public bint _is_off
    cdef public object _shared
    cdef public Stream _stream
    cdef public tuple _streams
    cdef public object description
    cdef public object name
    cdef public object unit

    @cython.locals(stream=Stream)
    cpdef measure(self, amount, attributes, context, bint may_be_negative)
    cpdef checked(self, amount, bint may_be_negative)
    cpdef turn(self, bint is_on)


cdef class Counter(Instrument):
    @cython.locals(stream=Stream, number=double)
    cpdef add(self, amount, attributes=*, context=*)


cdef class UpDownCounter(Instrument):
    @cython.locals(stream=Stream, number=double)
    cpdef add(self, amount, attributes=*, context=*)


cdef class Histogram(Instrument):
    @cython.locals(stream=Stream, number=double)
    cpdef record(self, amount, attributes=*, context=*)


cdef class Gauge(Instrument):
    @cython.locals(stream=Stream, number=double)
    cpdef set(self, amount, attributes=*, context=*)
