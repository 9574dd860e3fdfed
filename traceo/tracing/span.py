# cython: binding=False, embedsignature=True, embedsignature.format=clinic
# Plain C methods: to call one costs a quarter less than with a function object around it.
"""Spans: the slot classes an application fills. Hot: each line here runs in the application's thread.

``Span`` implements ``opentelemetry.trace.Span`` and offers what the OpenTelemetry SDK's ``ReadableSpan``
offers, so that its processors and exporters take our spans. It inherits from neither: an abstract base
costs a dict per span, and the SDK is never imported for this. ``isinstance`` holds for the API's ``Span``
by registration (see ``traceo.tracing``), and for the SDK's ``Span`` and ``ReadableSpan``, once an
application has imported the SDK, through ``Span.__class__``.

Compiled by Cython with the types in ``span.pxd``, see ``traceo._compiled``.
"""

import sys
import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from logging import getLogger
from types import MappingProxyType, TracebackType
from typing import Any, Self

from opentelemetry.trace import Link as ApiLink
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState
from opentelemetry.trace.span import DEFAULT_TRACE_STATE

from traceo.records import AnyValue, Attributes
from traceo.tracing.attributes import clean_into
from traceo.tracing.exceptions import describe, exception_attributes
from traceo.tracing.ids import bits
from traceo.tracing.scope import InstrumentationInfo, InstrumentationScope
from traceo.tracing.site import Site

__all__ = ["DroppedSpan", "Event", "Link", "Span", "SpanIdentity"]

_logger = getLogger("traceo.tracing")

_SCALARS = frozenset((str, int, float, bool))
_FLAGS = tuple(TraceFlags(bits) for bits in range(256))
_UNSET = Status()
_INTERNAL = SpanKind.INTERNAL
_DICT: Any = dict  # as Any, a type checker does not narrow by it to a dict of unknowns

# The same steps cost differently in C and in Python; where it shows, both ways are written down.
_COMPILED = not __file__.endswith(".py")

# Bits of ``Span._origin``: the parent's trace flags, then these.
_HAS_PARENT = 0x100
_REMOTE_PARENT = 0x200
_LOCAL_ROOT = 0x400


_identities: dict[int, tuple[int, int]] = {}


class SpanIdentity:
    """The ids a span is known by; its ``SpanContext`` is only made when somebody asks."""

    __slots__ = ("_context", "_flags", "_span_id", "_trace_id", "_trace_state")

    _context: SpanContext | None
    _flags: int
    _span_id: int  # 0 while a DroppedSpan has no ids
    _trace_id: int
    _trace_state: TraceState | None

    def get_span_context(self) -> SpanContext:
        """The immutable identity, made once."""
        context = self._context
        if context is None:
            context = SpanContext(
                self._trace_id,
                self._span_id,
                is_remote=False,
                trace_flags=_FLAGS[self._flags],
                trace_state=DEFAULT_TRACE_STATE if self._trace_state is None else self._trace_state,
            )
            self._context = context
        return context

    def identify(self) -> None:
        """Make ids where there are none: the same, whichever thread asks first, and without a lock."""
        ids = _identities.setdefault(id(self), (bits(128) or 1, bits(64) or 1))
        # A thread that was quicker has stored its ids before it forgot them here.
        if not self._span_id:
            self._trace_id = ids[0]
            self._span_id = ids[1]
        _identities.pop(id(self), None)


class DroppedSpan(SpanIdentity):
    """A span that the sampler dropped: it has an identity to propagate and records nothing.

    One that was dropped whatever its ids has none (``_span_id`` is 0) before somebody asks.
    """

    __slots__ = ()

    def get_span_context(self) -> SpanContext:
        """The immutable identity, made once."""
        if not self._span_id:
            self.identify()
        return SpanIdentity.get_span_context(self)

    def is_recording(self) -> bool:
        """Never."""
        return False

    def end(self, end_time: int | None = None) -> None:
        """Nothing was started."""

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Nothing is recorded."""

    def set_attribute(self, key: str, value: Any) -> None:
        """Nothing is recorded."""

    def add_event(
        self, name: str, attributes: Attributes | None = None, timestamp: int | None = None
    ) -> None:
        """Nothing is recorded."""

    def add_link(self, context: SpanContext, attributes: Attributes | None = None) -> None:
        """Nothing is recorded."""

    def update_name(self, name: str) -> None:
        """Nothing is recorded."""

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Nothing is recorded."""

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes | None = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002  the API's signature
    ) -> None:
        """Nothing is recorded."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        pass

    def __repr__(self) -> str:
        return f"DroppedSpan({self.get_span_context()!r})"


class Event:
    """Something that happened during a span, at ``timestamp`` (unix nanoseconds)."""

    __slots__ = ("_attributes", "_dropped_attributes", "_name", "_timestamp")

    def __init__(
        self, name: str, timestamp: int, attributes: dict[str, AnyValue] | None, dropped_attributes: int
    ) -> None:
        self._name = name
        self._timestamp = timestamp
        self._attributes = attributes
        self._dropped_attributes = dropped_attributes

    @property
    def name(self) -> str:
        """What happened."""
        return self._name

    @property
    def timestamp(self) -> int:
        """Unix nanoseconds."""
        return self._timestamp

    @property
    def attributes(self) -> Mapping[str, AnyValue]:
        """The attributes, read-only."""
        return MappingProxyType(self._attributes or {})

    @property
    def dropped_attributes(self) -> int:
        """How many attributes the limits cost."""
        return self._dropped_attributes


class Link(ApiLink):
    """A link as a span keeps it: cleaned attributes, and how many were dropped."""

    def __init__(
        self, context: SpanContext, attributes: dict[str, AnyValue], dropped_attributes: int
    ) -> None:
        super().__init__(context, MappingProxyType(attributes))
        self._dropped = dropped_attributes

    @property
    def dropped_attributes(self) -> int:
        """How many attributes the limits cost."""
        return self._dropped


class _Newest(deque[Any]):
    """A list that keeps the newest and counts what it had to drop."""

    __slots__ = ("dropped",)

    def __init__(self, maxlen: int | None) -> None:
        super().__init__((), maxlen)
        self.dropped = 0

    def append(self, item: object) -> None:
        if len(self) == self.maxlen:
            self.dropped += 1
        super().append(item)


class Span(SpanIdentity):
    """One operation of a trace, made by ``Tracer.start_span``; see ``opentelemetry.trace.Span``."""

    __slots__ = (
        "_attributes",
        "_dropped_attributes",
        "_end_time",
        "_events",
        "_held",
        "_kind",
        "_links",
        "_name",
        "_on_exit",
        "_origin",
        "_parent_id",
        "_parent_state",
        "_room",
        "_site",
        "_start_time",
        "_status",
    )

    _attributes: dict[str, AnyValue] | None
    _dropped_attributes: int
    _end_time: int | None
    _events: _Newest | None
    _held: Any  # the traceo.tracing.keeping.Held of its local root, if the sampler left it out
    _kind: SpanKind
    _links: _Newest | None
    _name: str
    _on_exit: int  # 1: record an exception that leaves the with block, 2: set the status for it
    _origin: int
    _parent_id: int
    _parent_state: TraceState | None
    _room: int  # how many plain attributes are taken without a closer look; none once it has ended
    _site: Site
    _start_time: int
    _status: Status | None

    def __init__(self, *_: object, **__: object) -> None:
        raise TypeError("A span is started by a tracer, not made by its class.")

    # --- the API: what an application calls

    def set_attribute(self, key: str, value: Any) -> None:
        """Set one attribute; the value is copied if it could change."""
        if (type(value) is str or type(value) is int or type(value) in _SCALARS) and type(key) is str and key:
            attributes = self._attributes
            if attributes is None:
                attributes = self._attributes = {}
            size = len(attributes)
            if size < self._room:
                attributes[key] = value
                if len(attributes) == size:  # a known key moves to the end
                    del attributes[key]
                    attributes[key] = value
                return
        self._set_one(key, value)

    def _set_one(self, key: Any, value: Any) -> None:
        """The same for an ended span, an odd key or value, a full or a limited span."""
        if self._end_time is not None:
            _logger.warning("Setting attribute on ended span.")
            return
        if not key or not isinstance(key, str):
            _logger.warning("invalid key `%s`. must be non-empty string. Dropping key from attributes.", key)
            self._dropped_attributes += 1
            return
        self._set_slowly({key: value})

    def set_attributes(self, attributes: Any) -> None:
        """Set several attributes, given as a mapping."""
        if self._end_time is not None:
            _logger.warning("Setting attribute on ended span.")
            return
        kept = self._attributes
        size = 0 if kept is None else len(kept)
        if type(attributes) is not _DICT or size + len(attributes) > self._room:
            self._set_slowly(attributes)
            return
        given: dict[str, Any] = attributes
        for key, value in given.items():
            if (type(value) is not str and type(value) not in _SCALARS) or type(key) is not str or not key:
                self._set_slowly(given)
                return
        if kept is None:
            copied = given.copy()
            if self._attributes is None:  # another thread may have been quicker
                self._attributes = copied
                return
            kept = self._attributes
        for key in given:
            if key in kept:  # a known key moves to the end
                del kept[key]
        kept.update(given)

    def _set_slowly(self, attributes: Mapping[str, Any]) -> None:
        if self._attributes is None:
            self._attributes = {}
        limits = self._site.limits
        self._dropped_attributes += clean_into(
            self._attributes, attributes, limits.max_span_attributes, limits.max_span_attribute_length
        )

    def add_event(
        self, name: str, attributes: Attributes | None = None, timestamp: int | None = None
    ) -> None:
        """Add an event; ``timestamp`` in unix nanoseconds, now if None."""
        if self._end_time is not None:
            _logger.warning("Tried calling %s on an ended span.", "add_event")
            return
        limits = self._site.limits
        kept: dict[str, AnyValue] | None = None
        dropped = 0
        if attributes:
            kept = {}
            dropped = clean_into(kept, attributes, limits.max_event_attributes, limits.max_attribute_length)
        if self._events is None:
            made = _Newest(limits.max_events)
            if self._events is None:  # another thread may have been quicker
                self._events = made
        self._events.append(Event(name, self._site.now() if timestamp is None else timestamp, kept, dropped))

    def add_link(self, context: SpanContext, attributes: Attributes | None = None) -> None:
        """Link to another span; an invalid context is kept only if there are attributes or a trace state."""
        if not context or not (context.is_valid or attributes or context.trace_state):
            return
        if self._end_time is not None:
            _logger.warning("Tried calling %s on an ended span.", "add_link")
            return
        limits = self._site.limits
        kept: dict[str, AnyValue] = {}
        dropped = 0
        if attributes:
            dropped = clean_into(kept, attributes, limits.max_link_attributes, limits.max_attribute_length)
        if self._links is None:
            made = _Newest(limits.max_links)
            if self._links is None:  # as above
                self._links = made
        self._links.append(Link(context, kept, dropped))

    def update_name(self, name: str) -> None:
        """Give the span another name."""
        if self._end_time is not None:
            _logger.warning("Tried calling %s on an ended span.", "update_name")
            return
        self._name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status; OK is final, UNSET is ignored, a description belongs to ERROR alone."""
        if self._end_time is not None:
            _logger.warning("Tried calling %s on an ended span.", "set_status")
            return
        known = self._status
        if known is not None and known.status_code is StatusCode.OK:
            return
        if isinstance(status, Status):
            if status.status_code is StatusCode.UNSET:
                return
            if description is not None:
                _logger.warning("Description ignored. Use either `Status` or `(StatusCode, Description)`.")
            self._status = status
        elif isinstance(status, StatusCode) and status is not StatusCode.UNSET:
            self._status = Status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes | None = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002  the API's signature
    ) -> None:
        """Add an ``exception`` event with type, message and stack trace (semantic conventions)."""
        if self._end_time is not None:
            _logger.warning("Tried calling %s on an ended span.", "add_event")
            return
        self.add_event("exception", exception_attributes(exception, attributes, escaped=escaped), timestamp)

    def is_recording(self) -> bool:
        """Until it ends."""
        return self._end_time is None

    def end(self, end_time: int | None = None) -> None:
        """End the span, now or at ``end_time`` (unix nanoseconds). Further calls only warn."""
        site = self._site
        if end_time is None:
            end_time = site.clock.now() if _COMPILED else site.now()
        if self._end_time is not None:  # with no call between here and the next line, one of two threads wins
            _logger.warning("Calling end() on an ended span.")
            return
        self._end_time = end_time
        self._room = 0
        outlets = site.outlets
        if outlets.processors is not None:
            outlets.ended(self)
        if outlets.durations is not None and self._kind is not _INTERNAL:
            outlets.durations.measure(
                self, self._kind, self._attributes, self._start_time, end_time, bool(self._flags & 1)
            )
        if self._flags & 1:
            sink = outlets.sink
            if sink is not None:
                try:
                    sink(self)
                except Exception as error:
                    outlets.failed("sink", error)
        elif self._held is not None:
            self._held.ended(self, self._status, self._start_time, self._end_time, self._origin & _LOCAL_ROOT)

    def failed(self, error: BaseException, record: bool, set_status: bool, escaped: bool) -> None:  # noqa: FBT001  positional for speed
        """Note that ``error`` left the block this span covers."""
        if self._end_time is not None:
            return
        if record:
            self.record_exception(error, escaped=escaped)
        if set_status:
            self.set_status(Status(StatusCode.ERROR, describe(error)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if exc_val is not None:
            self.failed(exc_val, bool(self._on_exit & 1), bool(self._on_exit & 2), escaped=True)
        self.end()

    # --- what processors and exporters read

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def context(self) -> SpanContext:
        """The identity."""
        return self.get_span_context()

    @property
    def kind(self) -> SpanKind:
        """The kind."""
        return self._kind

    @property
    def parent(self) -> SpanContext | None:
        """The parent's identity, None for a root span."""
        if not self._origin & _HAS_PARENT:
            return None
        return SpanContext(
            self._trace_id,
            self._parent_id,
            is_remote=bool(self._origin & _REMOTE_PARENT),
            trace_flags=_FLAGS[self._origin & 0xFF],
            trace_state=DEFAULT_TRACE_STATE if self._parent_state is None else self._parent_state,
        )

    @property
    def start_time(self) -> int:
        """Unix nanoseconds."""
        return self._start_time

    @property
    def end_time(self) -> int | None:
        """Unix nanoseconds; None while the span is open."""
        return self._end_time

    @property
    def status(self) -> Status:
        """The status."""
        return _UNSET if self._status is None else self._status

    @property
    def attributes(self) -> Mapping[str, AnyValue]:
        """The attributes, read-only."""
        return MappingProxyType(self._attributes or {})

    @property
    def events(self) -> Sequence[Event]:
        """The events, oldest first."""
        return tuple(self._events or ())

    @property
    def links(self) -> Sequence[ApiLink]:
        """The links, oldest first."""
        return tuple(self._links or ())

    @property
    def dropped_attributes(self) -> int:
        """How many attributes were invalid or beyond the limit."""
        return self._dropped_attributes

    @property
    def dropped_events(self) -> int:
        """How many events were beyond the limit."""
        return 0 if self._events is None else self._events.dropped

    @property
    def dropped_links(self) -> int:
        """How many links were beyond the limit."""
        return 0 if self._links is None else self._links.dropped

    @property
    def resource(self) -> Any:
        """The provider's resource, of the class it was given."""
        return self._site.resource

    @property
    def instrumentation_scope(self) -> InstrumentationScope:
        """Which library recorded this span."""
        return self._site.scope

    @property
    def instrumentation_info(self) -> InstrumentationInfo:
        """The scope in OpenTelemetry's older shape; deprecated there too."""
        warnings.warn("Use instrumentation_scope.", DeprecationWarning, stacklevel=2)
        scope = self._site.scope
        return InstrumentationInfo(scope.name, scope.version, scope.schema_url)

    def to_json(self, indent: int | None = 4) -> str:
        """The span as a JSON object, in the OpenTelemetry SDK's form."""
        from traceo.tracing.span_json import span_to_json  # noqa: PLC0415  only debugging exporters need it

        return span_to_json(self, indent)

    def _readable_span(self) -> "Span":
        return self

    @property
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride]  see the module's docstring
        sdk = sys.modules.get("opentelemetry.sdk.trace")
        return type(self) if sdk is None else getattr(sdk, "Span", type(self))

    def __repr__(self) -> str:
        return f'Span(name="{self._name}", context={self.get_span_context()})'


if __file__.endswith(".py"):
    # Plain Python refuses arguments by itself, and the tracer's Span() is quicker without it.
    del Span.__init__


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
