"""The two tables, as Arrow and Parquet schemas. Texts named ``…_json`` are ready to be put into an API answer."""

from typing import Any, TypeAlias

import pyarrow as pa

from traceo.collector.batch import Signal

__all__ = ["LOGS", "SCHEMAS", "SPANS", "TIME", "Row", "to_table"]

Row: TypeAlias = tuple[Any, ...]

SPANS = pa.schema(
    [
        pa.field("trace_id", pa.string(), nullable=False),  # 32 hex digits
        pa.field("span_id", pa.string(), nullable=False),  # 16 hex digits
        pa.field("parent_span_id", pa.string()),
        pa.field("service", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("kind", pa.int8(), nullable=False),  # OTLP: 1 internal … 5 consumer
        pa.field("start_ns", pa.int64(), nullable=False),
        pa.field("duration_ns", pa.int64(), nullable=False),
        pa.field("status", pa.int8(), nullable=False),  # OTLP: 0 unset, 1 ok, 2 error
        pa.field("status_message", pa.string(), nullable=False),
        pa.field("scope_name", pa.string(), nullable=False),
        pa.field("scope_version", pa.string(), nullable=False),
        pa.field("trace_state", pa.string(), nullable=False),
        pa.field("redactions", pa.int32(), nullable=False),
        pa.field("resource_json", pa.string(), nullable=False),
        pa.field("attributes_json", pa.string(), nullable=False),
        pa.field("events_json", pa.string(), nullable=False),
        pa.field("links_json", pa.string(), nullable=False),
        pa.field("redacted_json", pa.string(), nullable=False),
    ]
)

LOGS = pa.schema(
    [
        pa.field("trace_id", pa.string()),
        pa.field("span_id", pa.string()),
        pa.field("service", pa.string(), nullable=False),
        pa.field("time_ns", pa.int64(), nullable=False),  # when it happened, or when it was seen
        pa.field("severity", pa.int8(), nullable=False),  # OTLP: 1 trace … 24 fatal4, 0 unspecified
        pa.field("severity_text", pa.string(), nullable=False),
        pa.field("event_name", pa.string(), nullable=False),
        pa.field("scope_name", pa.string(), nullable=False),
        pa.field("scope_version", pa.string(), nullable=False),
        pa.field("redactions", pa.int32(), nullable=False),
        pa.field("resource_json", pa.string(), nullable=False),
        pa.field("body_json", pa.string(), nullable=False),
        pa.field("attributes_json", pa.string(), nullable=False),
        pa.field("redacted_json", pa.string(), nullable=False),
    ]
)

SCHEMAS = {Signal.TRACES: SPANS, Signal.LOGS: LOGS}
TIME = {Signal.TRACES: "start_ns", Signal.LOGS: "time_ns"}  # what segments are sorted by


def to_table(signal: Signal, rows: list[Row]) -> pa.Table:
    """Turn rows (tuples in the schema's order) into an Arrow table."""
    schema = SCHEMAS[signal]
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
