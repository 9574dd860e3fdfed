"""Metrics of the interpreter and its process: CPU, memory, garbage, threads, event loops. Linux and macOS.

Read where the operating system keeps them, once a collection; only event loops are looked at in between. The
names are those of the semantic conventions for processes and CPython.
"""

import gc
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from traceo._version import __version__
from traceo.pipeline.loops import Loops
from traceo.records import Attributes, MetricRecord, NumberPoint, ResourceRecord, ScopeRecord

try:
    import resource as _usage
except ImportError:  # Windows
    _usage = None

__all__ = ["RuntimeMetrics"]

_DELTA, _CUMULATIVE = 1, 2
_SCOPE = ScopeRecord("traceo.runtime", __version__)
_USER: Attributes = {"cpu.mode": "user"}
_SYSTEM: Attributes = {"cpu.mode": "system"}
_VOLUNTARY: Attributes = {"process.context_switch.type": "voluntary"}
_INVOLUNTARY: Attributes = {"process.context_switch.type": "involuntary"}
_GENERATIONS: tuple[Attributes, ...] = tuple({"cpython.gc.generation": number} for number in range(3))
_STATM = Path("/proc/self/statm")
_DESCRIPTORS = Path("/proc/self/fd")

Reading = list[tuple[float, Attributes | None]]


class RuntimeMetrics:
    """Reads the process it runs in. Pipeline thread only.

    Args:
        is_delta: tell what has come since the last time instead of everything so far.
        clock: unix nanoseconds.
    """

    __slots__ = ("_clock", "_is_delta", "_since_ns", "_told", "loops")

    def __init__(self, *, is_delta: bool, clock: Callable[[], int]) -> None:
        self._is_delta = is_delta
        self._clock = clock
        self.loops = Loops()
        self.restart()

    def restart(self) -> None:
        """In a forked child."""
        self._since_ns = self._clock()
        self._told: dict[tuple[str, str], float] = {}
        self.loops.restart()

    def collect(self, resource: ResourceRecord) -> list[MetricRecord]:
        """Whatever this system has of them."""
        now_ns = self._clock()
        found: list[MetricRecord] = []
        for name, kind, unit, description, read in _METRICS:
            readings = _attempt(read)
            if readings:
                found.append(self._record(resource, name, kind, unit, description, readings, now_ns))
        found += self.loops.collect(resource, _SCOPE, now_ns, is_delta=self._is_delta)
        if self._is_delta:
            self._since_ns = now_ns
        return found

    def _record(
        self,
        resource: ResourceRecord,
        name: str,
        kind: str,
        unit: str,
        description: str,
        readings: Reading,
        now_ns: int,
    ) -> MetricRecord:
        is_counter = kind == "counter"
        is_delta = self._is_delta and is_counter
        points: list[NumberPoint] = []
        for value, attributes in readings:
            told = 0.0
            if is_delta:
                told = self._told.get((name, str(attributes)), 0.0)
                self._told[(name, str(attributes))] = value
            points.append(
                NumberPoint(value - told if is_delta else value, now_ns, self._since_ns, attributes)
            )
        return MetricRecord(
            resource=resource,
            scope=_SCOPE,
            name=name,
            kind="sum",
            unit=unit,
            description=description,
            points=points,
            temporality=_DELTA if is_delta else _CUMULATIVE,
            is_monotonic=is_counter,
        )


def _attempt(read: Callable[[], Reading]) -> Reading:
    try:
        return read()
    except Exception:  # a system that keeps it elsewhere
        return []


def _cpu() -> Reading:
    times = os.times()
    return [(times.user, _USER), (times.system, _SYSTEM)]


def _memory() -> Reading:
    pages = _STATM.read_text().split()
    return [(int(pages[1]) * os.sysconf("SC_PAGE_SIZE"), None)]


def _virtual() -> Reading:
    return [(int(_STATM.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE"), None)]


def _threads() -> Reading:
    # Of the operating system where it tells, so that threads of C libraries count.
    tasks = "/proc/self/task"
    return [(len(os.listdir(tasks)) if os.path.isdir(tasks) else threading.active_count(), None)]  # noqa: PTH112, PTH208  no path objects for a count


def _descriptors() -> Reading:
    return [(len(os.listdir(_DESCRIPTORS)) - 1, None)]  # noqa: PTH208  as above; less the one that looks


def _switches() -> Reading:
    if _usage is None:
        return []
    used = _usage.getrusage(_usage.RUSAGE_SELF)
    return [(used.ru_nvcsw, _VOLUNTARY), (used.ru_nivcsw, _INVOLUNTARY)]


def _faults() -> Reading:
    if _usage is None:
        return []
    used = _usage.getrusage(_usage.RUSAGE_SELF)
    return [
        (used.ru_minflt, {"process.paging.fault_type": "minor"}),
        (used.ru_majflt, {"process.paging.fault_type": "major"}),
    ]


def _garbage(what: str) -> Callable[[], Reading]:
    def read() -> Reading:
        if sys.implementation.name != "cpython":
            return []
        stats: list[dict[str, Any]] = gc.get_stats()
        return [(row[what], named) for row, named in zip(stats, _GENERATIONS, strict=False)]

    return read


# name, counter or sum, unit, description, how to read it
_METRICS: tuple[tuple[str, str, str, str, Callable[[], Reading]], ...] = (
    ("process.cpu.time", "counter", "s", "CPU time of the process.", _cpu),
    ("process.memory.usage", "sum", "By", "Physical memory in use.", _memory),
    ("process.memory.virtual", "sum", "By", "Virtual memory committed.", _virtual),
    ("process.thread.count", "sum", "{thread}", "Threads of the process.", _threads),
    (
        "process.unix.file_descriptor.count",
        "sum",
        "{file_descriptor}",
        "Open file descriptors.",
        _descriptors,
    ),
    ("process.context_switches", "counter", "{context_switch}", "Context switches.", _switches),
    ("process.paging.faults", "counter", "{fault}", "Page faults.", _faults),
    (
        "cpython.gc.collections",
        "counter",
        "{collection}",
        "Times that a generation was collected.",
        _garbage("collections"),
    ),
    (
        "cpython.gc.collected_objects",
        "counter",
        "{object}",
        "Objects collected.",
        _garbage("collected"),
    ),
    (
        "cpython.gc.uncollectable_objects",
        "counter",
        "{object}",
        "Objects found that cannot be collected.",
        _garbage("uncollectable"),
    ),
)
