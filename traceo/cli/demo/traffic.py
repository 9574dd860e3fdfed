"""Many customers at once, at a steady rate."""

import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec

from traceo.cli.demo.journeys import Browser, Journey
from traceo.cli.demo.ledger import Ledger
from traceo.cli.demo.persons import Persons
from traceo.errors import TraceoError

__all__ = ["RATE_PER_S", "Sent", "TrafficError", "drive"]

RATE_PER_S: Final = 64
"""Requests a second; two cores also run two services and a collector, and it is the content that matters."""

_CUSTOMERS: Final = 4  # threads
_SEED: Final = 20260101


class TrafficError(TraceoError):
    """The shop stopped answering, or answered what it should not."""


class Sent(msgspec.Struct, frozen=True):
    """What was sent: ``requests`` answered, and the seconds it took."""

    requests: int
    seconds: float


def drive(
    port: int, ledger: Ledger, *, seconds: float, progress: Callable[[float], object] | None = None
) -> Sent:
    """Send journeys to the shop at ``port`` until ``seconds`` have passed, and finish those begun.

    ``progress`` is called with the share done (0.0 to 1.0) a few times a second.

    Raises:
        TrafficError: the shop does not answer as it should.
    """
    pacer = _Pacer(seconds)
    persons = Persons(_SEED)
    threads = [_Customers(port, ledger, persons, pacer) for _ in range(_CUSTOMERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)
            if progress is not None:
                progress(min(1.0, pacer.elapsed_s() / seconds))
    failed = next((thread.failure for thread in threads if thread.failure is not None), None)
    if failed is not None:
        raise TrafficError(
            f"the shop does not answer as it should ({failed!r}); its output says why"
        ) from failed
    return Sent(sum(thread.requests for thread in threads), pacer.elapsed_s())


class _Pacer:
    """Gives the next customer's number, and makes each request wait for its turn."""

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._start = self._turn = time.monotonic()
        self._end = self._start + seconds
        self._next = 0

    def elapsed_s(self) -> float:
        return time.monotonic() - self._start

    def next_customer(self) -> int | None:
        with self._lock:
            if time.monotonic() >= self._end:
                return None
            self._next += 1
            return self._next

    def wait(self) -> None:
        with self._lock:
            turn = self._turn = max(self._turn + 1 / RATE_PER_S, time.monotonic() - 0.5)
        if (early := turn - time.monotonic()) > 0:
            time.sleep(early)


class _Customers(threading.Thread):
    def __init__(self, port: int, ledger: Ledger, persons: Persons, pacer: _Pacer) -> None:
        super().__init__(name="traffic", daemon=True)
        self.failure: Exception | None = None
        self.requests = 0
        self._browser = Browser(port, pacer.wait)
        self._ledger = ledger
        self._persons = persons
        self._pacer = pacer

    def run(self) -> None:
        try:
            while (number := self._pacer.next_customer()) is not None:
                random = self._persons.random(number)
                person = self._persons.make(number, random)
                Journey(self._browser, self._ledger, person, random).run()
        except Exception as failure:  # reported by drive()
            self.failure = failure
        finally:
            self.requests = self._browser.requests
            self._browser.close()
