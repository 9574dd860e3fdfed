"""The three services of the example as child processes, and the figures they leave behind."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, Self

import msgspec

from traceo.cli.demo.processes import Process, Processes, StartError, free_port
from traceo.cli.demo.requirements import SHOP
from traceo.pipeline.health import Counts, Status

__all__ = ["Figures", "Services"]

_NOTED_S: Final = 30.0


class _Line(msgspec.Struct, frozen=True):
    """What ``serve.py`` writes."""

    when: str
    cpu_s: float
    status: Status


class Figures(msgspec.Struct, frozen=True):
    """All services together: CPU seconds between ``begin`` and the end, and what their SDKs counted."""

    cpu_s: float
    statuses: tuple[Status, ...]

    def total(self, name: str) -> int:
        """The sum of one number of the statuses."""
        return sum(int(getattr(status, name)) for status in self.statuses)

    def counts(self, signal: Literal["spans", "logs", "metrics"]) -> tuple[int, int, Counter[str]]:
        """Created, delivered, and dropped by reason."""
        balances: list[Counts] = [getattr(status, signal) for status in self.statuses]
        dropped: Counter[str] = Counter()
        for balance in balances:
            dropped.update(balance.dropped)
        return sum(each.created for each in balances), sum(each.delivered for each in balances), dropped

    @property
    def redactions(self) -> Counter[str]:
        """Rule → times."""
        return sum((Counter(status.redactions) for status in self.statuses), Counter[str]())


class Services:
    """``shop``, ``payments`` and ``mailer``, and the Redis between them, from the constructor to ``stop``."""

    def __init__(self, processes: Processes, folder: Path, *, environ: Mapping[str, str]) -> None:
        """Start them with their databases and logs in ``folder``.

        Raises:
            StartError: one did not come up.
        """
        folder.mkdir()
        self._folder = folder
        ports = {"payments": free_port(), "shop": free_port(), "mailer": 0}
        redis = free_port()
        quiet = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder))
        self._redis = processes.run(
            f"{folder.name}-redis", ("redis-server", "--port", str(redis), *quiet), environ={}
        )
        self._redis.wait_until_listening(redis)
        where = {
            "REDIS_URL": f"redis://127.0.0.1:{redis}/0",
            "PAYMENTS_URL": f"http://127.0.0.1:{ports['payments']}",
            "PAYMENTS_DATABASE": f"sqlite:///{folder}/payments.db",
            "SHOP_DATABASE": f"sqlite:///{folder}/shop.db",
        }
        self._processes: dict[str, Process] = {
            name: processes.start(
                f"{folder.name}-{name}",
                str(SHOP / "serve.py"),
                *(name, "--port", str(port), "--figures", str(folder / name)),
                environ={**where, **environ},
            )
            for name, port in ports.items()
        }
        for name, port in ports.items():
            if port:
                self._processes[name].wait_until_ready(f"http://127.0.0.1:{port}/health")
        self._wait(lambda: all(self._lines(name) for name in self._processes), "is not ready")
        self.shop_port = ports["shop"]

    def begin(self) -> Self:
        """Count CPU from now on."""
        for process in self._processes.values():
            process.ask()
        self._wait(lambda: all(self._noted(name) for name in self._processes), "does not note its figures")
        return self

    def stop(self) -> Figures:
        """End them, which delivers what they still hold, and read what they counted.

        Raises:
            StartError: one did not end as it should.
        """
        for name, process in self._processes.items():
            if (code := process.stop()) != 0:
                raise StartError(f"{name} ended with {code}:\n{process.last_words()}")
        self._redis.stop()
        noted = [self._noted(name) for name in self._processes]
        return Figures(
            sum(lines[-1].cpu_s - lines[0].cpu_s for lines in noted),
            tuple(lines[-1].status for lines in noted),
        )

    def _wait(self, is_so: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + _NOTED_S
        while not is_so():
            if time.monotonic() > deadline:
                words = "\n".join(process.last_words() for process in self._processes.values())
                raise StartError(f"a service {complaint}:\n{words}")
            time.sleep(0.02)

    def _noted(self, name: str) -> list[_Line]:
        """What was noted since `begin`."""
        return [line for line in self._lines(name) if line.when != "ready"]

    def _lines(self, name: str) -> list[_Line]:
        path = self._folder / name
        text = path.read_bytes() if path.exists() else b""
        return [
            msgspec.json.decode(line, type=_Line)
            for line in text.splitlines(keepends=True)
            if line.endswith(b"\n")
        ]
