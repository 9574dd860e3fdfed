"""The compiled twin of ``keys.py``: name, value, and the type where it is no string, written into one tuple."""

from cpython.dict cimport PyDict_Next, PyDict_Size
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM

__all__ = ["Keys", "are_plain", "canonical"]

_PLAIN = frozenset((str, int, float, bool))


cdef class Keys:
    """Makes keys; the class has no state, and one instance serves all."""

    cpdef of(self, attributes):
        """A hashable key of a mapping, or None, or a tuple that is not hashable: then go the slow way."""
        cdef PyObject *name = NULL
        cdef PyObject *value = NULL
        cdef Py_ssize_t at = 0
        cdef Py_ssize_t size
        cdef Py_ssize_t others = 0
        cdef tuple key
        if type(attributes) is not dict:
            attributes = dict(attributes)
        while PyDict_Next(attributes, &at, &name, &value):
            if type(<object>value) is not str:
                others += 1
        size = PyDict_Size(attributes)
        key = PyTuple_New(size + size + others)
        at = 0
        size = 0
        while PyDict_Next(attributes, &at, &name, &value):
            Py_INCREF(<object>name)
            PyTuple_SET_ITEM(key, size, <object>name)
            Py_INCREF(<object>value)
            PyTuple_SET_ITEM(key, size + 1, <object>value)
            size += 2
            if type(<object>value) is not str:
                kind = type(<object>value)
                Py_INCREF(kind)
                PyTuple_SET_ITEM(key, size, kind)
                size += 1
        return key


def are_plain(attributes):
    """Whether they need no cleaning, and their key finds them again: values are equal to themselves."""
    for name, value in attributes.items():
        if type(name) is not str or not name or type(value) not in _PLAIN or value != value:
            return False
    return True


def canonical(dict attributes):
    """The key of a set of cleaned attributes, whatever their order."""
    return tuple([(name, _frozen(attributes[name])) for name in sorted(attributes)])


cdef _frozen(value):
    if type(value) is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, tuple):
        return ("sequence", tuple([_frozen(item) for item in value]))
    if isinstance(value, dict):
        return ("mapping", canonical(value))
    if value != value:
        return ("float", "nan")
    return (type(value), value)
