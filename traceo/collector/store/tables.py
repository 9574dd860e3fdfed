"""The tables, one a signal. Texts named ``…_json`` are ready to be put into an API answer."""

from typing import Any, Literal, TypeAlias

import msgspec

from traceo.collector.batch import Signal

__all__ = ["KEPT", "LOGS", "POINTS", "SPANS", "TABLES", "Column", "Row", "TableShape"]

Row: TypeAlias = tuple[Any, ...]  # values in the order of the columns


class Column(msgspec.Struct, frozen=True):
    """A column; ``repeats`` says that a dictionary of its values is small."""

    name: str
    kind: Literal["string", "int8", "int32", "int64", "double", "int64s", "doubles"] = "string"
    nullable: bool = False
    repeats: bool = False


class TableShape(msgspec.Struct, frozen=True):
    """Columns, and the one of the time (unix nanoseconds). Segments are sorted by ``order``, or by time."""

    columns: tuple[Column, ...]
    time: str
    order: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The columns' names, in order."""
        return [column.name for column in self.columns]


SPANS = TableShape(
    (
        Column("trace_id", repeats=True),  # 32 hex digits
        Column("span_id"),  # 16 hex digits
        Column("parent_span_id", nullable=True),
        Column("service", repeats=True),
        Column("name", repeats=True),
        Column("kind", "int8"),  # OTLP: 1 internal … 5 consumer
        Column("start_ns", "int64"),
        Column("duration_ns", "int64"),
        Column("status", "int8"),  # OTLP: 0 unset, 1 ok, 2 error
        Column("status_message", repeats=True),
        Column("scope_name", repeats=True),
        Column("scope_version", repeats=True),
        Column("trace_state", repeats=True),
        Column("redactions", "int32"),
        Column("resource_json", repeats=True),
        Column("attributes_json"),
        Column("events_json", repeats=True),
        Column("links_json", repeats=True),
        Column("redacted_json", repeats=True),
    ),
    "start_ns",
)

LOGS = TableShape(
    (
        Column("trace_id", nullable=True, repeats=True),
        Column("span_id", nullable=True),
        Column("service", repeats=True),
        Column("time_ns", "int64"),  # when it happened, or when it was seen
        Column("severity", "int8"),  # OTLP: 1 trace … 24 fatal4, 0 unspecified
        Column("severity_text", repeats=True),
        Column("event_name", repeats=True),
        Column("scope_name", repeats=True),
        Column("scope_version", repeats=True),
        Column("redactions", "int32"),
        Column("resource_json", repeats=True),
        Column("body_json"),
        Column("attributes_json"),
        Column("redacted_json", repeats=True),
    ),
    "time_ns",
)

# Data points of all kinds. ``stream`` is whose value a point continues (resource, scope, metric, attributes),
# ``process`` its resource alone; both are hashes. A value without a number is OTLP's "no recorded value".
POINTS = TableShape(
    (
        Column("name", repeats=True),
        Column("kind", "int8"),  # 1 gauge, 2 sum, 3 histogram, 4 exponential histogram, 5 summary
        Column("unit", repeats=True),
        Column("description", repeats=True),
        Column("temporality", "int8"),  # OTLP: 1 delta, 2 cumulative; 0 where there is none
        Column("monotonic", "int8"),
        Column("service", repeats=True),
        Column("process", "int64", repeats=True),
        Column("scope_name", repeats=True),
        Column("scope_version", repeats=True),
        Column("resource_json", repeats=True),
        Column("stream", "int64", repeats=True),
        Column("start_ns", "int64", repeats=True),  # 0 when the sender does not say
        Column("time_ns", "int64", repeats=True),
        Column("attributes_json", repeats=True),
        Column("redacted_json", repeats=True),
        Column("exemplars_json", repeats=True),
        Column("value", "double", nullable=True),  # of a gauge or a sum
        Column("count", "int64", nullable=True),  # of the other kinds, as all that follow
        Column("total", "double", nullable=True),
        Column("lowest", "double", nullable=True),
        Column("highest", "double", nullable=True),
        Column("bounds", "doubles", nullable=True),  # of buckets; the quantiles of a summary
        Column("counts", "int64s", nullable=True),  # of buckets; the positive ones when exponential
        Column("quantile_values", "doubles", nullable=True),
        Column("scale", "int32", nullable=True),
        Column("zero_count", "int64", nullable=True),
        Column("zero_threshold", "double", nullable=True),
        Column("positive_offset", "int32", nullable=True),
        Column("negative_offset", "int32", nullable=True),
        Column("negative_counts", "int64s", nullable=True),
    ),
    "time_ns",
    ("name", "time_ns"),  # a question names one metric
)

TABLES = {Signal.TRACES: SPANS, Signal.LOGS: LOGS, Signal.METRICS: POINTS}
KEPT = tuple(TABLES)
