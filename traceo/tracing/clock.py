"""The time of spans: unix nanoseconds.

``clock.pyx`` is the compiled twin, see ``traceo._compiled``: it asks the operating system itself where
Python's own clock is wanted.
"""

from collections.abc import Callable

__all__ = ["Clock"]


class Clock:
    """Unix nanoseconds from ``read``, usually ``time.time_ns``."""

    __slots__ = ("read",)

    def __init__(self, read: Callable[[], int]) -> None:
        self.read = read

    def now(self) -> int:
        """The time now."""
        return self.read()


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
