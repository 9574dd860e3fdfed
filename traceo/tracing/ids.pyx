"""The compiled twin of ``ids.py``: xoshiro256++ (Blackman and Vigna, 2019) instead of Python's Mersenne twister.

Four 64-bit words of state, seeded by the operating system, and again in each forked child. The GIL guards the state.
"""

from libc.stdint cimport uint64_t

import os

__all__ = ["RandomIdGenerator", "bits"]

cdef uint64_t[4] _state


cdef inline uint64_t _rotated(uint64_t value, int by) noexcept:
    return (value << by) | (value >> (64 - by))


cdef uint64_t _next() noexcept:
    cdef uint64_t result = _rotated(_state[0] + _state[3], 23) + _state[0]
    cdef uint64_t shifted = _state[1] << 17
    _state[2] ^= _state[0]
    _state[3] ^= _state[1]
    _state[1] ^= _state[2]
    _state[0] ^= _state[3]
    _state[2] ^= shifted
    _state[3] = _rotated(_state[3], 45)
    return result


def _seed():
    cdef bytes seed = os.urandom(32)
    cdef int word, at
    for word in range(4):
        _state[word] = 0
        for at in range(8):
            _state[word] = (_state[word] << 8) | <unsigned char>seed[8 * word + at]
    _state[0] |= 1  # the state must not be all zero


_seed()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_seed)


cdef extern from *:
    """
    static PyObject *traceo_int128(unsigned long long high, unsigned long long low) {
    #if PYLONG_BITS_IN_DIGIT == 30 && PY_VERSION_HEX < 0x030C0000
        if (high >> 56) {  /* five digits; to write them down costs a third of the general way */
            PyLongObject *made = _PyLong_New(5);
            if (made == NULL) return NULL;
            made->ob_digit[0] = (digit)(low & PyLong_MASK);
            made->ob_digit[1] = (digit)((low >> 30) & PyLong_MASK);
            made->ob_digit[2] = (digit)(((high << 4) | (low >> 60)) & PyLong_MASK);
            made->ob_digit[3] = (digit)((high >> 26) & PyLong_MASK);
            made->ob_digit[4] = (digit)(high >> 56);
            return (PyObject *)made;
        }
    #endif
        unsigned char bytes[16];
        for (int at = 0; at < 8; at++) {
            bytes[at] = (unsigned char)(low >> (8 * at));
            bytes[8 + at] = (unsigned char)(high >> (8 * at));
        }
    #if PY_VERSION_HEX >= 0x030D0000
        return PyLong_FromUnsignedNativeBytes(bytes, 16, Py_ASNATIVEBYTES_LITTLE_ENDIAN);
    #else
        return _PyLong_FromByteArray(bytes, 16, 1, 0);
    #endif
    }
    """
    object traceo_int128(unsigned long long high, unsigned long long low)


cdef class RandomIdGenerator:
    """Ids from 64 and 128 random bits; all bits of a trace id are random (W3C trace context level 2)."""

    cpdef generate_span_id(self):
        """A non-zero 64-bit int."""
        cdef uint64_t span_id = _next()
        return span_id if span_id else 1

    cpdef generate_trace_id(self):
        """A non-zero 128-bit int."""
        cdef uint64_t high = _next()
        cdef uint64_t low = _next()
        return traceo_int128(high, low if high | low else 1)

    cpdef is_trace_id_random(self):
        """Yes: the W3C random flag is set on new traces."""
        return True


def bits(int count):
    """``count`` random bits, 64 or 128."""
    cdef uint64_t low = _next()
    return low if count == 64 else traceo_int128(_next(), low)
