"""The one module that knows pyarrow: rows to Arrow tables, tables to Parquet files and back.

pyarrow ships no types: `Table` states the little that others may do with one.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from traceo.collector.batch import Signal
from traceo.collector.store.protocols import MetricUse, Operation
from traceo.collector.store.tables import TABLES, Row

__all__ = [
    "Table",
    "chunks",
    "compact",
    "count_metrics",
    "count_operations",
    "empty",
    "from_rows",
    "join",
    "read_parquet",
    "time_range",
    "trace_ids",
    "write_parquet",
]

_pa: Any = pa
_pc: Any = pc
_pq: Any = pq

_ROW_GROUP = 16_384
_ERROR = 2
_KINDS: dict[str, Any] = {
    "string": _pa.string(),
    "int8": _pa.int8(),
    "int32": _pa.int32(),
    "int64": _pa.int64(),
    "double": _pa.float64(),
    "int64s": _pa.list_(_pa.int64()),
    "doubles": _pa.list_(_pa.float64()),
}
_SCHEMAS: dict[Signal, Any] = {
    signal: _pa.schema([_pa.field(c.name, _KINDS[c.kind], nullable=c.nullable) for c in shape.columns])
    for signal, shape in TABLES.items()
}


class Table(Protocol):
    """An immutable Arrow table; DuckDB reads it where it lies."""

    @property
    def num_rows(self) -> int:
        """How many rows it has."""
        ...


def empty(signal: Signal) -> Table:
    """A table without rows."""
    return _SCHEMAS[signal].empty_table()


def from_rows(signal: Signal, rows: Sequence[Row]) -> Table:
    """A table of at least one row."""
    schema = _SCHEMAS[signal]
    arrays = [
        _pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)
    ]
    return _pa.Table.from_arrays(arrays, schema=schema)


def join(tables: Iterable[Table]) -> Table:
    """One table of all rows; copies none."""
    return _pa.concat_tables(list(tables))


def chunks(table: Table) -> int:
    """Of how many pieces a table is."""
    return cast("Any", table)[0].num_chunks


def compact(table: Table) -> Table:
    """The same rows in one piece."""
    return cast("Any", table).combine_chunks()


def write_parquet(table: Table, file: BinaryIO, signal: Signal) -> None:
    """Write rows, sorted, so that a row group's statistics tell what may be in it."""
    shape = TABLES[signal]
    order = [(name, "ascending") for name in shape.order or (shape.time,)]
    _pq.write_table(
        cast("Any", table).sort_by(order),
        file,
        compression="zstd",
        row_group_size=_ROW_GROUP,
        use_dictionary=[column.name for column in shape.columns if column.repeats],
    )


def read_parquet(path: Path, signal: Signal) -> Table:
    """All rows of a file."""
    return _pq.read_table(path).cast(_SCHEMAS[signal])


def time_range(table: Table, signal: Signal) -> tuple[int, int]:
    """First and last time, unix nanoseconds; of a table with rows."""
    found = _pc.min_max(cast("Any", table)[TABLES[signal].time])
    return found["min"].as_py(), found["max"].as_py()


def trace_ids(table: Table) -> list[str]:
    """The distinct trace ids, in no order; none of a table without them."""
    if "trace_id" not in cast("Any", table).column_names:
        return []
    return [text for text in _pc.unique(cast("Any", table)["trace_id"]).to_pylist() if text is not None]


def count_operations(table: Table) -> list[Operation]:
    """Count a table of spans by (service, name, kind)."""
    spans = cast("Any", table)
    failed = _pc.cast(_pc.equal(spans["status"], _ERROR), _pa.int64())
    keys = ["service", "name", "kind"]
    counted = (
        spans.select([*keys, "start_ns"])
        .append_column("failed", failed)
        .group_by(keys)
        .aggregate([("start_ns", "count"), ("failed", "sum"), ("start_ns", "max")])
    )
    columns = [*keys, "start_ns_count", "failed_sum", "start_ns_max"]
    return [Operation(*row) for row in zip(*(counted[name].to_pylist() for name in columns), strict=True)]


def count_metrics(table: Table) -> list[MetricUse]:
    """Describe the metrics in a table of points."""
    points = cast("Any", table)
    keys = ["service", "name", "kind", "unit", "temporality", "monotonic"]
    counted = (
        points.select([*keys, "description", "time_ns", "attributes_json"])
        .group_by(keys)
        .aggregate([("description", "max"), ("time_ns", "max"), ("attributes_json", "distinct")])
    )
    columns = [*keys, "description_max", "time_ns_max", "attributes_json_distinct"]
    rows = zip(*(counted[name].to_pylist() for name in columns), strict=True)
    return [_metric_use(row[:-1], row[-1]) for row in rows]


def _metric_use(values: tuple[Any, ...], attributes: list[str]) -> MetricUse:
    keys = {key for text in attributes for key in msgspec.json.decode(text, type=dict[str, Any])}
    series = sorted(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in attributes)
    return MetricUse(*values, keys=tuple(sorted(keys)), series=b"".join(series))
