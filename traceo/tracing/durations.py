"""Metrics of spans: how many, how many failed, how long they took; whatever the sampler does.

A span of kind server, client, producer or consumer is measured as it ends, in the application's thread and
before sampling counts: into the histogram that the semantic conventions name for it, under those of its
attributes that have few values. What a span is, its marker attribute says: see ``traceo.tracing.families``.

Counts only grow here, and only the pipeline thread compares them with what it saw before, so that measuring
takes no lock: a plain ``+=`` on a slot or a list item is not interrupted under CPython's GIL.

Compiled by Cython with the types in ``durations.pxd``, see ``traceo._compiled``.
"""

# ruff: noqa: SLF001  spans, and what measures them, are one machine
# pyright: reportPrivateUsage=false

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from opentelemetry.trace import SpanKind, StatusCode

from traceo.semconv import (
    ERROR_TYPE,
    EXCEPTION_TYPE,
    MESSAGING_DESTINATION_ANONYMOUS,
    MESSAGING_DESTINATION_NAME,
    MESSAGING_DESTINATION_TEMPORARY,
)
from traceo.tracing.families import FAMILIES, OTHER, TOKENS, Shape

__all__ = ["Durations", "Family", "Series"]

_SERVER, _CLIENT, _PRODUCER, _CONSUMER = (
    SpanKind.SERVER,
    SpanKind.CLIENT,
    SpanKind.PRODUCER,
    SpanKind.CONSUMER,
)
_ERROR = StatusCode.ERROR
_UNKNOWN = "_OTHER"
_DESTINATION, _TEMPORARY, _ANONYMOUS = (
    MESSAGING_DESTINATION_NAME,
    MESSAGING_DESTINATION_TEMPORARY,
    MESSAGING_DESTINATION_ANONYMOUS,
)
_HUGE = 1 << 62
_MOST_BEYOND = 4096


class Series:
    """One histogram: of one family, under one set of attributes. Values are whole: nanoseconds or tokens."""

    __slots__ = ("_counts", "_exemplars", "_key", "_largest", "_smallest", "_told", "_told_total", "_total")

    _counts: list[int]
    _exemplars: list[Any] | None
    _key: tuple[Any, ...]
    _largest: int
    _smallest: int
    _told: list[int]  # what the last collection saw, where collections tell differences
    _told_total: int
    _total: int

    def add(self, place: int, value: int) -> None:
        """Count one value that belongs into the bucket at ``place``."""
        self._counts[place] = self._counts[place] + 1
        self._total += value
        if value < self._smallest:  # noqa: PLR1730  min() is a call
            self._smallest = value
        if value > self._largest:  # noqa: PLR1730
            self._largest = value

    def point_out(self, place: int, value: int, time: Any, trace_id: Any, span_id: Any) -> None:
        """Let a trace that is kept stand for the bucket."""
        exemplars = self._exemplars
        if exemplars is None:
            made: list[Any] = [None] * len(self._counts)
            exemplars = self._exemplars = made
        exemplars[place] = (value, time, trace_id, span_id)

    @property
    def key(self) -> tuple[Any, ...]:
        """The values of its attributes; empty for the overflow series."""
        return self._key

    def snapshot(self, *, reset: bool) -> tuple[list[int], int, int, int]:
        """(counts by bucket, total, smallest, largest), of all or of what came since the last ``reset``."""
        counts, total = list(self._counts), self._total
        smallest, largest = self._smallest, self._largest
        if not reset:
            return counts, total, smallest, largest
        self._smallest, self._largest = _HUGE, -1
        since = [now - before for now, before in zip(counts, self._told, strict=True)]
        since_total = total - self._told_total
        self._told, self._told_total = counts, total
        return since, since_total, smallest, largest

    def take_exemplars(self) -> list[Any]:
        """(value, time, trace id, span id) of each since the last call."""
        exemplars, self._exemplars = self._exemplars, None
        return [exemplar for exemplar in exemplars or () if exemplar is not None]


class Family:
    """The series of one histogram. ``shape`` says of which attributes, bounds and unit."""

    __slots__ = (
        "_beyond",
        "_bounds",
        "_is_other",
        "_limit",
        "_named_at",
        "_reads",
        "_series",
        "overflowed",
        "shape",
    )

    _bounds: tuple[int, ...]
    _is_other: bool
    _limit: int
    _named_at: int  # where the name of a destination stands, -1 where there is none
    _reads: tuple[str, ...]
    _series: dict[tuple[Any, ...], Series]

    def __init__(self, shape: Shape, limit: int) -> None:
        self.shape = shape
        self._bounds = shape.bounds
        self._reads = shape.reads
        self._is_other = shape is OTHER
        self._named_at = shape.reads.index(_DESTINATION) if _DESTINATION in shape.reads else -1
        self._limit = limit
        self._series = {}
        self._beyond: list[tuple[set[Any], set[int]]] | None = None
        self.overflowed = 0
        """Spans that found no series of their own."""

    def key(self, span: Any, attributes: dict[str, Any], error: Any) -> tuple[Any, ...]:
        """The attributes' values in the order of ``shape.names``."""
        if self._is_other:
            status = "unset" if span._status is None else _name_of(span._status)
            return (span._name, span._kind._name_.lower(), status, error)
        values = [attributes.get(name) for name in self._reads]
        if self._named_at >= 0 and (attributes.get(_TEMPORARY) or attributes.get(_ANONYMOUS)):
            values[self._named_at] = None  # a name for one conversation
        values.append(error)
        return tuple(values)

    def at(self, key: tuple[Any, ...]) -> Series:
        """The series of these values, made when it is not there; the overflow's when there are too many."""
        try:
            series = self._series.get(key)
        except TypeError:  # a value that is a map: not one of few
            key = ()
            series = self._series.get(key)
        if series is None:
            if key and len(self._series) >= self._limit:
                self._refuse(key)
                return self.at(())
            made = Series.__new__(Series)
            made._key = key
            made._counts = [0] * (len(self._bounds) + 1)
            made._told = [0] * (len(self._bounds) + 1)
            made._total = made._told_total = 0
            made._smallest = _HUGE
            made._largest = -1
            made._exemplars = None
            series = self._series.setdefault(key, made)  # another thread may have been quicker
        return series

    def _refuse(self, key: tuple[Any, ...]) -> None:
        """Note which values come too late."""
        self.overflowed += 1
        if self._beyond is None:  # from now on no series comes to the others
            known = [one for one in list(self._series) if one]
            self._beyond = [({one[place] for one in known}, set()) for place in range(len(key))]
        for (seen, beyond), value in zip(self._beyond, key, strict=True):
            if value not in seen and len(beyond) < _MOST_BEYOND:
                beyond.add(hash(value))

    def overflows(self) -> dict[str, int]:
        """``instrument{attribute}`` → values that came too late for a series, as far as they are counted."""
        name = self.shape.metric
        if self._beyond is None:
            return {}
        found = {
            f"{name}{{{attribute}}}": len(beyond)
            for attribute, (_, beyond) in zip(self.shape.names, self._beyond, strict=True)
            if beyond
        }
        return found or {f"{name}{{*}}": self.overflowed}

    def place(self, value: int) -> int:
        """The bucket of a value; upper bounds are inclusive."""
        return bisect_left(self._bounds, value)

    def all(self) -> list[Series]:
        """Every series."""
        return list(self._series.values())


class Durations:
    """What a provider measures of its spans.

    Args:
        limit: the most series of one histogram, the overflow series not counted.
        on_first: called once a process, when a span is first measured.
        exemplars: whether kept traces stand for the values.
    """

    __slots__ = ("_exemplars", "_families", "_limit", "_on_first", "_other", "_waits", "failures")

    _exemplars: bool
    # kind → (marker, the value it must have or "", its family, the tokens' or None)
    _families: dict[Any, tuple[tuple[str, str, Any, Any], ...]]
    _other: Family
    _waits: bool

    def __init__(
        self, *, limit: int = 2000, on_first: Callable[[], object] | None = None, exemplars: bool = True
    ) -> None:
        self._limit = limit
        self._on_first = on_first
        self._exemplars = exemplars
        self.failures = 0
        self._renew()

    def _renew(self) -> None:
        made = {shape: Family(shape, self._limit) for row in FAMILIES for shape in row.shapes}
        made[OTHER] = Family(OTHER, self._limit)
        self._families = {
            kind.value: tuple(
                (row.marker, row.value, made[row.shapes[0]], made[TOKENS] if TOKENS in row.shapes else None)
                for row in FAMILIES
                if kind in row.kinds
            )
            for kind in (_SERVER, _CLIENT, _PRODUCER, _CONSUMER)
        }
        self._other = made[OTHER]
        self._waits = self._on_first is not None

    def measure(self, span: Any, kind: Any, attributes: Any, start: Any, end: Any, sampled: bool) -> None:  # noqa: FBT001  positional for speed
        """Take an ended span; never raises. Of an internal one nothing is measured."""
        try:
            rows = self._rows(kind)
            if rows is None:
                return
            if self._waits:
                self._waits = False
                if self._on_first is not None:
                    self._on_first()
            given: dict[str, Any] = {} if attributes is None else attributes
            family: Family = self._other
            tokens: Any = None
            for marker, wanted, found, counted in rows:
                if marker in given and (not wanted or given[marker] == wanted):
                    family, tokens = found, counted
                    break
            value = _whole(end - start)
            place = family.place(value)
            series = family.at(family.key(span, given, _error_of(span, given)))
            series.add(place, value)
            if sampled and self._exemplars:
                series.point_out(place, value, end, span._trace_id, span._span_id)
            if tokens is not None:
                self._count_tokens(tokens, span, given, end, sampled)
        except Exception:  # an attribute that cannot be compared, a time that is no number
            self.failures += 1

    def keep(self, span: Any) -> None:
        """A span that was measured is kept after all: let it stand for its value."""
        rows = self._rows(span._kind)
        if rows is None or not self._exemplars:
            return
        try:
            given: dict[str, Any] = span._attributes or {}
            family: Family = self._other
            for marker, wanted, found, _ in rows:
                if marker in given and (not wanted or given[marker] == wanted):
                    family = found
                    break
            value = _whole(span._end_time - span._start_time)
            series = family.at(family.key(span, given, _error_of(span, given)))
            series.point_out(family.place(value), value, span._end_time, span._trace_id, span._span_id)
        except Exception:  # as above
            self.failures += 1

    def _rows(self, kind: Any) -> Any:
        """Of this kind of span; None for internal ones, and for what is no kind."""
        if kind is _SERVER or kind is _CLIENT or kind is _PRODUCER or kind is _CONSUMER:
            return self._families[kind._value_]  # .value is a call through three descriptors
        return None

    def _count_tokens(
        self,
        family: Family,
        span: Any,
        attributes: dict[str, Any],
        end: Any,
        sampled: bool,  # noqa: FBT001
    ) -> None:
        for kind, name in TOKENS.counts:
            value = attributes.get(name)
            if type(value) is not int or value < 0:
                continue
            key = family.key(span, attributes, None)
            series = family.at((*key[: len(key) - 1], kind))
            place = family.place(value)
            series.add(place, value)
            if sampled and self._exemplars:
                series.point_out(place, value, end, span._trace_id, span._span_id)

    def families(self) -> list[Family]:
        """Those that may have series."""
        found: dict[int, Family] = {id(self._other): self._other}
        for rows in self._families.values():
            for _, _, family, tokens in rows:
                found[id(family)] = family
                if tokens is not None:
                    found[id(tokens)] = tokens
        return list(found.values())

    def after_fork_in_child(self) -> None:
        """Start from zero: what was measured before is the parent's."""
        self._renew()


def _whole(value: Any) -> int:
    """The value, not below zero: a clock may have been set back."""
    if type(value) is not int:  # times that an application gave
        value = int(value)
    return value if value > 0 else 0  # noqa: FURB136  max() is a call


def _error_of(span: Any, attributes: dict[str, Any]) -> Any:
    """What a failed span failed with, None for one that did not: ``error.type``, else the exception's."""
    error = attributes.get(ERROR_TYPE)
    if error is not None:
        return error
    status = span._status
    if status is None or status.status_code is not _ERROR:
        return None
    for event in reversed(span._events or ()):
        found = (event._attributes or {}).get(EXCEPTION_TYPE)
        if found is not None:
            return found
    return _UNKNOWN


def _name_of(status: Any) -> str:
    return "error" if status.status_code is _ERROR else status.status_code.name.lower()


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
