"""What senders say they had to drop, as their batches tell it (``traceo.dropped.<reason>``)."""

from collections import Counter

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from traceo.semconv import HOST_NAME, PROCESS_PID, SERVICE_INSTANCE_ID, SERVICE_NAME, TRACEO_DROPPED

__all__ = ["SenderDrops"]

_MOST = 10_000  # of (process, signal, reason); the oldest are added up and forgotten
_IDENTITY = frozenset((SERVICE_NAME, SERVICE_INSTANCE_ID, HOST_NAME, PROCESS_PID))

_Key = tuple[tuple[str, ...], str, str]


class SenderDrops:
    """The counts of each process only grow, so the largest that was seen counts. Event loop's thread only."""

    def __init__(self) -> None:
        self._latest: dict[_Key, int] = {}
        self._forgotten: Counter[str] = Counter()

    def note(self, request: object) -> None:
        """See what a request says about its sender."""
        if isinstance(request, ExportTraceServiceRequest):
            for group in request.resource_spans:
                self._note(group.resource, "spans")
        elif isinstance(request, ExportLogsServiceRequest):
            for group in request.resource_logs:
                self._note(group.resource, "logs")
        elif isinstance(request, ExportMetricsServiceRequest):
            for group in request.resource_metrics:
                self._note(group.resource, "metrics")

    def by_reason(self) -> dict[str, int]:
        """Reason → items, of all senders together, since this process started."""
        total = Counter(self._forgotten)
        for (_, _, reason), count in self._latest.items():
            total[reason] += count
        return dict(total)

    def _note(self, resource: Resource, signal: str) -> None:
        found = [item for item in resource.attributes if item.key.startswith(TRACEO_DROPPED)]
        if not found:
            return
        sender = tuple(str(item.value) for item in resource.attributes if item.key in _IDENTITY)
        for item in found:
            key = (sender, signal, item.key.removeprefix(TRACEO_DROPPED)[:64])
            self._latest[key] = max(self._latest.pop(key, 0), item.value.int_value)
            if len(self._latest) > _MOST:
                (_, _, reason), count = next(iter(self._latest.items()))
                self._forgotten[reason] += count
                del self._latest[next(iter(self._latest))]
