"""An OTLP endpoint that records what processes of the tests send to it, as the fixture ``recorder``."""

import gzip
import http.server
import threading

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = ["Recorder", "recorder"]


class Recorder(http.server.ThreadingHTTPServer):
    """An OTLP/HTTP endpoint that is no Traceo collector: keeps what it gets, opened."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posts: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def spans(self) -> list:
        return [
            (resource.resource, span)
            for path, body in self.posts
            if path == "/v1/traces"
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def names(self) -> list[str]:
        return sorted(span.name for _, span in self.spans())

    def lines(self) -> list[str]:
        return [
            record.body.string_value
            for path, body in self.posts
            if path == "/v1/logs"
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def metrics(self, path="/v1/metrics") -> dict[str, dict[tuple, object]]:
        """name → {sorted attributes: value or count}; the last that was said of each."""
        found: dict[str, dict[tuple, object]] = {}
        for where, body in list(self.posts):
            if where != path:
                continue
            for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for metric in (each for scope in group.scope_metrics for each in scope.metrics):
                    kind = metric.WhichOneof("data")
                    for point in getattr(metric, kind).data_points:
                        key = tuple(sorted((a.key, _value(a.value)) for a in point.attributes))
                        value = point.count if kind == "histogram" else _number(point)
                        found.setdefault(metric.name, {})[key] = value
        return found


def _value(value):
    return getattr(value, value.WhichOneof("value"))


def _number(point):
    return getattr(point, point.WhichOneof("value"))


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_error(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.posts.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def recorder():
    with Recorder() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
