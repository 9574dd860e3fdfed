"""The two tables. Texts named ``…_json`` are ready to be put into an API answer."""

from typing import Any, Literal, TypeAlias

import msgspec

from traceo.collector.batch import Signal

__all__ = ["KEPT", "LOGS", "SPANS", "TABLES", "Column", "Row", "TableShape"]

Row: TypeAlias = tuple[Any, ...]  # values in the order of the columns


class Column(msgspec.Struct, frozen=True):
    """A column; ``repeats`` says that a dictionary of its values is small."""

    name: str
    kind: Literal["string", "int8", "int32", "int64"] = "string"
    nullable: bool = False
    repeats: bool = False


class TableShape(msgspec.Struct, frozen=True):
    """Columns, and the one of the time (unix nanoseconds) that segments are sorted by."""

    columns: tuple[Column, ...]
    time: str

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

TABLES = {Signal.TRACES: SPANS, Signal.LOGS: LOGS}
KEPT = tuple(TABLES)
