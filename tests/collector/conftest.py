import contextlib
import http.client
import json
import multiprocessing
import os
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from traceo.collector import Settings

# Run by a fork server that has everything imported: a start costs a fork, and the process is as real as any.
START = """
import os, resource, sys, warnings
for number, path in ((1, out), (2, errors)):
    os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), number)
warnings.simplefilter("error")
if file_size_limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_size_limit, file_size_limit))
from traceo.collector import serve
serve(settings)
"""
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["traceo.collector.running"])
PROTOBUF = "application/x-protobuf"
NOW_NS = 1_790_000_000_000_000_000


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Collector:
    """A real collector process on a free port of 127.0.0.1."""

    def __init__(self, data: Path, *, file_size_limit: int = 0, **settings) -> None:
        self.data = data
        self.settings = Settings(data=data, port=0, **settings)
        self.file_size_limit = file_size_limit
        self.out, self.errors = data.parent / "stdout", data.parent / "stderr"
        os.mkfifo(self.out)
        self.errors.touch()
        self.start()

    def start(self) -> None:
        given = {
            "settings": self.settings,
            "out": str(self.out),
            "errors": str(self.errors),
            "file_size_limit": self.file_size_limit,
        }
        self.process = FORK.Process(target=exec, args=(START, given))
        self.process.start()
        with self.out.open() as out:
            line = out.readline()
        if "listens on" not in line:
            self.end(signal.SIGKILL)
            raise AssertionError(self.errors.read_text())
        self.url = line.split()[4].rstrip(",")
        self.port = int(self.url.rpartition(":")[2])

    @property
    def log(self) -> list[dict]:
        return [json.loads(line) for line in self.errors.read_text().splitlines()]

    def end(self, number=signal.SIGTERM) -> int:
        if self.process.is_alive():
            # It may end by itself, and the fork server has seen it.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, number)
        self.process.join(20)
        return self.process.exitcode

    def restart(self, number=signal.SIGTERM) -> None:
        self.end(number)
        self.start()

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, names)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
            return b"".join(parts)

    def post(self, path: str, body: bytes, content_type: str = PROTOBUF, **headers: str) -> Answer:
        return self.request("POST", path, body, content_type=content_type, **headers)

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def stored(self) -> tuple[int, int]:
        status = self.get("/api/traceo/status").json
        return status["spans"], status["logs"]

    def wait_for(self, what, limit_s: float = 15.0):
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            found = what()
            if found:
                return found
            time.sleep(0.02)  # another process's progress can only be polled
        raise AssertionError("not in time")


@pytest.fixture
def start(tmp_path):
    """Starts collectors with given settings; ends what is left of them."""
    running = []

    def begin(**settings):
        collector = Collector(settings.pop("data", tmp_path / "data"), **settings)
        running.append(collector)
        return collector

    yield begin
    for collector in running:
        collector.end(signal.SIGKILL)


@pytest.fixture(scope="session")
def launch():
    """Starts a collector on a data folder, for fixtures that live longer than a test."""
    return Collector


@pytest.fixture(scope="module")
def collector(tmp_path_factory):
    """One collector for a module whose tests only add to it or are refused by it."""
    running = Collector(tmp_path_factory.mktemp("collector") / "data")
    yield running
    running.end()


def any_value(value) -> AnyValue:
    found = AnyValue()
    match value:
        case bool():
            found.bool_value = value
        case int():
            found.int_value = value
        case float():
            found.double_value = value
        case str():
            found.string_value = value
        case bytes():
            found.bytes_value = value
        case list():
            found.array_value.values.extend(any_value(item) for item in value)
        case dict():
            found.kvlist_value.values.extend(key_values(value))
    return found


def key_values(attributes: dict) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def _with_pairs(tree):
    if isinstance(tree, list):
        return [_with_pairs(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    return {
        key: [json_format.MessageToDict(pair) for pair in key_values(item)]
        if key in {"attributes", "filteredAttributes"}
        else _with_pairs(item)
        for key, item in tree.items()
    }


class Make:
    """Writes OTLP requests."""

    NOW_NS = NOW_NS

    @staticmethod
    def span(trace=1, span=1, parent=0, name="GET /", at_ms=0, took_ms=10.0, status=0, message="", **more):
        return {
            "trace": trace,
            "span": span,
            "parent": parent,
            "name": name,
            "start": NOW_NS + int(at_ms * 1e6),
            "took": int(took_ms * 1e6),
            "status": status,
            "message": message,
            **more,
        }

    @staticmethod
    def traces(*spans: dict, service="shop", resource=None) -> ExportTraceServiceRequest:
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        group.resource.attributes.extend(key_values({"service.name": service, **(resource or {})}))
        scope = group.scope_spans.add()
        scope.scope.name, scope.scope.version = "shop.http", "2.1"
        for given in spans:
            span = scope.spans.add(
                trace_id=given["trace"].to_bytes(16),
                span_id=given["span"].to_bytes(8),
                parent_span_id=given["parent"].to_bytes(8) if given["parent"] else b"",
                name=given["name"],
                kind=given.get("kind", 2),
                start_time_unix_nano=given["start"],
                end_time_unix_nano=given["start"] + given["took"],
                attributes=key_values(given.get("attributes", {})),
            )
            span.status.code, span.status.message = given["status"], given["message"]
            for name, attributes in given.get("events", []):
                span.events.add(name=name, time_unix_nano=given["start"], attributes=key_values(attributes))
            for trace, linked in given.get("links", []):
                span.links.add(trace_id=trace.to_bytes(16), span_id=linked.to_bytes(8))
        return request

    @staticmethod
    def logs(*bodies, trace=1, span=1, service="shop", attributes=None) -> ExportLogsServiceRequest:
        request = ExportLogsServiceRequest()
        group = request.resource_logs.add()
        group.resource.attributes.extend(key_values({"service.name": service}))
        scope = group.scope_logs.add()
        for number, body in enumerate(bodies):
            scope.log_records.add(
                time_unix_nano=NOW_NS + number,
                severity_number=9,
                severity_text="INFO",
                body=any_value(body),
                attributes=key_values(attributes or {}),
                trace_id=trace.to_bytes(16) if trace else b"",
                span_id=span.to_bytes(8) if span else b"",
            )
        return request

    @staticmethod
    def metrics(*metrics: dict, service="shop", resource=None) -> ExportMetricsServiceRequest:
        """Each metric is the JSON form of OTLP's Metric; attributes are given as dicts."""
        request = ExportMetricsServiceRequest()
        group = request.resource_metrics.add()
        group.resource.attributes.extend(key_values({"service.name": service, **(resource or {})}))
        scope = group.scope_metrics.add()
        scope.scope.name, scope.scope.version = "shop.meter", "1"
        for metric in metrics:
            json_format.ParseDict(_with_pairs(metric), scope.metrics.add())
        return request

    @staticmethod
    def trace_id(number: int) -> str:
        return f"{number:032x}"


@pytest.fixture(scope="session")
def make():
    return Make
