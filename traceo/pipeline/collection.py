"""From instruments to batches: collect, redact, encode. The way of metrics, once a minute and at every flush.

They do not pass the queue: what the application measures is added up where it is measured, and one collection
is as large as the number of series, however much is measured.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from traceo.native import pause
from traceo.pipeline.backlog import Batch
from traceo.pipeline.health import METRICS
from traceo.pipeline.marking import mark
from traceo.pipeline.scrub_metrics import MetricScrubber
from traceo.records import MetricRecord

__all__ = ["MetricParts", "Schedule", "prepare_metrics"]

_LARGE_BYTES = 4 * 1024 * 1024  # as for the other signals
_YIELD_EVERY = 64  # points
_REFUSED_S = 600.0

Drop = Callable[[str, str, int], None]


class MetricParts(msgspec.Struct, frozen=True, kw_only=True):
    """What the pipeline thread works with for metrics."""

    collect: Callable[[float], Sequence[MetricRecord]]
    """Every instrument's points. Never raises; asks code of the application, for at most so many seconds."""
    scrubber: MetricScrubber
    encode: Callable[[Sequence[MetricRecord]], bytes]
    tick: Callable[[], object] = tuple
    """Called whenever the thread is awake: what is sampled between two collections. Never raises."""
    watch: Callable[[Sequence[MetricRecord]], object] | None = None
    """Sees what leaves, for tests."""


class Schedule:
    """When the next collection is due. Pipeline thread only.

    Args:
        every_s: the time between two; ``None`` for flushes and the end only.
        clock: seconds, monotonic.
    """

    __slots__ = ("_clock", "_due", "_every_s", "_last")

    def __init__(self, every_s: float | None, clock: Callable[[], float]) -> None:
        self._every_s = every_s
        self._clock = clock
        self._due = clock() + every_s if every_s is not None else 0.0
        self._last: float | None = None

    def wait_s(self) -> float:
        """Seconds until then; negative for never."""
        return -1.0 if self._every_s is None else max(0.0, self._due - self._clock())

    def done(self) -> None:
        """One was made."""
        self._last = self._clock()
        self.skip()

    def skip(self) -> None:
        """It is somebody else's turn, or the next one's."""
        now = self._clock()
        if self._every_s is not None and now >= self._due:
            # On a raster, so that a flush in between does not move it; what was missed is not made up for.
            self._due += ((now - self._due) // self._every_s + 1) * self._every_s

    def is_in_vain(self, *, refused: int) -> bool:
        """Whether the endpoint takes no metrics, and was asked not long ago."""
        return bool(refused) and self._last is not None and self._clock() - self._last < _REFUSED_S


def prepare_metrics(
    records: Sequence[MetricRecord],
    parts: MetricParts,
    drop: Drop,
    *,
    dropped: Mapping[str, int],
    left_out: Callable[[], int],
    halt: Sequence[Callable[[], object]] = (),
) -> tuple[int, list[Batch]]:
    """(points that there were, batches of those that may leave).

    Series that redaction made one count as one. `drop` and `halt` as for `traceo.pipeline.prepare.prepare`.
    """
    lost = 0

    def lose(count: int) -> None:
        nonlocal lost
        lost += count

    seen = 0
    for record in records:
        if halt:
            halt[0]()
        parts.scrubber.add(record, lose)
        seen += len(record.points)
        if seen >= _YIELD_EVERY:
            pause(0)  # hand the interpreter over: the application must not wait for all of it
            seen = 0
    clean = parts.scrubber.take()
    mark(clean, dropped)
    points = _points(clean)
    if lost:
        drop(METRICS, "redaction_error", lost)
    batches = _encode(clean, parts.encode, left_out, drop)
    if parts.watch is not None:
        parts.watch(clean)
    return points + lost, batches


def _points(records: Sequence[MetricRecord]) -> int:
    return sum(len(record.points) for record in records)


def _encode(
    records: Sequence[MetricRecord],
    encode: Callable[[Sequence[MetricRecord]], bytes],
    left_out: Callable[[], int],
    drop: Drop,
) -> list[Batch]:
    """One batch, or several if it came out too large; none if nothing could be encoded."""
    points = _points(records)
    if not points:
        return []
    before = left_out()
    try:
        payload = encode(records)
    except Exception:
        drop(METRICS, "encode_error", points)
        return []
    if len(payload) <= _LARGE_BYTES or len(records) == 1:  # one alone is cut when it is found too large
        lost = min(left_out() - before, points)
        if lost:
            drop(METRICS, "encode_error", lost)
        return [Batch(METRICS, payload, points - lost)] if points > lost else []
    half = len(records) // 2
    first = _encode(records[:half], encode, left_out, drop)
    return first + _encode(records[half:], encode, left_out, drop)
