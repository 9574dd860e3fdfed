"""The compiled twin of ``clock.py``: the system's clock without a call through Python."""

import time

__all__ = ["Clock"]

cdef extern from *:
    """
    #include <time.h>
    #if defined(CLOCK_REALTIME) && !defined(_WIN32)
      #define TRACEO_HAS_CLOCK 1
      static long long traceo_now(void) {
          struct timespec now;
          clock_gettime(CLOCK_REALTIME, &now);
          return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
      }
    #else
      #define TRACEO_HAS_CLOCK 0
      static long long traceo_now(void) { return 0; }
    #endif
    """
    bint TRACEO_HAS_CLOCK
    long long traceo_now()


cdef class Clock:
    """Unix nanoseconds from ``read``, usually ``time.time_ns``."""

    def __init__(self, read):
        self.read = read
        self._is_system = TRACEO_HAS_CLOCK and read is time.time_ns

    cpdef now(self):
        """The time now."""
        return traceo_now() if self._is_system else self.read()
