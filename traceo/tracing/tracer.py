"""The tracer: starting spans and making them current. Hot, like ``span``.

Compiled by Cython with the types in ``tracer.pxd``, see ``traceo._compiled``.
"""

# ruff: noqa: SLF001  the tracer fills the slots of spans itself, a call per field would double their cost
# pyright: reportPrivateUsage=false

from collections.abc import Sequence
from logging import getLogger
from types import TracebackType
from typing import Any

from opentelemetry.context.context import Context
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceState,
)
from opentelemetry.trace import Link as ApiLink
from opentelemetry.trace import Span as ApiSpan

from traceo.records import Attributes
from traceo.tracing.context import SPAN_KEY, CurrentSpan, attach, current, detach, heal, put
from traceo.tracing.decorate import decorate
from traceo.tracing.exceptions import describe
from traceo.tracing.ids import RandomIdGenerator, bits
from traceo.tracing.sampling import ALL, NONE, Sampler, bounds_of
from traceo.tracing.scope import InstrumentationInfo
from traceo.tracing.site import Site
from traceo.tracing.span import DroppedSpan, Span, SpanIdentity

__all__ = ["ActiveSpan", "Tracer", "current_ids", "use_span"]

_logger = getLogger("traceo.tracing")

_SCALARS = frozenset((str, int, float, bool))
_DICT: Any = dict  # as Any, a type checker does not narrow by it to a dict of unknowns
_LOW_64 = (1 << 64) - 1
_LOW_56 = (1 << 56) - 1
_INTERNAL = SpanKind.INTERNAL
_HAS_PARENT = 0x100
_REMOTE_PARENT = 0x200
_LOCAL_ROOT = 0x400

_current = CurrentSpan()

# The same steps cost differently in C and in Python; where it shows, both ways are written down.
_COMPILED = not __file__.endswith(".py")


class Tracer:
    """Starts spans for one instrumentation scope; see ``opentelemetry.trace.Tracer``."""

    __slots__ = (
        "_bounds",
        "_enabled",
        "_id_generator",
        "_ids",
        "_never",
        "_random_flag",
        "_sampler",
        "_site",
        "_stamp",
    )

    def __init__(self, site: Site, sampler: Sampler, id_generator: Any) -> None:
        self._site = site
        self._sampler = sampler
        bounds = bounds_of(sampler)
        self._bounds: tuple[int, ...] | None = None if bounds is None else tuple(bounds)
        self._id_generator = id_generator
        self._ids: RandomIdGenerator | None = (
            id_generator if type(id_generator) is RandomIdGenerator else None
        )
        is_random = getattr(id_generator, "is_trace_id_random", None)
        self._random_flag = 2 if is_random is not None and is_random() else 0
        # Without random ids nobody could tell the threshold from the id, so it is not promised.
        self._stamp = getattr(sampler, "stamp", None) if self._random_flag else None
        self._enabled = True
        # Whether no root is ever recorded, whatever its id.
        self._never = self._bounds is not None and self._bounds[0] == NONE and self._ids is not None
        if site.keeping is not None:
            self._never = False

    @property
    def sampler(self) -> Sampler:
        """The sampler that decides about new spans."""
        return self._sampler

    @property
    def id_generator(self) -> Any:
        """Where the ids come from."""
        return self._id_generator

    @property
    def resource(self) -> Any:
        """The provider's resource."""
        return self._site.resource

    @property
    def span_processor(self) -> Any:
        """The provider's span processors as one; None while there is none."""
        return self._site.outlets.processors

    @property
    def instrumentation_info(self) -> InstrumentationInfo:
        """The scope in OpenTelemetry's older shape."""
        scope = self._site.scope
        return InstrumentationInfo(scope.name, scope.version, scope.schema_url)

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        links: Sequence[ApiLink] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002  the API's signature
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002
    ) -> Any:
        """Start a span that is not current; ``start_time`` in unix nanoseconds, now if None."""
        on_exit = (
            3
            if record_exception and set_status_on_exception
            else _on_exit(record_exception, set_status_on_exception, False)
        )
        parent = _parent(context) if _COMPILED or context is not None else current().get(SPAN_KEY)
        return self._start(name, context, kind, attributes, links, start_time, on_exit, parent)

    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        links: Sequence[ApiLink] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002  the API's signature
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002
        end_on_exit: bool = True,  # noqa: FBT001, FBT002
    ) -> "ActiveSpan":
        """A context manager, and decorator, that starts a span and makes it current inside."""
        active = ActiveSpan.__new__(ActiveSpan) if _COMPILED else ActiveSpan()
        active._tracer = self
        active._span = None
        active._arguments = (name, context, kind, attributes, links, start_time)
        active._on_exit = (
            7
            if record_exception and set_status_on_exception and end_on_exit
            else _on_exit(record_exception, set_status_on_exception, end_on_exit)
        )
        return active

    def _start(
        self,
        name: str,
        context: Context | None,
        kind: SpanKind,
        attributes: Any,
        links: Sequence[ApiLink] | None,
        start_time: int | None,
        on_exit: int,
        parent: Any,
    ) -> Any:
        if not self._enabled:
            return NonRecordingSpan(_context_of(parent))
        trace_id: int = 0
        parent_id: int = 0
        origin: int = 0
        parent_state: TraceState | None = None
        if parent is None:
            pass
        elif isinstance(parent, SpanIdentity):
            known: SpanIdentity = parent
            if not known._span_id:
                known.identify()
            trace_id = known._trace_id
            parent_id = known._span_id
            parent_state = known._trace_state
            origin = known._flags | _HAS_PARENT
        elif isinstance(parent, ApiSpan):
            found = parent.get_span_context()
            if found.is_valid:
                trace_id = found.trace_id
                parent_id = found.span_id
                parent_state = found.trace_state
                origin = (found.trace_flags & 0xFF) | _HAS_PARENT | (_REMOTE_PARENT if found.is_remote else 0)

        ids = self._ids
        if origin:
            flags = origin & 2
        else:
            flags = self._random_flag
            if self._never and (
                kind is _INTERNAL or self._site.outlets.durations is None
            ):  # and so its ids are not needed before somebody asks for them
                dropped = DroppedSpan.__new__(DroppedSpan) if _COMPILED else DroppedSpan()
                dropped._trace_id = 0
                dropped._span_id = 0
                dropped._flags = flags
                dropped._trace_state = None
                dropped._context = None
                return dropped
            if ids is None:
                trace_id = self._id_generator.generate_trace_id()
            elif _COMPILED:
                trace_id = ids.generate_trace_id()
            else:
                trace_id = bits(128) or 1

        trace_state = parent_state
        stamp: Any = None
        held: Any = None
        recording = True
        bounds = self._bounds
        if bounds is not None:
            if not origin:  # in the order of Bounds
                bound = bounds[0]
            elif origin & _REMOTE_PARENT:
                bound = bounds[1] if origin & 1 else bounds[2]
            else:
                bound = bounds[3] if origin & 1 else bounds[4]
            if bound is ALL:
                flags |= 1
            elif bound is NONE:
                recording = False
            elif bound > 0:
                if (trace_id & _LOW_64) < bound:
                    flags |= 1
                else:
                    recording = False
            elif (trace_id & _LOW_56) + bound >= -1:
                flags |= 1
                stamp = self._stamp
            else:
                recording = False
        else:
            result = self._sampler.should_sample(context, trace_id, name, kind, attributes, links)
            recording = result.decision.is_recording()
            if result.decision.is_sampled():
                flags |= 1
            attributes = result.attributes
            trace_state = result.trace_state

        if ids is None:
            span_id = self._id_generator.generate_span_id()
        elif _COMPILED:
            span_id = ids.generate_span_id()
        else:
            span_id = bits(64) or 1
        if not recording and self._site.keeping is not None:
            if not origin or origin & _REMOTE_PARENT:
                held = self._site.keeping.open()
                origin |= _LOCAL_ROOT
            elif type(parent) is Span:
                held = parent._held
        if not recording and held is None and (kind is _INTERNAL or self._site.outlets.durations is None):
            dropped = DroppedSpan.__new__(DroppedSpan) if _COMPILED else DroppedSpan()
            dropped._trace_id = trace_id
            dropped._span_id = span_id
            dropped._flags = flags
            dropped._trace_state = trace_state
            dropped._context = None
            return dropped

        site = self._site
        span = Span.__new__(Span) if _COMPILED else Span()
        span._trace_id = trace_id
        span._span_id = span_id
        span._flags = flags
        span._trace_state = trace_state
        span._context = None
        span._parent_id = parent_id
        span._parent_state = parent_state
        span._origin = origin
        span._site = site
        span._held = held
        span._name = name
        span._kind = kind
        span._on_exit = on_exit
        span._attributes = None
        span._room = site.room
        span._dropped_attributes = 0
        span._events = None
        span._links = None
        span._status = None
        span._end_time = None
        if attributes:
            if type(attributes) is _DICT and len(attributes) <= site.room:
                given: dict[str, Any] = attributes
                for key, value in given.items():
                    if (
                        (type(value) is not str and type(value) not in _SCALARS)
                        or type(key) is not str
                        or not key
                    ):
                        span._set_slowly(given)
                        break
                else:
                    span._attributes = given.copy()
            else:
                span._set_slowly(attributes)
        if stamp is not None:
            span._trace_state = stamp.state
            span._set_slowly(stamp.attributes)
        if links:
            for link in links:
                if link:
                    span.add_link(link.context, link.attributes)
        if start_time is None:
            span._start_time = site.clock.now() if _COMPILED else site.now()
        else:
            span._start_time = start_time
        if site.outlets.processors is not None:
            site.outlets.started(span, context)
        return span


class ActiveSpan:
    """A span that is current inside a ``with`` block, or inside each call of a decorated function."""

    __slots__ = ("_arguments", "_inner", "_on_exit", "_span", "_token", "_tracer")

    _arguments: tuple[Any, ...]  # for Tracer._start, all but the last
    _inner: Any  # the context inside the block
    _on_exit: int  # as in Span, and 4: end the span
    _span: Any
    _token: Any
    _tracer: Tracer | None

    def start(self) -> Any:
        """Start the span without making it current."""
        tracer = self._tracer
        if tracer is not None:
            name, context, kind, attributes, links, start_time = self._arguments
            self._span = tracer._start(
                name, context, kind, attributes, links, start_time, self._on_exit & 3, _parent(context)
            )
        return self._span

    def __enter__(self) -> Any:
        tracer = self._tracer
        if _COMPILED:
            span = self._span
            if tracer is not None:
                name, context, kind, attributes, links, start_time = self._arguments
                parent = _current.get() if context is None else context.get(SPAN_KEY)
                span = self._span = tracer._start(
                    name, context, kind, attributes, links, start_time, self._on_exit & 3, parent
                )
            self._inner = _current.around(span)
            self._token = _current.enter(self._inner)
            return span
        outer = current()  # as in CurrentSpan.around
        if tracer is None:
            span = self._span
        else:
            name, context, kind, attributes, links, start_time = self._arguments
            parent = outer.get(SPAN_KEY) if context is None else context.get(SPAN_KEY)
            span = self._span = tracer._start(
                name, context, kind, attributes, links, start_time, self._on_exit & 3, parent
            )
        inner = Context(outer) if len(outer) > 1 or (outer and SPAN_KEY not in outer) else Context()
        put(inner, SPAN_KEY, span)
        self._token = attach(inner)
        self._inner = inner
        return span

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if _COMPILED:
            _current.leave(self._token, self._inner, self._span)
            if exc_val is None:
                if self._on_exit & 4:
                    _end(self._span)
                return
        elif current() is self._inner:  # the usual half of CurrentSpan.leave
            try:
                detach(self._token)
            except (ValueError, RuntimeError):
                heal(self._inner, self._token)
        else:
            _current.leave(self._token, self._inner, self._span)
        if exc_val is None:
            if self._on_exit & 4:
                self._span.end()
            return
        self.finish(exc_val)

    def finish(self, error: BaseException | None) -> None:
        """Note what left the block, and end the span if it is to end with it."""
        span = self._span
        on_exit = self._on_exit
        # GeneratorExit, KeyboardInterrupt and the like are not failures of the operation.
        if error is not None and isinstance(error, Exception):
            if isinstance(span, Span):
                span.failed(error, bool(on_exit & 1), bool(on_exit & 2), False)
            elif not isinstance(span, DroppedSpan):
                _failed_elsewhere(span, error, on_exit)
        if on_exit & 4:
            span.end()

    def __call__(self, function: Any) -> Any:
        """Decorate a function, coroutine function, generator function or async generator function."""
        return decorate(function, self._again)

    def _again(self) -> "ActiveSpan":
        again = ActiveSpan.__new__(ActiveSpan)
        again._tracer = self._tracer
        again._span = self._span
        again._arguments = self._arguments
        again._on_exit = self._on_exit
        return again


def _end(span: Any) -> None:
    """``span.end()``, without looking the method up where its class is known."""
    if type(span) is Span:
        ours: Span = span
        ours.end()
    elif type(span) is not DroppedSpan:
        span.end()


def use_span(
    span: ApiSpan,
    end_on_exit: bool = False,  # noqa: FBT001, FBT002  the API's signature
    record_exception: bool = True,  # noqa: FBT001, FBT002
    set_status_on_exception: bool = True,  # noqa: FBT001, FBT002
) -> ActiveSpan:
    """Make a started span current in a ``with`` block: the API's ``use_span``, without a generator."""
    active = ActiveSpan.__new__(ActiveSpan)
    active._tracer = None
    active._span = span
    active._arguments = ()
    active._on_exit = _on_exit(record_exception, set_status_on_exception, end_on_exit)
    return active


def _on_exit(record_exception: bool, set_status: bool, end: bool) -> int:  # noqa: FBT001  positional for speed
    return (1 if record_exception else 0) | (2 if set_status else 0) | (4 if end else 0)


def current_ids() -> tuple[int, int, int]:
    """``(trace_id, span_id, trace_flags)`` of the current span; zeros when there is none."""
    span = _current.get()
    if span is None:
        return (0, 0, 0)
    if isinstance(span, SpanIdentity):
        known: SpanIdentity = span
        if not known._span_id:
            known.identify()
        return (known._trace_id, known._span_id, known._flags)
    context = _context_of(span)
    return (context.trace_id, context.span_id, int(context.trace_flags))


def _parent(context: Context | None) -> Any:
    """The span that a new one is a child of, of whatever make."""
    return _current.get() if context is None else context.get(SPAN_KEY)


def _context_of(span: object) -> SpanContext:
    if isinstance(span, (SpanIdentity, ApiSpan)):
        return span.get_span_context()
    return INVALID_SPAN_CONTEXT


def _failed_elsewhere(span: Any, error: Exception, on_exit: int) -> None:
    """Note an exception on a span of another implementation."""
    if not isinstance(span, ApiSpan) or not span.is_recording():
        return
    if on_exit & 1:
        span.record_exception(error)
    if on_exit & 2:
        span.set_status(Status(StatusCode.ERROR, describe(error)))


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
