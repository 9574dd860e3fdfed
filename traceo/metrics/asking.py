"""Asking the application's callbacks, and not waiting for ever: one that hangs must not hold the pipeline.

They run in a thread of their own, made for each collection. If they are not done in time, the collection
goes on with what they said so far; what they say later is not taken, and nobody is asked again before they
are done.
"""

from collections.abc import Callable

from traceo import native
from traceo.metrics.losses import Losses

__all__ = ["Asker", "Round"]


class Round:
    """One time of asking; ``take`` does nothing once it is over."""

    __slots__ = ("_is_over", "_lock", "_running")

    def __init__(self) -> None:
        self._is_over = False
        self._lock = native.reentrant_lock()
        self._running = native.allocate_lock()
        self._running.acquire()

    def run(self, work: Callable[["Round"], object]) -> None:
        """Do it; in the thread for it."""
        try:
            work(self)
        finally:
            self._running.release()

    def is_done(self, timeout_s: float) -> bool:
        """Wait for it, so long."""
        if not self._running.acquire(timeout=max(0.0, timeout_s)):
            return False
        self._running.release()
        return True

    def take(self, record: Callable[[], object]) -> bool:
        """Call ``record`` if this is still the time for it; False if it is over."""
        with self._lock:
            if not self._is_over:
                record()
            return not self._is_over

    def end(self) -> None:
        """Take nothing more."""
        with self._lock:
            self._is_over = True


class Asker:
    """Has callbacks asked, one round at a time."""

    __slots__ = ("_losses", "_unfinished")

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._unfinished: Round | None = None

    def ask(self, work: Callable[[Round], object], timeout_s: float) -> None:
        """Do ``work``, which never raises, for at most ``timeout_s``."""
        if self._unfinished is not None and not self._unfinished.is_done(0):
            self._losses.count("callback unfinished", "", "Callbacks of metrics still run: none are asked.")
            return
        self._unfinished = None
        round_ = Round()
        try:
            native.start_new_thread(round_.run, (work,))
        except RuntimeError:  # no threads any more: the interpreter is about to end
            round_.run(work)
        if not round_.is_done(timeout_s):
            round_.end()
            self._unfinished = round_
            self._losses.count("callback unfinished", "", "Callbacks of metrics take too long.")

    def after_fork_in_child(self) -> None:
        """The thread is the parent's."""
        self._unfinished = None
