# The C shapes of the scrubber.

cimport cython

from traceo.records cimport SpanRecord


cdef class Scrubber:
    cdef object _clean_resource
    cdef object _clean_scope
    cdef object _engine
    cdef object _field
    cdef object _last_resource
    cdef object _last_scope
    cdef dict _resources
    cdef dict _scopes
    cdef object _sealer
    cdef object _subject_of

    cpdef span(self, SpanRecord span)
    cdef _subject(self, named, attributes)
    cdef _attributes(self, attributes, list found, subject, named, event=*)
    cdef _without_content(self, attributes, said, path, list found)
    cdef _without_text(self, attributes, path, list found)
    cdef _status(self, text, list found, bint may_quote)
    cdef _state(self, state, path, list found)
    cdef _member(self, member, path, list found)
    cdef _events(self, events, list found, subject, bint may_quote)
    cdef _event(self, event, path, list found, subject, bint may_quote)
    cdef _links(self, links, list found)
    cdef _resource(self, resource)
    cdef _known_resource(self, resource)
    cdef _scope(self, scope)
    cdef _known_scope(self, scope)


cdef bint _may_quote(scope, attributes) except -1
cdef tuple _without_subject(attributes)
cdef _listed(attributes, list found)
