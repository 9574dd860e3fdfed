from collections.abc import Iterable

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from traceo.collector.batch import Batch, Decoded
from traceo.collector.receivers.opening import Opener
from traceo.collector.store.points import Points, read_points
from traceo.collector.store.rows import log_rows, span_rows
from traceo.collector.store.tables import Row

__all__ = ["RowReader"]


class RowReader:
    """Turns batches into rows: the store's ``Reader``, which so needs to know neither keys nor OTLP."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener

    def __call__(self, batch: Batch, decoded: Decoded | None) -> Iterable[Row]:
        """Rows of a batch; decodes it again when ``decoded`` is None (replay).

        Raises:
            TraceoError: it does not open or decode, though it did when it was answered.
        """
        request = (decoded or self._opener.open(batch, stored=True)).request
        if isinstance(request, ExportTraceServiceRequest):
            return span_rows(request)
        if isinstance(request, ExportLogsServiceRequest):
            return log_rows(request)
        if isinstance(request, Points):
            return request.rows
        if isinstance(request, ExportMetricsServiceRequest):
            return read_points(request).rows
        return ()
