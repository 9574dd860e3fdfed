"""The deep tier's thread: a slow look at a few values, within a budget, and never in doubt about the rest.

The pipeline thread asks and waits; the helper thread looks. What it cannot answer within the batch's budget
is masked whole, and so is everything while it loads, after it failed, or while the breaker is open. A thread
cannot be stopped, so a look that takes too long is left to end by itself; until then nothing else is asked.
"""

import _thread
import os
import time
import weakref
from collections.abc import Callable
from typing import Protocol

from traceo.native import get_ident, start_new_thread, taken_lock, wait
from traceo.redaction.marks import Marks
from traceo.redaction.policy import Policy
from traceo.redaction.spans import Span, render

__all__ = ["MASKED", "Deep", "Finder"]

MASKED = "[REDACTED]"
"""In the place of a value that was not looked at."""

_CLEAN_KEPT = 2048
_CLEAN_CHARS = 512
_FAILURES = 3  # in a row, then the breaker opens
_OPEN_S = 30.0
_LOAD_WAIT_S = 10.0


class Finder(Protocol):
    """What is used of `traceo.redaction.presidio.Presidio`."""

    def find(self, text: str) -> list[Span]:
        """What is personal in the text: in order, without overlap."""
        ...


class _Look:
    """One question to the helper thread."""

    __slots__ = ("done", "error", "spans", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: list[Span] = []
        self.error = ""
        self.done = taken_lock()


class Deep:
    """Asks the helper thread about one text after the other. For the pipeline thread only, but for `note`.

    Args:
        load: makes the finder; runs in the helper thread, from the start.
        policy: says what is done with each type that is found.
        budget_s: how long all looks of one batch may take.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        load: Callable[[], Finder],
        policy: Policy,
        *,
        budget_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._marks = Marks(policy)
        self._budget_s = self._left_s = budget_s
        self._clock = clock
        self._clean: set[str] = set()
        self._finder: Finder | None = None
        self._start()
        _living.add(self)

    def _start(self) -> None:
        """A helper thread for this process."""
        self._process = os.getpid()
        self._broken = ""
        self._failures = 0
        self._open_until = 0.0
        self._look: _Look | None = None
        self._wake = taken_lock()
        self.loaded = taken_lock()
        """Released when the finder is there or will never be."""
        self.thread_id = 0
        try:
            start_new_thread(self._run, (self._wake,))
        except Exception as error:  # no more threads: every value is masked whole
            self._broken = type(error).__name__
            self.loaded.release()

    def begin(self) -> None:
        """A new batch has its own budget."""
        self._left_s = self._budget_s

    def text(self, value: str, hits: list[str]) -> str:
        """``value`` without what the finder finds, the same object if that is nothing; rules go to ``hits``.

        ``deep:…`` rules say why a value was masked whole: ``loading``, ``over_budget``, ``busy``,
        ``breaker``, ``error`` or ``unavailable``.
        """
        if not value or value in self._clean:
            return value
        spans, refusal = self._ask(value)
        if refusal:
            hits.append(f"deep:{refusal}")
            return MASKED
        spans = [span for span in spans if not self._marks.keeps(span.entity)]
        if not spans:
            self._remember(value)
            return value
        hits.extend(dict.fromkeys(span.rule for span in spans))
        return render(value, spans, self._marks.mark)

    @property
    def note(self) -> str:
        """What a user should know about it, for `traceo.status`; empty when all is well."""
        if self._broken:
            return f"deep_keys are masked whole: presidio could not be started ({self._broken})"
        if self._finder is None:
            return "deep_keys are masked whole until presidio is loaded"
        if self._clock() < self._open_until:
            return "deep_keys are masked whole for now: presidio failed or was too slow"
        return ""

    def _ask(self, value: str) -> tuple[list[Span], str]:
        """What was found, or why nobody looked."""
        if self._process != os.getpid():
            self._start()  # a fork takes no thread along; what was loaded stays loaded
        refusal = self._refusal()
        if refusal:
            return [], refusal
        look = self._look = _Look(value)
        allowed_s, began = self._left_s, self._clock()
        self._wake.release()
        answered = wait(look.done, allowed_s)
        self._left_s -= self._clock() - began
        if not answered:
            self._left_s = 0.0
            # A look that got only what the others left over says nothing about the finder.
            self._failed(counts=allowed_s >= self._budget_s / 2)
            return [], "over_budget"
        if look.error:
            self._failed(counts=True)
            return [], "error"
        self._failures = 0
        return look.spans, ""

    def _refusal(self) -> str:
        if self._broken:
            return "unavailable"
        if self._finder is None:
            return "loading"
        if self._clock() < self._open_until:
            return "breaker"
        if self._left_s <= 0:
            return "over_budget"
        if self._look is not None and self._look.done.locked():
            return "busy"
        return ""

    def _failed(self, *, counts: bool) -> None:
        self._failures += counts
        if self._failures >= _FAILURES:
            self._failures = 0
            self._open_until = self._clock() + _OPEN_S

    def _remember(self, value: str) -> None:
        if len(value) > _CLEAN_CHARS:
            return
        if len(self._clean) >= _CLEAN_KEPT:
            self._clean.clear()
        self._clean.add(value)

    # The helper thread.

    def _run(self, wake: _thread.LockType) -> None:
        self.thread_id = get_ident()
        try:
            if self._finder is None:
                self._finder = self._load()
        except BaseException as error:  # the name only: a message may have the text of a value in it
            self._broken = type(error).__name__
            return
        finally:
            self.loaded.release()
        while True:
            wake.acquire()
            look = self._look
            if look is not None:
                self._answer(self._finder, look)

    @staticmethod
    def _answer(finder: Finder, look: _Look) -> None:
        try:
            look.spans = finder.find(look.text)
        except BaseException as error:  # its message may quote the text
            look.error = type(error).__name__
        look.text = ""
        look.done.release()


_living: "weakref.WeakSet[Deep]" = weakref.WeakSet()


def _before_fork() -> None:
    """Nobody in the child would finish an import that the helper thread is in the middle of."""
    for deep in list(_living):
        if deep.thread_id != get_ident():
            wait(deep.loaded, _LOAD_WAIT_S)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)
