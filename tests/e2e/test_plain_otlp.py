"""To an endpoint that is not a Traceo collector: plain OTLP that the standard's own classes read, redacted."""

import gzip
import http.server
import subprocess
import sys
import threading

import pytest
from backports import zstd
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

APP = """
import logging, traceo
traceo.init()
log = logging.getLogger("app")
with traceo.span("pay", user="ada@example.com", amount=12):
    log.warning("no account for %s", "ada@example.com")
traceo.counter("orders").add(2, {"user": "ada@example.com"})
print(traceo.flush(10))
"""
UNPACK = {"gzip": gzip.decompress, "zstd": zstd.decompress, "": bytes}


class _Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        plain = UNPACK[self.headers.get("Content-Encoding", "")](body)
        self.server.received.append((self.path, self.headers["Content-Type"], plain))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        if self.server.announces:
            self.send_header("Accept-Encoding", self.server.announces)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.send_error(404)

    def log_message(self, *_):
        pass


@pytest.fixture(params=["", "zstd"], ids=["gzip", "zstd announced"])
def recorder(request):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Recorder)
    server.received, server.announces = [], request.param
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_otlp_endpoint_gets_spans_metrics_and_logs_it_can_read(recorder):
    done = subprocess.run(
        [sys.executable, "-c", APP],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={
            "OTEL_SERVICE_NAME": "till",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{recorder.server_address[1]}",
        },
    )
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr
    received = {path: plain for path, kind, plain in recorder.received if kind == "application/x-protobuf"}
    assert sorted(received) == ["/v1/logs", "/v1/metrics", "/v1/traces"]
    traces = ExportTraceServiceRequest.FromString(received["/v1/traces"])
    [resource] = traces.resource_spans
    assert {a.key: a.value.string_value for a in resource.resource.attributes}["service.name"] == "till"
    [span] = resource.scope_spans[0].spans
    assert span.name == "pay"
    assert {a.key: a.value.string_value or a.value.int_value for a in span.attributes}["user"] == "[EMAIL]"
    logs = ExportLogsServiceRequest.FromString(received["/v1/logs"])
    [line] = logs.resource_logs[0].scope_logs[0].log_records
    assert line.body.string_value == "no account for [EMAIL]"
    assert (line.trace_id, line.span_id) == (span.trace_id, span.span_id)
    metrics = ExportMetricsServiceRequest.FromString(received["/v1/metrics"])
    found = {
        metric.name: metric for group in metrics.resource_metrics for metric in group.scope_metrics[0].metrics
    }
    assert [point.as_int for point in found["orders"].sum.data_points] == [2]
    assert [a.value.string_value for a in found["orders"].sum.data_points[0].attributes] == ["[EMAIL]"]
    assert not [plain for plain in received.values() if b"ada@example.com" in plain]
