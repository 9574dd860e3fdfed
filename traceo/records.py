"""The shapes that flow through the pipeline: one slot class per OTLP message.

They are plain data, filled by ``tracing`` and ``logs``, copied with redacted values by ``pipeline``,
written to bytes by ``exporters``. Field names and numbers follow OTLP 1.x (opentelemetry-proto). Times are
unix nanoseconds. Ids are ints; 0 means absent. These are hot buffers: mutable on purpose, owned by one
thread at a time.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, Union

__all__ = [
    "AnyValue",
    "Attributes",
    "EventRecord",
    "ExemplarRecord",
    "ExponentialPoint",
    "HistogramPoint",
    "LinkRecord",
    "LogRecord",
    "MetricRecord",
    "NumberPoint",
    "ResourceRecord",
    "ScopeRecord",
    "SpanRecord",
]

AnyValue: TypeAlias = Union[  # noqa: UP007, RUF036  a recursive alias cannot be written with | before Python 3.12
    None, bool, int, float, str, bytes, Sequence["AnyValue"], Mapping[str, "AnyValue"]
]
Attributes: TypeAlias = Mapping[str, AnyValue]


class ResourceRecord:
    """What emitted the telemetry: ``service.name`` and its like."""

    __slots__ = ("attributes", "schema_url")

    def __init__(self, attributes: Attributes, schema_url: str = "") -> None:
        self.attributes = attributes
        self.schema_url = schema_url


class ScopeRecord:
    """The instrumentation scope."""

    __slots__ = ("attributes", "name", "schema_url", "version")

    def __init__(
        self, name: str, version: str = "", schema_url: str = "", attributes: Attributes | None = None
    ) -> None:
        self.name = name
        self.version = version
        self.schema_url = schema_url
        self.attributes = attributes


class EventRecord:
    """A span event."""

    __slots__ = ("attributes", "dropped_attributes", "name", "time_ns")

    def __init__(
        self, name: str, time_ns: int, attributes: Attributes | None = None, dropped_attributes: int = 0
    ) -> None:
        self.name = name
        self.time_ns = time_ns
        self.attributes = attributes
        self.dropped_attributes = dropped_attributes


class LinkRecord:
    """A link to another span. ``flags`` are the OTLP link flags (trace flags and the remote bits)."""

    __slots__ = ("attributes", "dropped_attributes", "flags", "span_id", "trace_id", "trace_state")

    def __init__(
        self,
        trace_id: int,
        span_id: int,
        trace_state: str = "",
        flags: int = 0,
        attributes: Attributes | None = None,
        dropped_attributes: int = 0,
    ) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.trace_state = trace_state
        self.flags = flags
        self.attributes = attributes
        self.dropped_attributes = dropped_attributes


class SpanRecord:
    """An ended span. ``kind`` is OTLP's number (1 internal … 5 consumer); status 0 unset, 1 ok, 2 error."""

    __slots__ = (
        "attributes",
        "dropped_attributes",
        "dropped_events",
        "dropped_links",
        "end_ns",
        "events",
        "flags",
        "kind",
        "links",
        "name",
        "parent_span_id",
        "resource",
        "scope",
        "span_id",
        "start_ns",
        "status_code",
        "status_message",
        "trace_id",
        "trace_state",
    )

    def __init__(
        self,
        *,
        resource: ResourceRecord,
        scope: ScopeRecord,
        trace_id: int,
        span_id: int,
        parent_span_id: int = 0,
        trace_state: str = "",
        flags: int = 0,
        name: str = "",
        kind: int = 1,
        start_ns: int = 0,
        end_ns: int = 0,
        attributes: Attributes | None = None,
        dropped_attributes: int = 0,
        events: Sequence[EventRecord] = (),
        dropped_events: int = 0,
        links: Sequence[LinkRecord] = (),
        dropped_links: int = 0,
        status_code: int = 0,
        status_message: str = "",
    ) -> None:
        self.resource = resource
        self.scope = scope
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_span_id = parent_span_id
        self.trace_state = trace_state
        self.flags = flags
        self.name = name
        self.kind = kind
        self.start_ns = start_ns
        self.end_ns = end_ns
        self.attributes = attributes
        self.dropped_attributes = dropped_attributes
        self.events = events
        self.dropped_events = dropped_events
        self.links = links
        self.dropped_links = dropped_links
        self.status_code = status_code
        self.status_message = status_message


class LogRecord:
    """A log line. ``severity`` is OTLP's number (1 trace … 24 fatal4; 0 unspecified)."""

    __slots__ = (
        "attributes",
        "body",
        "dropped_attributes",
        "event_name",
        "flags",
        "observed_ns",
        "resource",
        "scope",
        "severity",
        "severity_text",
        "span_id",
        "time_ns",
        "trace_id",
    )

    def __init__(
        self,
        *,
        resource: ResourceRecord,
        scope: ScopeRecord,
        time_ns: int = 0,
        observed_ns: int = 0,
        severity: int = 0,
        severity_text: str = "",
        body: AnyValue = None,
        attributes: Attributes | None = None,
        dropped_attributes: int = 0,
        trace_id: int = 0,
        span_id: int = 0,
        flags: int = 0,
        event_name: str = "",
    ) -> None:
        self.resource = resource
        self.scope = scope
        self.time_ns = time_ns
        self.observed_ns = observed_ns
        self.severity = severity
        self.severity_text = severity_text
        self.body = body
        self.attributes = attributes
        self.dropped_attributes = dropped_attributes
        self.trace_id = trace_id
        self.span_id = span_id
        self.flags = flags
        self.event_name = event_name


class ExemplarRecord:
    """A measurement that stands for many. ``attributes`` are those its point does not have."""

    __slots__ = ("attributes", "span_id", "time_ns", "trace_id", "value")

    def __init__(
        self,
        value: float,
        time_ns: int,
        trace_id: int = 0,
        span_id: int = 0,
        attributes: Attributes | None = None,
    ) -> None:
        self.value = value
        self.time_ns = time_ns
        self.trace_id = trace_id
        self.span_id = span_id
        self.attributes = attributes


class NumberPoint:
    """One value of a gauge or a sum; an int travels as an int, a float as a double."""

    __slots__ = ("attributes", "exemplars", "flags", "start_ns", "time_ns", "value")

    def __init__(
        self,
        value: float,
        time_ns: int,
        start_ns: int = 0,
        attributes: Attributes | None = None,
        *,
        exemplars: Sequence[ExemplarRecord] = (),
        flags: int = 0,
    ) -> None:
        self.value = value
        self.time_ns = time_ns
        self.start_ns = start_ns
        self.attributes = attributes
        self.exemplars = exemplars
        self.flags = flags


class HistogramPoint:
    """One histogram. ``bucket_counts`` is empty or one longer than ``bounds``, whose ends are inclusive."""

    __slots__ = (
        "attributes",
        "bounds",
        "bucket_counts",
        "count",
        "exemplars",
        "flags",
        "max",
        "min",
        "start_ns",
        "sum",
        "time_ns",
    )

    def __init__(
        self,
        count: int,
        time_ns: int,
        start_ns: int = 0,
        attributes: Attributes | None = None,
        *,
        sum: float | None = None,  # noqa: A002  OTLP's names
        min: float | None = None,  # noqa: A002
        max: float | None = None,  # noqa: A002
        bucket_counts: Sequence[int] = (),
        bounds: Sequence[float] = (),
        exemplars: Sequence[ExemplarRecord] = (),
        flags: int = 0,
    ) -> None:
        self.count = count
        self.time_ns = time_ns
        self.start_ns = start_ns
        self.attributes = attributes
        self.sum = sum
        self.min = min
        self.max = max
        self.bucket_counts = bucket_counts
        self.bounds = bounds
        self.exemplars = exemplars
        self.flags = flags


class ExponentialPoint:
    """One exponential histogram: with base 2^(2^-scale), bucket i ends at base^(offset + i + 1)."""

    __slots__ = (
        "attributes",
        "count",
        "exemplars",
        "flags",
        "max",
        "min",
        "negative_counts",
        "negative_offset",
        "positive_counts",
        "positive_offset",
        "scale",
        "start_ns",
        "sum",
        "time_ns",
        "zero_count",
        "zero_threshold",
    )

    def __init__(
        self,
        count: int,
        time_ns: int,
        start_ns: int = 0,
        attributes: Attributes | None = None,
        *,
        sum: float | None = None,  # noqa: A002  OTLP's names
        min: float | None = None,  # noqa: A002
        max: float | None = None,  # noqa: A002
        scale: int = 0,
        zero_count: int = 0,
        zero_threshold: float = 0.0,
        positive_offset: int = 0,
        positive_counts: Sequence[int] = (),
        negative_offset: int = 0,
        negative_counts: Sequence[int] = (),
        exemplars: Sequence[ExemplarRecord] = (),
        flags: int = 0,
    ) -> None:
        self.count = count
        self.time_ns = time_ns
        self.start_ns = start_ns
        self.attributes = attributes
        self.sum = sum
        self.min = min
        self.max = max
        self.scale = scale
        self.zero_count = zero_count
        self.zero_threshold = zero_threshold
        self.positive_offset = positive_offset
        self.positive_counts = positive_counts
        self.negative_offset = negative_offset
        self.negative_counts = negative_counts
        self.exemplars = exemplars
        self.flags = flags


class MetricRecord:
    """One instrument's points of one collection.

    ``kind`` is ``"gauge"``, ``"sum"``, ``"histogram"`` or ``"exponential_histogram"`` and says of which class
    the points are: numbers for the first two. ``temporality`` is OTLP's number: 1 delta, 2 cumulative.
    """

    __slots__ = (
        "description",
        "is_monotonic",
        "kind",
        "name",
        "points",
        "resource",
        "scope",
        "temporality",
        "unit",
    )

    def __init__(
        self,
        *,
        resource: ResourceRecord,
        scope: ScopeRecord,
        name: str,
        kind: str,
        description: str = "",
        unit: str = "",
        points: Sequence[NumberPoint | HistogramPoint | ExponentialPoint] = (),
        temporality: int = 0,
        is_monotonic: bool = False,
    ) -> None:
        self.resource = resource
        self.scope = scope
        self.name = name
        self.kind = kind
        self.description = description
        self.unit = unit
        self.points = points
        self.temporality = temporality
        self.is_monotonic = is_monotonic


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
