"""Starts the collector and the services, waits until they answer, and stops them by pid whatever happens."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from traceo.errors import TraceoError

__all__ = ["Process", "Processes", "StartError", "free_port"]

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_READY_S: Final = 30.0
_STOP_S: Final = 15.0
_TAIL_LINES: Final = 12


class StartError(TraceoError):
    """A process did not come up; the message ends with what it said last."""


class Process:
    """A child process whose output goes to ``log``."""

    def __init__(self, name: str, command: Sequence[str], *, log: Path, environ: Mapping[str, str]) -> None:
        self.name = name
        self._log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(  # noqa: S603  our own modules
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_clean(os.environ) | dict(environ),
                start_new_session=True,  # Ctrl-C is for the demo, which stops the others in order
            )

    def wait_until_ready(self, url: str) -> None:
        """Wait until ``url`` is answered with 200.

        Raises:
            StartError: it ended, or took longer than half a minute.
        """
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            if self._child.poll() is not None:
                raise StartError(f"{self.name} ended with {self._child.returncode}:\n{self.last_words()}")
            with (
                contextlib.suppress(OSError, urllib.error.URLError),
                urllib.request.urlopen(url, timeout=2) as answer,  # noqa: S310  loopback
            ):
                if answer.status == 200:
                    return
            time.sleep(0.05)
        raise StartError(f"{self.name} does not answer at {url}:\n{self.last_words()}")

    def wait_until_listening(self, port: int) -> None:
        """Wait until something listens on ``127.0.0.1:port``.

        Raises:
            StartError: it ended, or took longer than half a minute.
        """
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and self._child.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise StartError(f"{self.name} does not listen on port {port}:\n{self.last_words()}")

    def ask(self) -> None:
        """Send SIGUSR1: a service notes its figures."""
        self._child.send_signal(signal.SIGUSR1)

    def stop(self) -> int:
        """SIGTERM, and SIGKILL when that is not heard; the exit code. Harmless when it has ended."""
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
        return self._child.wait()

    def last_words(self) -> str:
        """The end of its output."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:])


class Processes:
    """All children of the demo; leaving the ``with`` block stops those that still run, the last one first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with _undisturbed():
            for process in reversed(self._started):
                process.stop()

    def start(self, name: str, *arguments: str, environ: Mapping[str, str] | None = None) -> Process:
        """Run this Python with ``arguments``."""
        return self.run(name, (sys.executable, *arguments), environ=environ or {})

    def run(self, name: str, command: Sequence[str], *, environ: Mapping[str, str]) -> Process:
        """Run a command."""
        log = self._folder / f"{name}.log"
        with _undisturbed():
            process = Process(name, command, log=log, environ=environ)
            self._started.append(process)
        return process


@contextlib.contextmanager
def _undisturbed() -> Generator[None]:
    """Signals that end us wait until the block is left: a child that runs is always a child that we know."""
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number in came:
        signal.raise_signal(number)


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    """Without settings of the caller's: the demo is the same everywhere."""
    return {
        name: value
        for name, value in environ.items()
        if name == "TRACEO_PURE" or not name.startswith(("OTEL_", "TRACEO_"))
    }


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
