"""OTLP messages to table rows."""

import base64
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from traceo.collector.store.tables import Row
from traceo.semconv import TRACEO_CARRIER

__all__ = [
    "INT64_MAX",
    "NO_SERVICE",
    "JsonValue",
    "attributes",
    "json_value",
    "log_rows",
    "span_rows",
    "take_redacted",
    "whole_span",
]

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

_REDACTED = "traceo.redacted"
NO_SERVICE = "unknown_service"  # OpenTelemetry's resource conventions
INT64_MAX = 2**63 - 1
_SAFE_INT = 2**53  # above it a JSON reader with doubles would round
_encode = msgspec.json.Encoder().encode


def span_rows(request: ExportTraceServiceRequest) -> Iterator[Row]:
    """Yield a row of ``tables.SPANS`` for each span that has its ids; see :func:`whole_span`."""
    for of_resource in request.resource_spans:
        service, resource, inherited = _resource(of_resource.resource)
        for of_scope in of_resource.scope_spans:
            scope = (of_scope.scope.name, of_scope.scope.version)
            for span in of_scope.spans:
                if whole_span(span):
                    yield _span_row(span, service, resource, inherited, scope)


def log_rows(request: ExportLogsServiceRequest) -> Iterator[Row]:
    """Yield a row of ``tables.LOGS`` for each record."""
    for of_resource in request.resource_logs:
        service, resource, inherited = _resource(of_resource.resource)
        for of_scope in of_resource.scope_logs:
            if of_scope.scope.name == TRACEO_CARRIER:
                continue  # what it carries is stored as a batch of its own
            scope = (of_scope.scope.name, of_scope.scope.version)
            for record in of_scope.log_records:
                yield _log_row(record, service, resource, inherited, scope)


def whole_span(span: Span) -> bool:
    """Tell whether a span has what OTLP calls valid ids: 16 and 8 bytes, not all zero."""
    trace_id, span_id = span.trace_id, span.span_id
    return len(trace_id) == 16 and len(span_id) == 8 and any(trace_id) and any(span_id)


def json_value(value: AnyValue) -> JsonValue:
    """An OTLP value as the API shows it.

    Integers beyond 2^53 and floats that JSON lacks (NaN, Infinity) are strings, bytes are base64.
    """
    which = value.WhichOneof("value")
    if which == "string_value":
        return value.string_value
    if which == "int_value":
        number = value.int_value
        return number if -_SAFE_INT <= number <= _SAFE_INT else str(number)
    if which == "bool_value":
        return value.bool_value
    if which == "double_value":
        return _json_float(value.double_value)
    if which == "array_value":
        return [json_value(item) for item in value.array_value.values]
    if which == "kvlist_value":
        return attributes(value.kvlist_value.values)
    if which == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return None


def attributes(pairs: Iterable[KeyValue]) -> dict[str, JsonValue]:
    """Key-values as an object; the last of a repeated key wins."""
    return {pair.key: json_value(pair.value) for pair in pairs}


def _json_float(number: float) -> float | str:
    if math.isfinite(number):
        return number
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def _text(value: object) -> str:
    return _encode(value).decode()


def take_redacted(found: dict[str, JsonValue]) -> list[dict[str, str]]:
    """Take the list of what the SDK redacted out of an object of attributes."""
    listed = found.pop(_REDACTED, None)
    if not isinstance(listed, list):
        return []
    parts = [item.rpartition("=") for item in listed if isinstance(item, str)]
    return [{"path": path, "rule": rule} for path, _, rule in parts]


def _resource(resource: Resource) -> tuple[str, str, list[dict[str, str]]]:
    found = attributes(resource.attributes)
    redacted = take_redacted(found)
    service = found.get("service.name")
    return service if isinstance(service, str) and service else NO_SERVICE, _text(found), redacted


def _span_row(
    span: Span, service: str, resource: str, inherited: list[dict[str, str]], scope: tuple[str, str]
) -> Row:
    found = attributes(span.attributes)
    redacted = take_redacted(found)
    start = min(span.start_time_unix_nano, INT64_MAX)
    end = min(span.end_time_unix_nano, INT64_MAX)
    return (
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex() if len(span.parent_span_id) == 8 and any(span.parent_span_id) else None,
        service,
        span.name,
        span.kind if 0 < span.kind <= 5 else 1,
        start,
        max(end - start, 0),
        span.status.code if 0 <= span.status.code <= 2 else 0,
        span.status.message,
        *scope,
        span.trace_state,
        len(redacted),
        resource,
        _text(found),
        _text(_events(span.events)) if span.events else "[]",
        _text(_links(span.links)) if span.links else "[]",
        _text(inherited + redacted) if redacted or inherited else "[]",
    )


def _events(events: Sequence[Span.Event]) -> list[object]:
    return [
        {
            "name": event.name,
            "time_unix_nano": str(event.time_unix_nano),
            "attributes": attributes(event.attributes),
        }
        for event in events
    ]


def _links(links: Sequence[Span.Link]) -> list[object]:
    return [
        {
            "trace_id": link.trace_id.hex(),
            "span_id": link.span_id.hex(),
            "attributes": attributes(link.attributes),
        }
        for link in links
    ]


def _log_row(
    record: LogRecord, service: str, resource: str, inherited: list[dict[str, str]], scope: tuple[str, str]
) -> Row:
    found = attributes(record.attributes)
    redacted = take_redacted(found)
    return (
        record.trace_id.hex() if len(record.trace_id) == 16 and any(record.trace_id) else None,
        record.span_id.hex() if len(record.span_id) == 8 and any(record.span_id) else None,
        service,
        min(record.time_unix_nano or record.observed_time_unix_nano, INT64_MAX),
        record.severity_number if 0 <= record.severity_number <= 24 else 0,
        record.severity_text,
        record.event_name,
        *scope,
        len(redacted),
        resource,
        _text(json_value(record.body)),
        _text(found),
        _text(inherited + redacted) if redacted or inherited else "[]",
    )
