"""How late event loops are, and how many tasks they have; of the loops that there are.

A loop is found by its tasks, asked from outside and woken at most once a second: the probe is a callback that
notes how long it had to wait. It keeps no loop alive, and a loop that has not answered gets no second one.
"""

import sys
import time
from bisect import bisect_left
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary

from traceo.records import HistogramPoint, MetricRecord, NumberPoint, ResourceRecord, ScopeRecord

__all__ = ["Loops"]

_EVERY_NS = 1_000_000_000
_MOST_ASKED = 1000  # tasks: their loops are few
_DELTA, _CUMULATIVE = 1, 2
_BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Loops:
    """The event loops of this process. `look` and `collect` in the pipeline thread, probes in the loops'."""

    __slots__ = ("_asked", "_counts", "_largest", "_last_ns", "_since_ns", "_smallest", "_total_ns")

    def __init__(self) -> None:
        self._last_ns = 0
        self.restart()

    def restart(self) -> None:
        """In a forked child: its loops are others."""
        self._asked: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()
        self._clear()

    def _clear(self) -> None:
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._total_ns = self._largest = 0
        self._smallest = 1 << 62
        self._since_ns = time.time_ns()

    def look(self) -> None:
        """Ask each loop, unless that was done less than a second ago."""
        now_ns = time.monotonic_ns()
        if now_ns - self._last_ns < _EVERY_NS:
            return
        self._last_ns = now_ns
        for loop in {id(loop): loop for loop in map(_loop_of, _tasks(_MOST_ASKED))}.values():
            if loop is None or not loop.is_running() or self._asked.get(loop):
                continue
            try:
                self._asked[loop] = True
                loop.call_soon_threadsafe(self._answered, loop, time.monotonic_ns())
            except Exception:  # it was closed in between, or is of a kind that cannot be asked
                self._asked.pop(loop, None)

    def _answered(self, loop: Any, asked_ns: int) -> None:
        """In the loop's own thread."""
        late_ns = time.monotonic_ns() - asked_ns
        self._asked.pop(loop, None)
        self._counts[bisect_left(_BOUNDS, late_ns / 1e9)] += 1
        self._total_ns += late_ns
        self._largest = max(self._largest, late_ns)
        self._smallest = min(self._smallest, late_ns)

    def collect(
        self, resource: ResourceRecord, scope: ScopeRecord, now_ns: int, *, is_delta: bool
    ) -> list[MetricRecord]:
        """Nothing where there was no loop; with ``is_delta``, what has come since the last time."""
        counts, since_ns = list(self._counts), self._since_ns
        total_ns, smallest, largest = self._total_ns, self._smallest, self._largest
        if not sum(counts):
            return []
        if is_delta:  # a probe that comes between these lines is lost: it is a sample
            self._clear()
        running = sum(1 for task in _tasks() if not task.done())
        return [
            MetricRecord(
                resource=resource,
                scope=scope,
                name="asyncio.event_loop.lag",
                kind="histogram",
                unit="s",
                description="How late event loops run what is due; sampled once a second.",
                temporality=_DELTA if is_delta else _CUMULATIVE,
                points=[
                    HistogramPoint(
                        sum(counts),
                        now_ns,
                        since_ns,
                        sum=total_ns / 1e9,
                        min=smallest / 1e9,
                        max=largest / 1e9,
                        bucket_counts=counts,
                        bounds=_BOUNDS,
                    )
                ],
            ),
            MetricRecord(
                resource=resource,
                scope=scope,
                name="asyncio.task.count",
                kind="gauge",
                unit="{task}",
                description="Tasks that are not done.",
                points=[NumberPoint(running, now_ns)],
            ),
        ]


def _tasks(most: int | None = None) -> list[Any]:
    """The tasks that are alive, whatever their loop; asyncio has no public way to ask from outside."""
    asyncio = sys.modules.get("asyncio.tasks")
    if asyncio is None:
        return []
    known: Any = getattr(asyncio, "_scheduled_tasks", None) or getattr(asyncio, "_all_tasks", ())
    for _ in range(10):
        try:
            return list(islice(known, most))
        except RuntimeError:  # it changed meanwhile
            continue
    return []


def _loop_of(task: Any) -> Any:
    try:
        return task.get_loop()
    except Exception:  # a task of another make
        return None
