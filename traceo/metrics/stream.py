"""Streams: one instrument's measurements on their way into the cells of their series. Hot.

A set of attributes is looked up by a key that depends on their order (``keys``), so a cell is known under a
few keys; only what is new, or not plain, goes the slow way through ``place``, which takes the stream's lock.

Compiled by Cython with the types in ``stream.pxd``, see ``traceo._compiled``.
"""

# ruff: noqa: SLF001  the ids of our spans are read from their slots, a call and an object would double the cost
# pyright: reportPrivateUsage=false

from collections.abc import Callable
from typing import Any

from opentelemetry.trace import Span as ApiSpan

from traceo import native
from traceo.metrics.cardinality import Cardinality
from traceo.metrics.cells import Cell
from traceo.metrics.keys import Keys, are_plain, canonical
from traceo.tracing.attributes import clean_into
from traceo.tracing.clock import Clock
from traceo.tracing.context import SPAN_KEY, CurrentSpan
from traceo.tracing.span import SpanIdentity

__all__ = ["ALWAYS", "NEVER", "OVERFLOW", "TRACE_BASED", "LockedStream", "Stream"]

NEVER, TRACE_BASED, ALWAYS = 0, 1, 2
"""Which measurements become exemplars."""

OVERFLOW = "otel.metric.overflow"

# One set of attributes is found quickly in so many orders; who shuffles them more pays for it.
_MOST_ALIASES = 8

_DICT: Any = dict  # as Any, a type checker does not narrow by it to a dict of unknowns

_keys = Keys()
_current = CurrentSpan()


class Stream:
    """Where the measurements of an instrument go, by one view of it.

    Args:
        make: a cell for attributes and a start time.
        clock: unix nanoseconds.
        limit: the most series, the one for the overflow not counted.
        attribute_limit: the most distinct values of one attribute.
        keep: the names of the attributes that are kept; None for all.
        exemplars: ``NEVER``, ``TRACE_BASED`` or ``ALWAYS``.
        is_delta: whether each collection starts from nothing.
        is_observed: whether callbacks report totals; then a series that is not reported is not sent.
        on_overflow: called when the first measurement finds no room, without a lock.
        sink: who collects it.
    """

    __slots__ = (
        "bare",
        "cardinality",
        "cells",
        "clock",
        "collected_ns",
        "exemplars",
        "is_delta",
        "is_observed",
        "keep",
        "known",
        "limit",
        "lock",
        "make",
        "on_overflow",
        "overflow",
        "sink",
    )

    def __init__(
        self,
        *,
        make: Callable[[Any, int], Cell],
        clock: Callable[[], int],
        limit: int,
        attribute_limit: int,
        keep: frozenset[str] | None,
        exemplars: int,
        is_delta: bool,
        is_observed: bool,
        on_overflow: Callable[[], object],
        sink: object = None,
    ) -> None:
        self.make = make
        self.clock = Clock(clock)
        self.limit = limit
        self.cardinality: Any = Cardinality(attribute_limit)
        self.keep = keep
        self.exemplars = exemplars
        self.is_delta = is_delta
        self.is_observed = is_observed
        self.on_overflow = on_overflow
        self.sink = sink
        self.start()

    def start(self) -> None:
        """Begin with no series: at first, and in a forked child."""
        self.lock = native.reentrant_lock()  # a signal handler may measure while its thread is in here
        self.known: dict[Any, Cell] = {}
        self.cells: dict[Any, Cell] = {}
        self.bare: Cell | None = None
        self.overflow: Cell | None = None
        self.cardinality = Cardinality(self.cardinality.limit)
        self.collected_ns: Any = self.clock.now()

    def record(self, amount: Any, attributes: Any, context: Any) -> None:
        """Take a measurement of a finite int or float."""
        cell = self.find(attributes)
        while not cell.record(amount):
            cell = self.place(attributes)
        if self.exemplars:
            span = _current.get() if context is None else context.get(SPAN_KEY)
            if span is not None or self.exemplars == 2:
                self.sample(cell, amount, attributes, span)

    def find(self, attributes: Any) -> Cell:
        """The cell for these attributes."""
        if not attributes:
            cell = self.bare
            return self.place(None) if cell is None else cell
        if self.keep is not None:
            attributes = self.kept(attributes)
            if not attributes:
                return self.find(None)
        try:
            cell = self.known.get(_keys.of(attributes))
        except Exception:  # not hashable, not a mapping, or changing while it is read
            cell = None
        return self.place(attributes) if cell is None else cell

    def kept(self, attributes: Any) -> Any:
        """Those that the view keeps."""
        keep = self.keep
        # A copy, as another thread may change it.
        return {name: value for name, value in dict(attributes).items() if name in keep}

    def place(self, attributes: Any) -> Cell:
        """The cell for these attributes, made if there is none and there is room."""
        if attributes and self.keep is not None:
            attributes = self.kept(attributes)
        cleaned: dict[str, Any] = {}
        is_plain = False
        if type(attributes) is _DICT:
            attributes = attributes.copy()  # another thread may change it
            is_plain = are_plain(attributes)
        if is_plain:
            cleaned = attributes
        elif attributes:
            clean_into(cleaned, attributes, None, None)
        key = canonical(cleaned)
        with self.lock:
            cell = self.cells.get(key)
            if cell is None:
                cell = self.admit(key, cleaned)
            if cell is not self.overflow:
                self.remember(cell, attributes if is_plain else None)
                return cell
        if not self.cardinality.is_told:
            self.cardinality.is_told = True
            self.on_overflow()
        return cell

    def admit(self, key: Any, attributes: Any) -> Cell:
        """A new cell, or the overflow's."""
        cardinality = self.cardinality
        if len(self.cells) < self.limit and cardinality.admits(key):
            return self.cells.setdefault(key, self.make(attributes, self.starting()))
        cardinality.refuse(key)
        cell = self.overflow
        if cell is None:
            cell = self.make({OVERFLOW: True}, self.starting())
            self.overflow = cell
        return cell

    def starting(self) -> Any:
        """When a series starts that is new now."""
        return self.collected_ns if self.is_observed or self.is_delta else self.clock.now()

    def remember(self, cell: Cell, attributes: Any) -> None:
        """Let the cell be found quickly by these plain attributes in this order."""
        if not cell.attributes:
            self.bare = cell
        elif attributes and len(cell.aliases) < _MOST_ALIASES:
            alias = _keys.of(attributes)
            self.known[alias] = cell
            cell.aliases.append(alias)

    def sample(self, cell: Cell, amount: Any, attributes: Any, span: Any) -> None:
        """Keep the measurement as an exemplar, if its span is sampled or any will do."""
        trace_id: Any = 0
        span_id: Any = 0
        is_sampled = False
        if isinstance(span, SpanIdentity):
            ours: SpanIdentity = span
            is_sampled = ours._flags & 1 == 1
            if not is_sampled and self.exemplars != 2:
                return
            if not ours._span_id:
                ours.identify()
            trace_id = ours._trace_id
            span_id = ours._span_id
        elif isinstance(span, ApiSpan):
            identity = span.get_span_context()
            is_sampled = identity.trace_flags.sampled
            trace_id, span_id = identity.trace_id, identity.span_id
        if not is_sampled and self.exemplars != 2:
            return
        slot = cell.slot(amount)
        if slot < 0:
            return
        filtered: Any = None
        if attributes and (self.keep is not None or cell is self.overflow):
            filtered = {}
            clean_into(filtered, attributes, None, None)
            filtered = {name: filtered[name] for name in filtered if name not in cell.attributes} or None
        samples = cell.samples
        if samples is None:
            samples = {}
            cell.samples = samples
        samples[slot] = (amount, self.clock.now(), trace_id, span_id, filtered)

    def collect(self, time_ns: Any) -> list[Any]:
        """A point for each series that has something to say."""
        start_ns = self.collected_ns
        self.collected_ns = time_ns
        is_delta = self.is_delta
        every = not is_delta and not self.is_observed
        points: list[Any] = []
        idle: list[Any] = []
        # A copy is one step of the interpreter. A list of the items is not: its tuples may bring the garbage
        # collector, whose finalizers may let another thread measure a new series.
        for key, cell in self.cells.copy().items():
            if every or cell.touched:
                point = cell.point(start_ns if is_delta else cell.start_ns, time_ns, is_delta)
                if point is not None:
                    points.append(point)
            else:
                idle.append(key)
        cell = self.overflow
        if cell is not None and (every or cell.touched):
            points.append(cell.point(start_ns if is_delta else cell.start_ns, time_ns, is_delta))
        # A silent series is forgotten: of deltas at once, of what callbacks report when its place is needed.
        if idle and (len(self.cells) >= self.limit if self.is_observed else is_delta):
            self.forget(idle)
        return points

    def forget(self, keys: list[Any]) -> None:
        """Make room: these series had nothing to say."""
        with self.lock:
            for key in keys:
                cell = self.cells[key]
                if not cell.retire():
                    continue
                del self.cells[key]
                for alias in cell.aliases:
                    self.known.pop(alias, None)
                if cell is self.bare:
                    self.bare = None
            self.cardinality.restart(self.cells)


class LockedStream(Stream):
    """A stream for a CPython without its GIL, where nothing else keeps two threads apart."""

    __slots__ = ()

    def record(self, amount: Any, attributes: Any, context: Any) -> None:
        """Take a measurement of a finite int or float."""
        with self.lock:
            Stream.record(self, amount, attributes, context)

    def collect(self, time_ns: Any) -> list[Any]:
        """A point for each series that has something to say."""
        with self.lock:
            return Stream.collect(self, time_ns)


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
