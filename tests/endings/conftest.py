"""Real processes that end in every way there is, and an OTLP endpoint that counts what arrives of them."""

import contextlib
import gzip
import http.server
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

GENEROUS_S = 60
NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens there


class Recorder(http.server.ThreadingHTTPServer):
    """An OTLP/HTTP endpoint that is no Traceo collector: keeps what it gets, opened."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posts: list[bytes] = []
        self.metrics: list[bytes] = []
        self.reached = threading.Event()
        self.gate = threading.Event()
        """While it is not set, a request that came is not answered."""
        self.gate.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def spans(self) -> list:
        """(process id, span) of everything that arrived."""
        found = []
        for body in list(self.posts):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                pid = next(a.value.int_value for a in resource.resource.attributes if a.key == "process.pid")
                found += [(pid, span) for scope in resource.scope_spans for span in scope.spans]
        return found

    def names(self) -> dict[str, int]:
        """Name → how many spans; no span may arrive twice."""
        spans = self.spans()
        assert len({span.span_id for _, span in spans}) == len(spans), "a span came twice"
        return dict(sorted(Counter(span.name for _, span in spans).items()))

    def services(self) -> set[str]:
        """The names of the services that sent spans."""
        return {
            attribute.value.string_value
            for body in list(self.posts)
            for one in ExportTraceServiceRequest.FromString(body).resource_spans
            for attribute in one.resource.attributes
            if attribute.key == "service.name"
        }

    def sums(self, name: str) -> dict[int, int]:
        """Process id → the last that it said of a counter or histogram: its sum, or its count."""
        found: dict[int, int] = {}
        for body in list(self.metrics):
            for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                pid = next(a.value.int_value for a in group.resource.attributes if a.key == "process.pid")
                for metric in (each for scope in group.scope_metrics for each in scope.metrics):
                    if metric.name == name:
                        found[pid] = sum(point.as_int for point in metric.sum.data_points)
                        found[pid] += sum(point.count for point in metric.histogram.data_points)
        return found

    def pids(self, name: str) -> set[int]:
        return {pid for pid, span in self.spans() if span.name == name}

    def handle_error(self, request, client_address):
        """A client that went away is what these tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_error(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.reached.set()
        self.server.gate.wait(GENEROUS_S)
        if self.path == "/v1/traces":
            self.server.posts.append(body)
        elif self.path == "/v1/metrics":
            self.server.metrics.append(body)
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
        server.gate.set()
        server.shutdown()
        thread.join()


class App:
    """A running process of ours; its output is read when it has ended."""

    def __init__(self, arguments: list[str], folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                arguments, cwd=folder, env=environ, stdout=out, stderr=err, start_new_session=True
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def until(self, what, describe=""):
        """Wait for a condition; the process must live meanwhile."""
        deadline = time.monotonic() + GENEROUS_S
        while not (found := what()):
            assert self.process.poll() is None, self.out + self.err
            assert time.monotonic() < deadline, f"{describe}\n{self.out}{self.err}"
            time.sleep(0.01)
        return found

    def until_says(self, text: str) -> None:
        self.until(lambda: text in self.out or text in self.err, text)

    def until_waits(self) -> None:
        """Until the main thread sleeps in a system call.

        A signal that comes between Python's last look and the call leaves the call waiting: no handler of
        Python's can help that.
        """
        stat = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/stat")
        seen = []

        def is_asleep():
            seen.append(stat.read_text().rpartition(") ")[2].split()[0])
            return seen[-5:] == ["S"] * 5

        self.until(is_asleep, "it never waits")

    def kill(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait(GENEROUS_S)

    def close(self) -> None:
        """Whatever is left of it and its children goes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def start(tmp_path, recorder):
    """Start a script (text) or a command (list) against the recorder, in a folder of its own."""
    apps = []

    def start(command: str | list[str], endpoint: str | None = None, **environ: str) -> App:
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "TRACEO_"))
        }
        settings = {
            "TRACEO_ENDPOINT": endpoint or recorder.url,
            "TRACEO_EXIT_TIMEOUT_S": "30",  # the machine may be busy: what is to arrive may take its time
            "TRACEO_FLUSH_EVERY_S": "3600",  # only an ending delivers
            "PYTHONUNBUFFERED": "1",
        }
        folder = tmp_path / str(len(apps))
        folder.mkdir()
        if isinstance(command, str):
            (folder / "app.py").write_text(textwrap.dedent(command))
            command = [sys.executable, "-W", "error", "app.py"]
        apps.append(App(command, folder, {**clean, **settings, **environ}))
        return apps[-1]

    yield start
    for app in apps:
        app.close()


@pytest.fixture
def run(start):
    """The same, and wait for its end."""

    def run(command: str | list[str], endpoint: str | None = None, **environ: str) -> App:
        app = start(command, endpoint, **environ)
        app.process.wait(GENEROUS_S)
        return app

    return run


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def nowhere():
    return NOWHERE
