"""The ends of a process that run no `atexit`: a fatal signal, `os._exit`, and `os.exec…`.

`Endings` sees to it that delivery gets its time before each of them, and that nothing else about them
changes: the exit status, the handlers the application sets and gets, who may set them.

- Only the *default* action of SIGTERM and SIGHUP is held up. A handler of the application's own stays what it
  is; it ends the process by an exception, by `os._exit`, or by taking the default action after all (Uvicorn
  restores it and raises the signal again), and each of these is covered.
- Our handler is a Python-level one: it runs in the main thread between two bytecodes of anything. It takes no
  lock that what it interrupted might hold, waits a bounded time, and gives way to an import that it
  interrupted, since the pipeline thread may need the same module.
- A signal that somebody handles in C (uWSGI, `faulthandler.register`, a language runtime) is left alone.
"""

import contextlib
import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final

from traceo.pipeline.native import start_new_thread

__all__ = ["Endings", "keep_interrupted"]

_FATAL: Final = tuple(
    int(getattr(signal, name)) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # what asks a process to go and by default is obeyed without a word
_IMPORTER: Final = "<frozen importlib._bootstrap>"


class Endings:
    """Holds up the ends of this process, and of the children it forks, for delivery.

    Args:
        end: delivers what there is within its time and stops; raises nothing; again does nothing.
        flush: delivers what there is within its time; for an end that may not come about.
        is_ready: whether ``end`` needs no import any more.
    """

    def __init__(
        self, end: Callable[[], object], flush: Callable[[], object], is_ready: Callable[[], bool]
    ) -> None:
        self._end = end
        self._flush = flush
        self._is_ready = is_ready
        self._is_active = False
        self._is_put_off = False
        self._handler = self._on_signal  # one object: it is looked for by identity
        self._undo: list[tuple[Any, str, object, object]] = []
        self._set_handler = signal.signal
        self._get_handler = signal.getsignal

    def install(self) -> list[str]:
        """Take hold; returns what could not be done, one sentence each."""
        self._is_active = True
        self._replace_signal()
        self._replace_exit()
        self._replace_exec()
        handled_in_c = _handled_signals()
        try:
            for number in _FATAL:
                if self._get_handler(number) is signal.SIG_DFL and number not in handled_in_c:
                    self._set_handler(number, self._handler)
        except ValueError:
            return ["init() ran outside the main thread: the default action of SIGTERM is not held up"]
        return []

    def uninstall(self) -> None:
        """Let go: everything is as it was, but for what somebody else has replaced since."""
        self._is_active = False
        for owner, name, ours, original in self._undo:
            if getattr(owner, name) is ours:
                setattr(owner, name, original)
        self._undo.clear()
        for number in _FATAL:
            if self._get_handler(number) is self._handler:
                with contextlib.suppress(ValueError):  # not the main thread: the handler then does the same
                    self._set_handler(number, signal.SIG_DFL)

    # Signals.

    def _replace_signal(self) -> None:
        """Show the application the default action where ours stands in, and stand in where it asks for it."""
        set_handler, get_handler = self._set_handler, self._get_handler

        @functools.wraps(set_handler)
        def replaced_signal(signalnum: Any, handler: Any, /) -> Any:
            stands_in = self._is_active and _is_default(handler) and signalnum in _FATAL
            previous = set_handler(signalnum, self._handler if stands_in else handler)
            return signal.SIG_DFL if previous is self._handler else previous

        @functools.wraps(get_handler)
        def replaced_getsignal(signalnum: Any, /) -> Any:
            current = get_handler(signalnum)
            return signal.SIG_DFL if current is self._handler else current

        self._replace(signal, "signal", replaced_signal)
        self._replace(signal, "getsignal", replaced_getsignal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """In place of the default action."""
        if os.getpid() == 1:
            self._flush()  # the kernel spares the first process of a container its default action
            return
        if self._is_active:
            if self._is_put_off:
                return
            if not self._is_ready() and _is_importing(frame) and self._put_off(number):
                return
        self._end()
        self._set_handler(number, signal.SIG_DFL)
        signal.raise_signal(number)
        self._set_handler(number, self._handler)  # it is blocked, and comes later

    def _put_off(self, number: int) -> bool:
        """Deliver while the main thread goes on with its import, then raise the signal again."""

        def deliver() -> None:
            self._end()
            self._is_active = self._is_put_off = False
            os.kill(os.getpid(), number)

        self._is_put_off = True
        try:
            start_new_thread(deliver, ())
        except RuntimeError:  # no thread to be had
            self._is_put_off = False
        return self._is_put_off

    # Calls that end the process.

    def _replace_exit(self) -> None:
        leave = os._exit

        @functools.wraps(leave)
        def replaced_exit(status: int) -> Any:
            try:
                if self._is_active:
                    self._end()
            finally:
                leave(status)

        self._replace(os, "_exit", replaced_exit)

    def _replace_exec(self) -> None:
        """All of the `os.exec…` family end in one of these two. A program that is not there returns."""
        for name in ("execv", "execve"):
            if hasattr(os, name):
                self._replace(os, name, self._flushing(getattr(os, name)))

    def _flushing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def replaced_exec(*args: Any, **kwargs: Any) -> Any:
            if self._is_active:
                self._flush()
            return original(*args, **kwargs)

        return replaced_exec

    def _replace(self, owner: Any, name: str, ours: object) -> None:
        self._undo.append((owner, name, ours, getattr(owner, name)))
        setattr(owner, name, ours)


def keep_interrupted() -> None:
    """Leave the exit status of a program that Ctrl-C has ended at that signal. Called last of all.

    CPython remembers an unhandled `KeyboardInterrupt` until any thread evaluates source text, which imports
    in the pipeline thread do (every `namedtuple` is made that way); the status would then be 1.
    """
    if type(getattr(sys, "last_value", None)) is KeyboardInterrupt and not hasattr(sys, "ps1"):
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt", {})  # noqa: S102 - what makes it remember


def _is_default(handler: object) -> bool:
    return handler is signal.SIG_DFL or (type(handler) is int and handler == int(signal.SIG_DFL))


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTER:
            return True
        frame = frame.f_back
    return False


def _handled_signals() -> frozenset[int]:
    """The signals that have a handler in the kernel's eyes, which Python cannot see when C has set it."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                mask = int(line.removeprefix("SigCgt:"), 16)
                return frozenset(number for number in _FATAL if mask >> (number - 1) & 1)
    except (OSError, ValueError):  # not Linux, or /proc is not mounted: believe Python
        pass
    return frozenset()
