"""SIGTERM and SIGHUP: their default action, held up until what waits is delivered.

Only the *default* action. A handler of the application's own stays what it is; it ends the process by an
exception, by `os._exit`, or by taking the default action after all (Uvicorn restores it and raises the signal
again), and each of these is covered. A signal that somebody handles in C (uWSGI, `faulthandler.register`, a
language runtime) is left alone.

Our handler is a Python-level one: it runs in the main thread between two bytecodes of anything, so it takes
no lock that what it interrupted might hold, and waits a bounded time. Such a handler alone would make a
process harder to stop than the default action does: one whose main thread is inside C code, or has just begun
a blocking call, would not notice the signal. `Watch` sees to it that it ends all the same.
"""

import faulthandler
import functools
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final

from traceo.native import get_ident
from traceo.watch import Watch

__all__ = ["FatalSignals"]

_FATAL: Final = frozenset(
    int(getattr(signal, name)) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # what asks a process to go and by default is obeyed without a word
_IMPORTER: Final = "<frozen importlib._bootstrap>"


class FatalSignals:
    """Stands in for the default action of the signals that ask a process to go.

    Args:
        end: delivers what there is within its time and stops; raises nothing; again does nothing.
        flush: delivers what there is within its time, for a process that goes on.
        is_ready: whether ``end`` needs no import any more.
    """

    def __init__(
        self, end: Callable[[], object], flush: Callable[[], object], is_ready: Callable[[], bool]
    ) -> None:
        self._end = end
        self._flush = flush
        self._is_ready = is_ready
        self._handler = self._on_signal  # one object: it is looked for by identity
        self._set_handler = signal.signal
        self._get_handler = signal.getsignal
        self._shown: tuple[object, object] = (self._set_handler, self._get_handler)
        self._watch: Watch | None = None
        self._is_active = False
        self._in_main_thread = True
        self._masked: dict[int, set[int]] = {}  # by thread: what is blocked for the time of a fork

    # Setting up and taking down.

    def install(self) -> list[str]:
        """Stand in; returns what could not be done, one sentence each."""
        if not hasattr(faulthandler, "register"):
            return ["signals are not held up: this platform cannot watch them"]
        self._is_active = True
        self._show_default()
        in_c = _handled_in_c()
        free = [n for n in _FATAL if self._get_handler(n) is signal.SIG_DFL and n not in in_c]
        for number in free:
            if not self._stand_in(number):
                return ["signals are not held up: the host has no file descriptor or thread left"]
        return []

    def uninstall(self) -> None:
        """Let go: everything is as it was, but for what somebody else has replaced since."""
        if not self._is_active:
            return
        self._is_active = False
        for name, ours, original in zip(
            ("signal", "getsignal"), self._shown, (self._set_handler, self._get_handler), strict=True
        ):
            if getattr(signal, name) is ours:
                setattr(signal, name, original)
        watch, self._watch = self._watch, None
        for number in _FATAL:
            if watch is not None and self._is_ours(number):
                watch.unarm(number)
                self._restore(number)
        if watch is not None:
            watch.close()

    def _stand_in(self, number: int) -> bool:
        if self._watch is None:
            try:
                self._watch = Watch(self._pending, self._answer)
            except (OSError, RuntimeError):
                return False
        self._watch.unarm(number)  # first: it brings back what it found when it was armed
        try:
            self._set_handler(number, self._handler)
        except ValueError:  # not the main thread: the watch alone will see it, and the main thread go on
            self._in_main_thread = False
        self._watch.arm(number, chain=self._in_main_thread)
        return True

    def _restore(self, number: int) -> None:
        try:
            if self._get_handler(number) is self._handler:
                self._set_handler(number, signal.SIG_DFL)
        except ValueError:  # not the main thread: our handler then does what the default action does
            return

    def _show_default(self) -> None:
        """Show the application the default action where we stand in, and stand in where it asks for it."""
        set_handler, get_handler = self._set_handler, self._get_handler

        @functools.wraps(set_handler)
        def replaced_signal(signalnum: Any, handler: Any, /) -> Any:
            previous = set_handler(signalnum, handler)
            if self._is_active and _is_default(handler) and signalnum in _FATAL:
                self._in_main_thread = True  # or it would have raised
                self._stand_in(int(signalnum))
            return signal.SIG_DFL if previous is self._handler else previous

        @functools.wraps(get_handler)
        def replaced_getsignal(signalnum: Any, /) -> Any:
            current = get_handler(signalnum)
            return signal.SIG_DFL if current is self._handler else current

        self._shown = (replaced_signal, replaced_getsignal)
        signal.signal, signal.getsignal = replaced_signal, replaced_getsignal

    # When one comes.

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """In place of the default action, in the main thread."""
        if os.getpid() == 1:
            if self._watch is not None:
                self._watch.is_answered = True
            self._flush()  # the kernel spares the first process of a container its default action
            return
        if self._watch is not None and not self._watch.is_over:
            if self._watch.is_listening and not self._is_ready() and _is_importing(frame):
                return  # the pipeline thread may need the same module; the watch delivers meanwhile
            self._watch.is_answered = True
            self._end()
        self._set_handler(number, signal.SIG_DFL)
        signal.raise_signal(number)
        self._set_handler(number, self._handler)  # it is blocked, and comes later

    def _is_ours(self, number: int) -> bool:
        current = self._get_handler(number)
        return current is self._handler or (not self._in_main_thread and current is signal.SIG_DFL)

    def _pending(self) -> int:
        """For the watch: the signal to answer; 0 when the application has taken it, or nothing follows."""
        if not self._is_active or (os.getpid() == 1 and self._in_main_thread):
            return 0
        return next((number for number in sorted(_FATAL, reverse=True) if self._is_ours(number)), 0)

    def _answer(self) -> None:
        """For the watch: the main thread does not."""
        if os.getpid() == 1:
            self._flush()
            return
        self._end()

    # Around a fork: a child's signal must not wake the parent's watch.

    def before_fork(self) -> None:
        """Block the signals until the child has a watch of its own."""
        if self._is_active:
            already = signal.pthread_sigmask(signal.SIG_BLOCK, _FATAL)
            self._masked[get_ident()] = set(_FATAL) - {int(number) for number in already}

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if (masked := self._masked.pop(get_ident(), None)) is not None:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, masked)

    def after_fork_in_child(self) -> None:
        """Watch for this process; where that cannot be done, the default action returns."""
        if self._watch is not None:
            try:
                self._watch.renew()
            except (OSError, RuntimeError):
                self.uninstall()
        self.after_fork_in_parent()
        self._masked.clear()


def _is_default(handler: object) -> bool:
    return handler is signal.SIG_DFL or (type(handler) is int and handler == int(signal.SIG_DFL))


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTER:
            return True
        frame = frame.f_back
    return False


def _handled_in_c() -> frozenset[int]:
    """The signals that have a handler in the kernel's eyes, which Python cannot see when C has set it."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                mask = int(line.removeprefix("SigCgt:"), 16)
                return frozenset(number for number in _FATAL if mask >> (number - 1) & 1)
    except (OSError, ValueError):  # not Linux, or /proc is not mounted: believe Python
        pass
    return frozenset()
