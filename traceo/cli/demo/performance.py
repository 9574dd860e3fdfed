"""The whole play: a baseline without Traceo, the traffic with it, the figures, the check, a look around."""

import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Final, Literal, NoReturn

import msgspec
from rich.console import Console

from traceo.cli.demo import evidence, report
from traceo.cli.demo.leaks import Findings, search
from traceo.cli.demo.ledger import Ledger
from traceo.cli.demo.processes import Process, Processes, free_port
from traceo.cli.demo.progress import Progress
from traceo.cli.demo.proxy import RecordingProxy
from traceo.cli.demo.report import Run
from traceo.cli.demo.services import Services
from traceo.cli.demo.traffic import drive

__all__ = ["Options", "perform"]

_BASELINE_SHARE: Final = 0.25
_WARM_UP_S: Final = 0.1  # each thread finishes the journey it begins: some sixty requests
_ROLLED_S: Final = 20.0
_METRICS_MS: Final = "1000"  # a minute would be longer than the whole play


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line said. ``port`` is the collector's, 0 for a free one."""

    seconds: float
    port: int
    once: bool
    redaction: Literal["default", "off"]


def perform(options: Options) -> int:
    """Play it and print it.

    Returns:
        0 when nothing was found; with redaction off: when what telemetry shows was found. Else 1.

    Raises:
        TraceoError: a part did not start, or the traffic failed.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    console = Console(highlight=False)
    with (
        tempfile.TemporaryDirectory(prefix="traceo-demo-") as folder,
        Processes(Path(folder)) as processes,
    ):
        play = _Play(Path(folder), processes, options)
        with Progress(console) as progress:
            baseline = play.baseline(progress) if options.redaction == "default" else None
            started = time.time()
            run = play.traffic(progress)
            window = started, time.time()
            findings = play.check(progress)
        report.figures(console, run, baseline)
        holds = report.check(console, findings, redaction=options.redaction)
        if not options.once:
            report.links(console, play.url, checkout=play.api.a_checkout(), window=window)
            _wait_for_ctrl_c()
    return 0 if holds else 1


class _Play:
    """The acts, in order; each leaves behind what the next one needs."""

    def __init__(self, folder: Path, processes: Processes, options: Options) -> None:
        self._folder = folder
        self._processes = processes
        self._options = options
        self._port = options.port or free_port()
        self._ledger = Ledger()
        self._data = folder / "collector"
        self.url = f"http://127.0.0.1:{self._port}"
        self.api = evidence.Api(self._port)

    def baseline(self, progress: Progress) -> Run:
        """The same traffic for a short while with Traceo switched off; what it plants is forgotten."""
        environ = {"OTEL_SDK_DISABLED": "true"}
        seconds = max(1.0, self._options.seconds * _BASELINE_SHARE)
        return self._run(progress, "without Traceo", Ledger(), environ, seconds)

    def traffic(self, progress: Progress) -> Run:
        """The traffic, with a recording proxy between services and collector that keeps everything."""
        self._collector = self._start("collector", "-m", "traceo", "collector", *self._collector_options())
        self._proxy = RecordingProxy(self._port)
        self._proxy.start()
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._proxy.port}",
            "TRACEO_REDACTION": self._options.redaction,
            "OTEL_METRIC_EXPORT_INTERVAL": _METRICS_MS,
        }
        try:
            return self._run(progress, "traffic", self._ledger, environ, self._options.seconds)
        finally:
            self._proxy.stop()

    def check(self, progress: Progress) -> Findings:
        """Search everything. In between, the collector starts again and writes segments from its log."""
        progress.act("leak check")
        keys = evidence.private_keys(self._data)
        exhibits = [*evidence.wire(self._proxy.connections, keys), *evidence.wal(self._data, keys)]
        self._collector.stop()
        rolled = "-m", "traceo.cli.demo.rolled", str(self._port), str(self._data)
        self._collector = self._start("collector-again", *rolled)
        self._wait_for_segments()
        exhibits += [*evidence.segments(self._data), *self.api.everything()]
        return search(self._ledger.plants(), exhibits)

    def _run(
        self, progress: Progress, name: str, ledger: Ledger, environ: dict[str, str], seconds: float
    ) -> Run:
        progress.act(name)
        folder = self._folder / name.replace(" ", "-")
        services = Services(self._processes, folder, environ=environ)
        warm_up = drive(services.shop_port, ledger, seconds=_WARM_UP_S)
        services.begin()
        sent = drive(services.shop_port, ledger, seconds=seconds, progress=progress.share)
        return Run(warm_up, sent, services.stop())

    def _collector_options(self) -> tuple[str, ...]:
        return "--port", str(self._port), "--data", str(self._data)

    def _start(self, name: str, *arguments: str) -> Process:
        process = self._processes.start(name, *arguments)
        process.wait_until_ready(f"{self.url}/readyz")
        return process

    def _wait_for_segments(self) -> None:
        deadline = time.monotonic() + _ROLLED_S
        while time.monotonic() < deadline and not self.api.is_rolled():
            time.sleep(0.1)


def _wait_for_ctrl_c() -> None:
    try:
        signal.pause()
    except KeyboardInterrupt:
        return


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)  # through every `finally`: no child stays behind
