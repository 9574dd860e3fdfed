"""Sealed batches that came inside log records: see `traceo.exporters.sealer` for how they got there."""

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from traceo.semconv import TRACEO_CARRIER

__all__ = ["carried", "has_other_logs"]


def carried(request: object) -> list[bytes]:
    """The sealed batches in a request, in order; not all requests are of logs, and few logs are carriers."""
    if not isinstance(request, ExportLogsServiceRequest):
        return []
    return [
        record.body.bytes_value
        for of_resource in request.resource_logs
        for of_scope in of_resource.scope_logs
        if of_scope.scope.name == TRACEO_CARRIER
        for record in of_scope.log_records
    ]


def has_other_logs(request: ExportLogsServiceRequest) -> bool:
    """Whether there are log records that carry nothing: an OpenTelemetry Collector mixes what it batches."""
    return any(
        of_scope.log_records and of_scope.scope.name != TRACEO_CARRIER
        for of_resource in request.resource_logs
        for of_scope in of_resource.scope_logs
    )
