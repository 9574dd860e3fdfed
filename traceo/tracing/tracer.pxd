# The C shapes of tracers and current spans.

cimport cython

from traceo.tracing.context cimport CurrentSpan
from traceo.tracing.ids cimport RandomIdGenerator
from traceo.tracing.site cimport Site
from traceo.tracing.span cimport DroppedSpan, Span, SpanIdentity

cdef CurrentSpan _current
cdef bint _COMPILED


cdef class Tracer:
    cdef public tuple _bounds
    cdef public bint _enabled
    cdef public object _id_generator
    cdef bint _never
    cdef public RandomIdGenerator _ids
    cdef public int _random_flag
    cdef public object _sampler
    cdef public Site _site
    cdef public object _stamp

    @cython.locals(active=ActiveSpan)
    cpdef start_as_current_span(self, name, context=*, kind=*, attributes=*, links=*, start_time=*, record_exception=*, set_status_on_exception=*, end_on_exit=*)
    @cython.locals(ids=RandomIdGenerator, site=Site, span=Span, dropped=DroppedSpan, known=SpanIdentity, given=dict, bounds=tuple, origin=int, flags=int, recording=bint)
    cdef _start(self, name, context, kind, attributes, links, start_time, int on_exit, parent)


@cython.freelist(16)
@cython.no_gc  # it lives as long as its block
cdef class ActiveSpan:
    cdef public tuple _arguments
    cdef public object _inner
    cdef public int _on_exit
    cdef public object _span
    cdef public object _token
    cdef public Tracer _tracer

    @cython.locals(tracer=Tracer)
    cpdef start(self)
    cpdef finish(self, error)


cdef _parent(context)
@cython.locals(ours=Span)
cdef _end(span)
@cython.locals(known=SpanIdentity)
cpdef current_ids()
