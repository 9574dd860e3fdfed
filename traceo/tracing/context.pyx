"""The compiled twin of ``context.py``: the same names, on CPython's C interface to dicts and contextvars."""

from cpython.contextvars cimport PyContextVar_Get, PyContextVar_Reset, PyContextVar_Set
from cpython.dict cimport PyDict_GetItem, PyDict_SetItem, PyDict_Update
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF

cdef extern from *:
    """
    static PyObject *traceo_new(PyObject *type, PyObject *empty) {
        return ((PyTypeObject *)type)->tp_new((PyTypeObject *)type, empty, NULL);
    }
    """
    object traceo_new(object type, tuple empty)

from opentelemetry import context as _api
from opentelemetry.context.context import Context
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext
from opentelemetry.trace.propagation import _SPAN_KEY

__all__ = ["SPAN_KEY", "CurrentSpan", "attach", "current", "detach", "heal", "put"]

SPAN_KEY = _SPAN_KEY

cdef str _KEY = _SPAN_KEY
cdef object _Context = Context
cdef object _runtime = _api._RUNTIME_CONTEXT
cdef object _variable = None

if type(_runtime) is ContextVarsRuntimeContext:
    _variable = _runtime._current_context
    current, attach, detach = _variable.get, _variable.set, _variable.reset
else:
    current, attach, detach = _runtime.get_current, _runtime.attach, _runtime.detach

put = dict.__setitem__


cdef object _outer():
    cdef PyObject *found = NULL
    if _variable is None:
        return _runtime.get_current()
    PyContextVar_Get(_variable, NULL, &found)
    if found == NULL:
        return _Context()
    outer = <object>found
    Py_DECREF(outer)  # PyContextVar_Get gave a reference, the assignment took another
    return outer


cdef class CurrentSpan:
    """The current span of the running task or thread; the class has no state, and one instance serves all."""

    cpdef get(self):
        """The current span, of whatever make; None when there is none."""
        cdef PyObject *found
        outer = _outer()
        if not isinstance(outer, dict):
            return outer.get(_KEY)
        found = PyDict_GetItem(outer, _KEY)
        return None if found == NULL else <object>found

    cpdef around(self, span):
        """A context like the one there is, with ``span`` as the current one."""
        outer = _outer()
        inner = traceo_new(_Context, ())  # alone: an empty Context needs no initialisation
        if not isinstance(outer, dict):
            inner = _Context(outer)
        elif len(<dict>outer) > 1 or (len(<dict>outer) == 1 and PyDict_GetItem(outer, _KEY) == NULL):
            PyDict_Update(inner, outer)
        PyDict_SetItem(inner, _KEY, span)
        return inner

    cpdef enter(self, inner):
        """Make ``inner`` the context; give the token back to ``leave``."""
        if _variable is None:
            return _runtime.attach(inner)
        return PyContextVar_Set(_variable, inner)

    cpdef leave(self, token, inner, span):
        """Restore what was current before ``span`` was entered; see ``context.py``."""
        here = _outer()
        try:
            if here is not inner:
                found = here.get(_KEY)
                if found is not span:
                    heal(inner, token)
                    if getattr(found, "is_recording", bool)():
                        return
            if _variable is None:
                _runtime.detach(token)
            else:
                PyContextVar_Reset(_variable, token)
        except (ValueError, RuntimeError):  # left in another context than it was entered in
            heal(inner, token)


def heal(inner, token):
    """Put the span that was current before into ``inner``, in place."""
    outer = getattr(token, "old_value", None)
    span = outer.get(_KEY) if isinstance(outer, _Context) else None
    if span is None:
        dict.pop(inner, _KEY, None)
    else:
        put(inner, _KEY, span)
