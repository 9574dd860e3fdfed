import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from pathlib import Path

import pytest

from traceo.exporters.outcome import Package
from traceo.exporters.spool.folder import Spool

ENDPOINT = "http://127.0.0.1:4318"
KID = b"k" * 16
GENEROUS_S = 60
COSE = 'application/cose; cose-type="cose-encrypt"'


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pack():
    """A sealed package; its body is as random as a real one."""

    def make(number: int = 1, size: int = 100, signal="traces", sealed_to=KID) -> Package:
        return Package(
            signal=signal,
            body=os.urandom(size),
            content_type=COSE,
            content_encoding="",
            raw_bytes=size * 8,
            batch_id=number.to_bytes(16),
            sealed_to=sealed_to,
        )

    return make


@pytest.fixture
def open_spool(tmp_path, clock):
    """Makes what different processes would make of the same folder; each has locks of its own."""
    made = []

    def make(endpoint=ENDPOINT, limit_bytes=1024 * 1024, folder=None) -> Spool:
        made.append(Spool(folder or tmp_path, endpoint, limit_bytes=limit_bytes, clock=clock))
        return made[-1]

    yield make
    for spool in made:
        spool.close()


@pytest.fixture
def drain():
    """All packages of a spool, in order, settled."""

    def take(spool) -> list[Package]:
        packages = []
        while (held := spool.oldest()) is not None:
            package = spool.read(held)
            if package is not None:
                packages.append(package)
                spool.settle(held)
        return packages

    return take


class Collector:
    """A real collector, always at the same address: applications that wait for it find it again."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "traceo", "collector", "--port", str(self.port), "--data", str(self.data)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert "listens on" in self.process.stdout.readline()

    def end(self, number=signal.SIGKILL) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
            if number != signal.SIGSTOP:
                self.process.wait(30)
        if number != signal.SIGSTOP:
            self.process.stdout.close()

    def figures(self) -> dict:
        with urllib.request.urlopen(f"{self.url}/api/traceo/status", timeout=30) as answer:
            return json.loads(answer.read())

    def wait_for_spans(self, count: int) -> None:
        """Until it has so many; then none more may be on its way."""
        deadline = time.monotonic() + GENEROUS_S
        while self.figures()["spans"] < count:
            assert time.monotonic() < deadline, self.figures()
            time.sleep(0.05)
        assert self.figures()["spans"] == count


@pytest.fixture
def collector(tmp_path):
    running = Collector(tmp_path / "collector")
    yield running
    with contextlib.suppress(ProcessLookupError):
        running.process.send_signal(signal.SIGCONT)
    running.end()


def _limits(limits: dict[int, int]) -> str:
    """Lines that set resource limits."""
    lines = [f"resource.setrlimit({kind}, ({limit}, {limit}))" for kind, limit in limits.items()]
    return "\n".join(["import resource", *lines])


class App:
    """An application; `say` lines of it are told to the test, which answers to go on."""

    PRELUDE = """
        import json, sys, time, traceo
        def say(word, **more):
            print(json.dumps({"word": word, **more}), flush=True)
        def go_on():
            sys.stdin.readline()
        def until(what):
            deadline = time.monotonic() + 60
            while not what():
                assert time.monotonic() < deadline, traceo.status()
                time.sleep(0.02)
        def spans(count, **attributes):
            for number in range(count):
                with traceo.span("work", number=number, **attributes):
                    pass
    """

    def __init__(self, parts: tuple[str, ...], environ: dict[str, str], limits: dict[int, int]) -> None:
        code = "\n".join(textwrap.dedent(part) for part in (self.PRELUDE, _limits(limits), *parts))
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], **environ},
        )

    def hear(self, word: str) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.stderr.read())
        said = json.loads(line)
        assert said["word"] == word
        return said

    def go_on(self) -> None:
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self, number: int | None = None) -> str:
        """Wait for the end, or bring it about; what was said on stderr."""
        if number is not None:
            self.process.send_signal(number)
        self.process.stdin.close()
        self.process.stdout.close()
        said = self.process.stderr.read()
        self.process.stderr.close()
        code = self.process.wait(GENEROUS_S)
        assert code == (0 if number is None else -number), said
        return said


@pytest.fixture
def run_app(collector, tmp_path):
    """Runs an application that sends to `collector` and has a spool."""
    running = []

    def run(*code: str, limits: dict[int, int] | None = None, **environ: str) -> App:
        settings = {
            "TRACEO_ENDPOINT": collector.url,
            "TRACEO_SPOOL_DIR": str(tmp_path / "state"),
            "TRACEO_METRICS": "off",  # what is counted here is spans
            **environ,
        }
        running.append(App(code, settings, limits or {}))
        return running[-1]

    yield run
    for app in running:
        if app.process.poll() is None:
            app.process.kill()
            app.process.communicate()


@pytest.fixture
def learnt(run_app, collector):
    """The applications know the collector's keys from an earlier run, one span of which it holds."""
    app = run_app("traceo.init(); spans(1); assert traceo.flush(30)")
    app.end()
    collector.wait_for_spans(1)
