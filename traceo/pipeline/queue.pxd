# The C shapes of the queue.

cimport cython

from traceo.tracing.span cimport Span


cdef class Queue:
    cdef public Py_ssize_t _added
    cdef public object _append
    cdef public Py_ssize_t _budget_bytes
    cdef public bint _closed
    cdef public Py_ssize_t _covered
    cdef public Py_ssize_t _gap
    cdef public object _items
    cdef public Py_ssize_t _next
    cdef public bint _rouse_at_half
    cdef public object _shed
    cdef public object _start
    cdef public Py_ssize_t _taken
    cdef public Py_ssize_t _watched
    cdef public object _weights
    cdef public dict closed_drops
    cdef public dict full_drops
    cdef public Py_ssize_t held_bytes
    cdef public dict taken
    cdef public object wake

    @cython.locals(batch=list, stretch=tuple, count=Py_ssize_t, weight=Py_ssize_t, logs=Py_ssize_t)
    cpdef list take(self, Py_ssize_t max_items, Py_ssize_t max_bytes)
    @cython.locals(weight=Py_ssize_t, total=Py_ssize_t, used=Py_ssize_t, length=Py_ssize_t, is_half_full=bint)
    cdef _admit(self, item)
    cdef bint _turns_away(self, item, Py_ssize_t used) except -1
    cdef bint _is_enough(self)
    cdef bint _drop(self, dict drops) except -1


cpdef Py_ssize_t weigh(item)
@cython.locals(size=Py_ssize_t)
cdef Py_ssize_t _weigh_span(Span span) except -1
@cython.locals(size=Py_ssize_t)
cdef Py_ssize_t _weigh_attributes(attributes, int depth=*) except -1
@cython.locals(size=Py_ssize_t)
cdef Py_ssize_t _weigh_dict(dict attributes, int depth) except -1
cdef Py_ssize_t _weigh_value(value, int depth) except -1
