"""Saying on the resource of what leaves how much did not."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from traceo.records import LogRecord, MetricRecord, ResourceRecord, SpanRecord
from traceo.semconv import TRACEO_DROPPED

__all__ = ["mark"]

_Record = TypeVar("_Record", SpanRecord, LogRecord, MetricRecord)


def mark(records: Sequence[_Record], dropped: Mapping[str, int]) -> None:
    """Say on the resource what is missing. Names and numbers of our own, so nothing here needs redaction."""
    if not dropped:
        return
    counts = {f"{TRACEO_DROPPED}{reason}": count for reason, count in dropped.items()}
    marked: dict[int, ResourceRecord] = {}
    for record in records:
        clean = record.resource
        if id(clean) not in marked:
            marked[id(clean)] = ResourceRecord({**clean.attributes, **counts}, clean.schema_url)
        record.resource = marked[id(clean)]
