"""A span as JSON, in the form of the OpenTelemetry SDK's ``ReadableSpan.to_json``."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opentelemetry.trace import SpanContext, format_span_id, format_trace_id

__all__ = ["span_to_json"]


def span_to_json(span: Any, indent: int | None) -> str:
    """``span`` is one of ours, open or ended; times are ISO 8601 in UTC, ids ``0x`` and hex digits."""
    status: dict[str, str] = {"status_code": span.status.status_code.name}
    if span.status.description:
        status["description"] = span.status.description
    return json.dumps(
        {
            "name": span.name,
            "context": _context(span.context),
            "kind": str(span.kind),
            "parent_id": f"0x{format_span_id(span.parent.span_id)}" if span.parent is not None else None,
            "start_time": _iso(span.start_time) if span.start_time else None,
            "end_time": _iso(span.end_time) if span.end_time else None,
            "status": status,
            "attributes": dict(span.attributes),
            "events": [
                {"name": event.name, "timestamp": _iso(event.timestamp), "attributes": dict(event.attributes)}
                for event in span.events
            ],
            "links": [
                {"context": _context(link.context), "attributes": dict(link.attributes)}
                for link in span.links
            ],
            "resource": json.loads(span.resource.to_json()),
        },
        indent=indent,
        default=_plain,
    )


def _context(context: SpanContext) -> dict[str, str]:
    return {
        "trace_id": f"0x{format_trace_id(context.trace_id)}",
        "span_id": f"0x{format_span_id(context.span_id)}",
        "trace_state": repr(context.trace_state),
    }


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(value: object) -> object:
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  only its items matter
    return str(value)
