"""The ends of a process that run no `atexit`: a fatal signal, `os._exit`, and `os.exec…`.

`Endings` sees to it that delivery gets its time before each of them, and that nothing else about them
changes: the exit status, the handlers the application sets and gets, who may set them.
"""

import contextlib
import functools
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from traceo.signals import FatalSignals

__all__ = ["Endings", "keep_interrupted"]


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
        self._is_active = False
        self._undo: list[tuple[Any, str, object, object]] = []
        self.signals = FatalSignals(end, flush, is_ready)

    def install(self) -> list[str]:
        """Take hold; returns what could not be done, one sentence each."""
        self._is_active = True
        self._replace_exit()
        self._replace_exec()
        return self.signals.install()

    def uninstall(self) -> None:
        """Let go: everything is as it was, but for what somebody else has replaced since."""
        self._is_active = False
        for owner, name, ours, original in self._undo:
            if getattr(owner, name) is ours:
                setattr(owner, name, original)
        self._undo.clear()
        self.signals.uninstall()

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

    def _replace(self, owner: ModuleType, name: str, ours: Any) -> None:
        ours.__module__ = owner.__name__  # where pickle finds it: the original is of `posix`
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
