"""OTLP requests and answers, protobuf and JSON (OTLP 1.x, "JSON Protobuf Encoding")."""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any, TypeAlias, cast

import msgspec
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from traceo.collector.batch import Media, Signal
from traceo.errors import EncodeError

__all__ = ["Request", "answer", "parse"]

Request: TypeAlias = ExportTraceServiceRequest | ExportLogsServiceRequest | ExportMetricsServiceRequest
_Json: TypeAlias = dict[str, object]

_REQUESTS: dict[Signal, type[Request]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}
_Names: TypeAlias = tuple[str, ...]  # of one member, in both spellings that protobuf's mapping accepts
_SPANS: tuple[_Names, ...] = (
    ("resourceSpans", "resource_spans"),
    ("scopeSpans", "scope_spans"),
    ("spans",),
)
_LOGS: tuple[_Names, ...] = (
    ("resourceLogs", "resource_logs"),
    ("scopeLogs", "scope_logs"),
    ("logRecords", "log_records"),
)
_EXEMPLARS: tuple[_Names, ...] = (
    ("resourceMetrics", "resource_metrics"),
    ("scopeMetrics", "scope_metrics"),
    ("metrics",),
    ("gauge", "sum", "histogram", "exponentialHistogram", "exponential_histogram"),
    ("dataPoints", "data_points"),
    ("exemplars",),
)
# where ids are
_HOLDERS: dict[Signal, tuple[tuple[_Names, ...], ...]] = {
    Signal.TRACES: (_SPANS, (*_SPANS, ("links",))),
    Signal.LOGS: (_LOGS,),
    Signal.METRICS: (_EXEMPLARS,),
}
_WHERE = re.compile(r"(?:at|field:?) ([A-Za-z]+(?:\.[A-Za-z]+(?:\[\d+\])?)*)")


def parse(body: bytes, signal: Signal, media: Media) -> Request:
    """Decode a plain request; unknown fields are ignored.

    Raises:
        EncodeError: it is not one; says where when that is known, never what was there.
    """
    kind = _REQUESTS[signal]
    if media is Media.JSON:
        return _parse_json(body, kind, signal)
    try:
        return kind.FromString(body)
    except DecodeError:
        raise EncodeError(f"the body is not a protobuf {kind.__name__}") from None


def answer(signal: Signal, media: Media, *, rejected: int = 0, why: str = "") -> bytes:
    """Encode the Export…ServiceResponse; with ``rejected`` or ``why`` as a partial success."""
    if signal is Signal.TRACES:
        response = ExportTraceServiceResponse()
        if rejected or why:
            response.partial_success.rejected_spans = rejected
            response.partial_success.error_message = why
    elif signal is Signal.LOGS:
        response = ExportLogsServiceResponse()
        if rejected or why:
            response.partial_success.rejected_log_records = rejected
            response.partial_success.error_message = why
    else:
        response = ExportMetricsServiceResponse()
        if rejected or why:
            response.partial_success.rejected_data_points = rejected
            response.partial_success.error_message = why
    if media is Media.JSON:
        return json_format.MessageToJson(response, indent=None).encode()
    return response.SerializeToString()


def _parse_json(body: bytes, kind: type[Request], signal: Signal) -> Request:
    try:
        tree = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise EncodeError("the body is not JSON (UTF-8, RFC 8259)") from None
    if not isinstance(tree, dict):
        raise EncodeError(f"the body is not a JSON {kind.__name__}: an object is expected")
    request = kind()
    try:
        _ids_to_base64(cast("_Json", tree), signal)
        json_format.ParseDict(cast("dict[str, Any]", tree), request, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        where = _WHERE.search(str(error))  # the message itself may quote a value
        place = f" at {where[1]}" if where else ""
        raise EncodeError(f"the body is not a JSON {kind.__name__}{place}") from None
    except (RecursionError, TypeError, ValueError, AttributeError, OverflowError):
        # protobuf's JSON reader meets unexpected shapes with whatever Python raises there
        raise EncodeError(f"the body is not a JSON {kind.__name__}") from None
    return request


def _ids_to_base64(tree: _Json, signal: Signal) -> None:
    """OTLP/JSON writes ids in hex where protobuf's JSON mapping has base64."""
    for path in _HOLDERS[signal]:
        holders: list[_Json] = [tree]
        for names in path:
            holders = [child for holder in holders for child in _children(holder, names)]
        for holder in holders:
            _recode(holder)


def _children(parent: _Json, names: Iterable[str]) -> Iterable[_Json]:
    """The objects of a member, which is a list of them or (a metric's data) one."""
    for name in names:
        found = parent.get(name)
        for child in cast("list[object]", found) if isinstance(found, list) else [found]:
            if isinstance(child, dict):
                yield cast("_Json", child)


def _recode(record: _Json) -> None:
    for name in ("traceId", "trace_id", "spanId", "span_id", "parentSpanId", "parent_span_id"):
        text = record.get(name)
        if isinstance(text, str):
            try:
                record[name] = base64.b64encode(binascii.unhexlify(text)).decode()
            except (binascii.Error, ValueError):
                raise EncodeError(f"{name} is not hexadecimal") from None
