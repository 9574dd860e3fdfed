"""The few lines Traceo says on stderr when delivery does not work.

One when it has failed for ten seconds, so that a collector that restarts is no news; then one a minute at
most; and one at the end of the process if telemetry was lost and no line of the last minute says so. All
through the logger ``traceo``, which ends here: it does not propagate, so no handler of the application's sees
these lines, and ours makes no telemetry of them.
"""

import logging
import sys
import time
from collections.abc import Callable

from traceo.native import reentrant_lock
from traceo.pipeline.health import RATE_LIMITED, Counts

__all__ = ["Trouble", "speak_on_stderr"]

_GRACE_S = 10.0
_PERIOD_S = 60.0
_MOST_LINES = 50

_log = logging.getLogger("traceo")


class _Stderr(logging.Handler):
    """Writes to whatever ``sys.stderr`` is at that moment, and to nothing if there is none.

    The same words come once a minute at most, and no more than fifty different ones: the application may
    make the same mistake with each request.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(logging.WARNING)
        self._clock = clock
        self._said: set[str] = set()
        self._since = clock()

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """The operating system's lock: the pipeline thread and the application's greenlets share it."""
        super().createLock()  # logging renews it in a forked child
        self.lock = reentrant_lock()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
            if not self._is_news(line):
                return
            stream = sys.stderr
            stream.write(f"{line}\n")
            stream.flush()
        except Exception:  # closed, redirected to something odd, or None under pythonw
            return

    def _is_news(self, line: str) -> bool:
        now = self._clock()
        if now - self._since >= _PERIOD_S:
            self._said.clear()
            self._since = now
        if line in self._said or len(self._said) >= _MOST_LINES:
            return False
        self._said.add(line)
        return True


def speak_on_stderr(clock: Callable[[], float] = time.monotonic) -> None:
    """Give the logger ``traceo`` its own way to stderr, unless the application has given it one."""
    _log.propagate = False
    if not _log.handlers:
        handler = _Stderr(clock)
        handler.setFormatter(logging.Formatter("traceo: %(message)s"))
        _log.addHandler(handler)


Balance = Callable[[], tuple[Counts, Counts]]


class Trouble:
    """Decides when a line is due. Called by the pipeline thread, and by the main thread at exit.

    Args:
        endpoint: for a line without a reason; the others name it themselves.
        balance: the counts of spans and of logs, asked for only when a line is written.
        advice: what to do about it, a clause.
        clock: seconds, monotonic.
    """

    __slots__ = ("_advice", "_balance", "_clock", "_endpoint", "_has_noted", "_last", "_since", "reason")

    def __init__(self, endpoint: str, balance: Balance, advice: str, clock: Callable[[], float]) -> None:
        self._endpoint = endpoint
        self._balance = balance
        self._advice = advice
        self._clock = clock
        self._since: float | None = None
        self._last: float | None = None
        self._has_noted = False
        self.reason = ""
        """Why the last attempt failed; empty after a success."""

    def failed(self, reason: str) -> None:
        """A delivery did not succeed and will be tried again."""
        now = self._clock()
        self.reason = reason
        if self._since is None:
            self._since = now
        if now - self._since >= _GRACE_S:
            self._say_if_due(now)

    def lost(self, reason: str) -> None:
        """Something was dropped while the process goes on: refused, or more than there is room for."""
        self.reason = reason
        self._say_if_due(self._clock())

    def worked(self) -> None:
        """A delivery succeeded."""
        self._since = None
        self.reason = ""

    def ended(self, lost: int) -> None:
        """The process ends and this much is lost with it."""
        if lost and self._is_due(self._clock()):
            spans, logs = (_lost(counts) for counts in self._balance())
            # Metrics alone: otherwise the line is about what somebody will miss.
            dropped = (
                _amount(spans, logs) if spans or logs else f"{lost} data point{'' if lost == 1 else 's'}"
            )
            _log.warning("%s; %s dropped at exit; %s", self._cause(), dropped, self._advice)

    def note(self, text: str) -> None:
        """Something else that the user should know, once in the life of the process."""
        if not self._has_noted:
            self._has_noted = True
            _log.warning("%s", text)

    def _is_due(self, now: float) -> bool:
        return self._last is None or now - self._last >= _PERIOD_S

    def _say_if_due(self, now: float) -> None:
        if not self._is_due(now):
            return
        self._last = now
        spans, logs = self._balance()
        on_disk = spans.spooled + logs.spooled
        _log.warning(
            "%s; %s%s kept in memory until the process ends, %s dropped; %s",
            self._cause(),
            f"{_amount(spans.spooled, logs.spooled)} kept on disk, " if on_disk else "",
            _amount(spans.waiting, logs.waiting),
            _amount(_lost(spans), _lost(logs)),
            self._advice,
        )

    def _cause(self) -> str:
        return self.reason or f"{self._endpoint}: not delivered in time"


def _lost(counts: Counts) -> int:
    """What was dropped for want of delivery; what a rate limit leaves out is told where it was left out."""
    return sum(count for reason, count in counts.dropped.items() if reason != RATE_LIMITED)


def _amount(spans: int, logs: int) -> str:
    """For people.

    >>> _amount(1, 0), _amount(3, 2), _amount(0, 2)
    ('1 span', '3 spans and 2 log lines', '2 log lines')
    """
    amounts = [f"{spans} span{'' if spans == 1 else 's'}"] if spans or not logs else []
    if logs:
        amounts.append(f"{logs} log line{'' if logs == 1 else 's'}")
    return " and ".join(amounts)
