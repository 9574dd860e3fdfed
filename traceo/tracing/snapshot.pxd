# The C types of the way from spans to records.

cimport cython

from traceo.records cimport SpanRecord
from traceo.tracing.site cimport Site
from traceo.tracing.span cimport Span


@cython.locals(site=Site, record=SpanRecord, ours=Span)
cpdef snapshot(span)
