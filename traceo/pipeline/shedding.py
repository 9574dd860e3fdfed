"""What goes when there is no room for everything: whole traces by their id, those with an error last.

A trace's rank is a hash of its id, so every span of it, now or later, here or in another service under the
same pressure, meets the same decision. Each step of pressure gives up half of the ranks that are left.
"""

from collections.abc import Callable
from typing import Any, Final

from traceo.records import LogRecord

__all__ = ["ERROR_STATUS", "MOST", "Shed", "identify"]

MOST: Final = 9  # steps: at 8 one trace in 256 is kept, at 9 only those with an error

_RANKS: Final = 256
_FLOORS: Final = tuple(_RANKS - (_RANKS >> step) for step in range(MOST + 1))
_MASK: Final = (1 << 64) - 1
_SPREAD: Final = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio: neighbours land far apart
_REMEMBERED: Final = 8192
_CALM_S: Final = 30.0  # longer than most traces take

ERROR_STATUS: Final = 2
"""OTLP's status code of a span that failed."""
_ERROR_SEVERITY: Final = 17  # OTLP's first


class Shed:
    """Decides which traces are given up. Any thread may ask and `press`; one thread does the rest.

    Args:
        clock: seconds, monotonic.
    """

    __slots__ = ("_calm_at", "_clock", "_cut", "_spared", "step")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._calm_at = 0.0
        # Traces with an error, and traces of which something was given up: the oldest are forgotten.
        self._spared: dict[int, None] = {}
        self._cut: dict[int, None] = {}
        self.step = 0
        """The pressure now: 0 for none, at most `MOST`."""

    @property
    def is_active(self) -> bool:
        """Whether anything may have to be given up."""
        return self.step > 0 or bool(self._cut)

    def spare(self, trace_id: int) -> None:
        """This trace has an error."""
        _remember(self._spared, trace_id)

    def sheds(self, trace_id: int) -> bool:
        """Whether an item of this trace is to be given up, unless it is an error itself."""
        if not self.is_active:
            return False
        if trace_id in self._spared:
            return False
        if _rank(trace_id) < _FLOORS[self.step]:
            _remember(self._cut, trace_id)
            return True
        return trace_id in self._cut  # the pressure has gone, but half a trace helps nobody

    def press(self, step: int) -> None:
        """There is need for at least this much."""
        self.step = max(self.step, min(step, MOST))

    def relax(self, *, is_calm: bool) -> None:
        """Once a turn: let go, a step at a time, while there is plenty of room."""
        if not self.is_active:
            return
        now = self._clock()
        if not is_calm or not self._calm_at:
            self._calm_at = now + _CALM_S
        elif now >= self._calm_at:
            self._calm_at = now + _CALM_S
            if self.step:
                self.step -= 1
            else:
                self._cut.clear()
                self._calm_at = 0.0


def identify(item: Any) -> tuple[int, bool]:
    """(trace id, whether it is an error) of a span, ours or another's, or a record. Never raises.

    A log line that belongs to no trace has its time for an id.
    """
    try:
        if type(item) is LogRecord:
            return item.trace_id or item.time_ns or item.observed_ns, item.severity >= _ERROR_SEVERITY
        status = getattr(item, "status_code", None)
        if status is not None:  # a SpanRecord
            return item.trace_id, status == ERROR_STATUS
        return item.get_span_context().trace_id, item.status.status_code.value == ERROR_STATUS
    except Exception:  # a foreign span may be anything
        return 0, False


def _rank(trace_id: int) -> int:
    # Mixed: samplers decide by the low bits of an id, some tracers write the time into the high ones.
    return (((trace_id ^ trace_id >> 64) & _MASK) * _SPREAD & _MASK) >> 56


def _remember(known: dict[int, None], trace_id: int) -> None:
    known[trace_id] = None
    if len(known) > _REMEMBERED:
        try:
            known.pop(next(iter(known)), None)
        except RuntimeError:  # another thread has changed it in between
            return
