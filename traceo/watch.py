"""A thread that notices a signal which the main thread does not come to handle.

Python runs its handlers in the main thread, between two bytecodes. If that thread is inside C code, or in a
blocking call that began in the instant after Python had last looked, a handler may run late or never. The
thread here hears of the signal from `faulthandler`, whose handler is C and writes to a pipe the moment the
signal comes; it is meant to write a traceback to a file, and that anything was written is what counts here.
"""

import contextlib
import faulthandler
import os
import signal
from _thread import LockType
from collections.abc import Callable
from typing import Final

from traceo.native import get_ident, pause, start_new_thread, taken_lock

try:
    from posix import read  # eventlet replaces `os.read`
except ImportError:  # no faulthandler.register there either
    from os import read

__all__ = ["Watch"]

_BEGIN_S: Final = 1.0
_STEP_S: Final = 0.005
_PATIENCE: Final = 20
"""Steps that the main thread gets to answer, and again after it was nudged."""
_LEAVE: Final = os._exit


class Watch:
    """Listens in a thread of its own; made again in a forked child with `renew`.

    Args:
        pending: the number of the signal that must be answered; 0 when none must.
        answer: what the main thread's handler would do before it takes the default action.

    Raises:
        OSError: no file descriptor is left.
        RuntimeError: no thread can be started.
    """

    def __init__(self, pending: Callable[[], int], answer: Callable[[], object]) -> None:
        self._pending = pending
        self._answer = answer
        self._armed: dict[int, bool] = {}
        self._main_thread = 0
        self._pipe: tuple[int, int] | None = None
        self.is_answered = False
        """Set by the main thread's handler as it begins."""
        self.is_over = False
        """The watch has answered; the main thread's handler has only the default action left to take."""
        self._open()

    @property
    def is_listening(self) -> bool:
        """Whether it still does; see `_listen` for when it cannot."""
        return self._pipe is not None

    def arm(self, number: int, *, chain: bool) -> None:
        """Listen for a signal; with ``chain``, from the main thread only, the handler there is runs too."""
        if chain:
            self._main_thread = get_ident()
        self._armed[number] = chain
        self._register(number)

    def unarm(self, number: int) -> None:
        """Stop listening; the handler that was there when it was armed is back, whatever came since."""
        if self._armed.pop(number, None) is not None:
            faulthandler.unregister(number)

    def renew(self) -> None:
        """Have a pipe and a thread in this process, a forked child."""
        self.is_answered = self.is_over = False
        self._main_thread = get_ident()  # whoever forks is the main thread of the child
        inherited, self._pipe = self._pipe, None
        for end in inherited or ():
            _close(end)
        self._open()

    def close(self) -> None:
        """End the thread."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            _close(pipe[1])  # it reads the end of the file, and closes the other end itself

    def _open(self) -> None:
        pipe = os.pipe()
        os.set_blocking(pipe[1], False)  # a handler must not wait
        self._pipe = pipe
        for number in self._armed:
            self._register(number)
        begun = taken_lock()
        try:
            start_new_thread(self._listen, (pipe, begun))
            begun.acquire(timeout=_BEGIN_S)
        except BaseException:
            self._pipe = None
            for end in pipe:
                _close(end)
            raise

    def _register(self, number: int) -> None:
        if self._pipe is not None:
            faulthandler.register(number, file=self._pipe[1], all_threads=False, chain=self._armed[number])

    def _listen(self, pipe: tuple[int, int], begun: LockType) -> None:
        begun.release()
        while _hears(pipe[0]):
            self._see_to(self._pending())
        if self._pipe is not pipe:
            _close(pipe[0])
            return
        # An application that becomes a daemon closes every descriptor it finds. New ones could take the place
        # of those it is about to open: leave it to Python's handler alone.
        self._pipe = None
        while number := self._pending():
            if number not in self._armed:
                return
            self.unarm(number)

    def _see_to(self, number: int) -> None:
        """Wait for the main thread, wake it if it sleeps, and at last do without it."""
        if not number or self._has_answered():
            return
        self._nudge(number)
        if self._has_answered():
            return
        self._answer()
        if os.getpid() == 1:
            return
        self.is_over = True
        self._nudge(number)
        for _ in range(_PATIENCE):
            pause(_STEP_S)
        _take_default(number)

    def _has_answered(self) -> bool:
        for _ in range(_PATIENCE):
            if self.is_answered:
                return True
            pause(_STEP_S)
        return self.is_answered

    def _nudge(self, number: int) -> None:
        """End a system call that the main thread waits in; Python then looks for signals."""
        if self._armed.get(number):
            with contextlib.suppress(OSError):
                signal.pthread_kill(self._main_thread, number)


def _hears(descriptor: int) -> bool:
    """Wait for something to be written; False when nothing can come any more."""
    while True:
        try:
            return bool(read(descriptor, 1024))
        except MemoryError:
            pause(1.0)
        except OSError:
            return False


def _close(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _take_default(number: int) -> None:
    """The default action, from a thread that Python does not let set handlers."""
    faulthandler.unregister(number)  # brings back the default action, or Python's own handler
    with contextlib.suppress(Exception):
        import ctypes  # noqa: PLC0415 - hardly ever

        ctypes.CDLL(None).signal(number, None)
    os.kill(os.getpid(), number)
    pause(0.5)
    _LEAVE(128 + number)  # as a shell would report it
