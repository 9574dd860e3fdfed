"""What is ignored, counted by reason and told once for each instrument."""

import logging
from collections import deque
from collections.abc import Mapping

from traceo import native

__all__ = ["Losses"]

_logger = logging.getLogger("traceo")

# So many different warnings are enough for anybody's log; everything is counted.
_MOST_WARNINGS = 200


class Losses:
    """Counts what a meter provider had to ignore, and says so once a reason and instrument."""

    def __init__(self) -> None:
        self._lock = native.reentrant_lock()  # a signal handler may record while its thread is in here
        self._counts: dict[str, int] = {}
        self._told: set[tuple[str, str]] = set()
        self._noted: deque[tuple[str, tuple[object, ...]]] = deque()

    def count(self, reason: str, name: str, message: str, *arguments: object) -> None:
        """One more of ``reason``; ``message`` is logged if it is the first for the instrument ``name``."""
        with self._lock:
            self._counts[reason] = self._counts.get(reason, 0) + 1
        self.tell(reason, name, message, *arguments)

    def tell(self, reason: str, name: str, message: str, *arguments: object) -> None:
        """Log ``message``, once for ``reason`` and ``name``; not while a lock is held, see ``note``."""
        self.note(reason, name, message, *arguments)
        self.speak()

    def note(self, reason: str, name: str, message: str, *arguments: object) -> None:
        """As ``tell``, but logged by the next ``speak``.

        For where a lock is held: a log handler of the application's may measure something, and would wait for
        that lock with the lock of its handler in hand, for which this thread would wait in turn.
        """
        key = (reason, name)
        with self._lock:
            if key in self._told or len(self._told) >= _MOST_WARNINGS:
                return
            self._told.add(key)
            self._noted.append((message, arguments))

    def speak(self) -> None:
        """Log what was noted."""
        while self._noted:
            try:
                message, arguments = self._noted.popleft()
                _logger.warning(message, *arguments)
            except Exception:  # a handler of the application's own, or a thread that was quicker
                return

    def counts(self) -> Mapping[str, int]:
        """How much was ignored, by reason."""
        with self._lock:
            return dict(self._counts)

    def after_fork_in_child(self) -> None:
        """The parent's counts are the parent's."""
        self._lock = native.reentrant_lock()
        self._counts = {}
