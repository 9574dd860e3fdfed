"""Real servers and clients; spans from both implementations of the API: OpenTelemetry's SDK and ours."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from traceo.instrumentation import Installed, Options, Selection, install
from traceo.records import SpanRecord
from traceo.tracing import TracerProvider, snapshot


class Spans:
    """What has ended so far, oldest start first."""

    def __init__(self, kind: str, **settings) -> None:
        self._exporter = InMemorySpanExporter()
        self._ours: list = []
        if kind == "sdk":
            self.provider = SdkTracerProvider(shutdown_on_exit=False, **settings)
            self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        else:
            self.provider = TracerProvider(sink=self._ours.append, shutdown_on_exit=False, **settings)

    def all(self) -> list[SpanRecord]:
        spans = [*self._exporter.get_finished_spans(), *self._ours]
        return sorted(map(snapshot, spans), key=lambda span: span.start_ns)

    def named(self, name: str) -> SpanRecord:
        found = [span for span in self.all() if span.name == name]
        assert len(found) == 1, [span.name for span in self.all()]
        return found[0]

    def wait(self, count: int) -> list[SpanRecord]:
        """The spans, once there are ``count``: a server may end its span a moment after the client has the body."""
        deadline = time.monotonic() + 5
        while len(self.all()) < count and time.monotonic() < deadline:
            time.sleep(0.002)
        spans = self.all()
        assert len(spans) == count, [span.name for span in spans]
        return spans


@pytest.fixture(params=["sdk", "traceo"])
def spans(request) -> Spans:
    return Spans(request.param)


@pytest.fixture
def hook(spans) -> Iterator[Callable[..., Installed]]:
    """``hook("httpx,starlette", capture_sql_parameters=True)``; undone at the end."""
    done: list[Installed] = []

    def run(names: str = "auto", **options) -> Installed:
        installed = install(
            Selection.parse(names), tracer_provider=spans.provider, options=Options(**options)
        )
        done.append(installed)
        return installed

    yield run
    for installed in reversed(done):
        installed.uninstall()


@contextmanager
def serving() -> Iterator[Callable[..., str]]:
    """`serve` for as long as one likes."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def run(app, **settings) -> str:
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", **settings)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.002)
        running.append((server, thread))
        port = server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    yield run
    for server, thread in running:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """``serve(app)`` runs it under uvicorn on a free port of 127.0.0.1 and gives its base URL."""
    with serving() as run:
        yield run
