# The C shapes of streams.

cimport cython

from traceo.metrics.cells cimport Cell
from traceo.metrics.keys cimport Keys
from traceo.tracing.clock cimport Clock
from traceo.tracing.context cimport CurrentSpan
from traceo.tracing.span cimport SpanIdentity

cdef Keys _keys
cdef CurrentSpan _current


cdef class Stream:
    cdef public Cell bare
    cdef public object cardinality
    cdef public dict cells
    cdef public Clock clock
    cdef public object collected_ns
    cdef public int exemplars
    cdef public bint is_delta
    cdef public bint is_observed
    cdef public object keep
    cdef public dict known
    cdef public Py_ssize_t limit
    cdef public object lock
    cdef public object make
    cdef public object on_overflow
    cdef public Cell overflow
    cdef public object sink

    cpdef start(self)
    @cython.locals(cell=Cell)
    cpdef record(self, amount, attributes, context)
    @cython.locals(cell=Cell)
    cpdef Cell find(self, attributes)
    cpdef kept(self, attributes)
    @cython.locals(cell=Cell, is_plain=bint)
    cpdef Cell place(self, attributes)
    @cython.locals(cell=Cell)
    cpdef Cell admit(self, key, attributes)
    cpdef starting(self)
    cpdef remember(self, Cell cell, attributes)
    @cython.locals(ours=SpanIdentity, is_sampled=bint, slot=Py_ssize_t, samples=dict)
    cpdef sample(self, Cell cell, amount, attributes, span)
    @cython.locals(cell=Cell, every=bint, is_delta=bint, points=list, idle=list)
    cpdef collect(self, time_ns)
    @cython.locals(cell=Cell)
    cpdef forget(self, list keys)


cdef class LockedStream(Stream):
    pass
