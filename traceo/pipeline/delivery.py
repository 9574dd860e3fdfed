"""From the backlog to the destination: attempts, their outcomes, and who waits for them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from traceo.pipeline.backlog import Backlog, Batch, Pace
from traceo.pipeline.health import Health
from traceo.pipeline.queue import Barrier
from traceo.pipeline.trouble import Trouble

if TYPE_CHECKING:  # the pipeline thread imports them
    from traceo.exporters.outcome import Outcome
    from traceo.pipeline.prepare import Route

__all__ = ["Delivery"]


class Delivery:
    """Sends the oldest batch first; a failed attempt holds all the others back. Pipeline thread only.

    Args:
        limit_bytes: what the backlog may hold.
        retry_cap_s: the longest pause between two attempts.
        health: where outcomes are counted.
        trouble: who tells the user.
        clock: seconds, monotonic.
    """

    __slots__ = ("_backlog", "_barriers", "_health", "_pace", "_trouble", "abandoned", "hurry", "reached")

    def __init__(
        self,
        *,
        limit_bytes: int,
        retry_cap_s: float,
        health: Health,
        trouble: Trouble,
        clock: Callable[[], float],
    ) -> None:
        self._backlog = Backlog(limit_bytes)
        self._pace = Pace(retry_cap_s, clock)
        self._health = health
        self._trouble = trouble
        self._barriers: list[tuple[int, Barrier]] = []
        self.hurry = False
        """The next attempt does not wait for its turn; somebody is waiting."""
        self.reached = False
        """Whether the peer has ever answered."""
        self.abandoned = False
        """The books are closed: count nothing more."""

    @property
    def waiting_bytes(self) -> int:
        """What the backlog holds."""
        return self._backlog.bytes

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return self._backlog.oldest is None

    def pause_s(self) -> float:
        """Seconds until the next attempt may be made."""
        return self._pace.wait_s(hurry=self.hurry)

    def add(self, batch: Batch) -> None:
        """Take a batch; the oldest make room if they must."""
        for gone in self._backlog.push(batch):
            self._health.drop(gone.signal, "backlog_full", gone.count)
            self._trouble.lost(self._trouble.reason or "more is recorded than can be delivered")

    def wait_for(self, barrier: Barrier) -> None:
        """``barrier.reached()`` once all that was added so far is delivered, refused or dropped."""
        self._barriers.append((self._backlog.last, barrier))
        self.hurry = True

    def run(self, route: Callable[[], "Route"]) -> None:
        """Send until the backlog is empty or an attempt fails or is not due yet."""
        while (batch := self._backlog.oldest) is not None and not self.abandoned:
            if self.pause_s() > 0:
                break
            outcome = self._attempt(batch, route())
            if self.abandoned:
                return
            if outcome.kind == "retry":
                self._health.retries += 1
                self.hurry = False
                self._pace.failed(outcome.after_s)
                self._trouble.failed(outcome.reason)
                break
            self._backlog.pop()
            self.reached = True
            self._pace.worked()
            self._settle(batch, outcome)
            self._resolve()
        self._resolve()

    def _attempt(self, batch: Batch, route: "Route") -> "Outcome":
        try:
            return _attempt(batch, route)
        except Exception:  # a bug: a batch that fails like this must not fail for ever
            self._backlog.pop()
            self._health.drop(batch.signal, "pipeline_error", batch.count)
            self._resolve()
            raise

    def _settle(self, batch: Batch, outcome: "Outcome") -> None:
        health = self._health
        if outcome.kind == "refused":
            status = f"_{outcome.status}" if outcome.status else ""
            health.drop(batch.signal, f"refused{status}", batch.count)
            self._trouble.lost(outcome.reason)
            return
        rejected = min(outcome.rejected, batch.count)
        health.delivered[batch.signal] += batch.count - rejected
        health.batches += 1
        health.raw_bytes += len(batch.payload)
        health.sent_bytes += len(batch.package.body) if batch.package is not None else 0
        if rejected:
            health.drop(batch.signal, "rejected", rejected)
            self._trouble.lost(outcome.message or "the endpoint did not take some items")
            return
        self._trouble.worked()

    def _resolve(self) -> None:
        while self._barriers and self._backlog.has_reached(self._barriers[0][0]):
            self._barriers.pop(0)[1].reached()
        if not self._barriers and self.is_empty:
            self.hurry = False


def _attempt(batch: Batch, route: "Route") -> "Outcome":
    """One attempt. A package made once is kept for the next attempt, unless the keys have changed."""
    outcome = _send(batch, route)
    if not outcome.reseal:
        return outcome
    batch.package = None
    return _send(batch, route)


def _send(batch: Batch, route: "Route") -> "Outcome":
    from traceo.exporters.outcome import Outcome  # noqa: PLC0415 - not in the application's thread

    if batch.package is None:
        made = route.package(batch.signal, batch.payload, batch.batch_id)
        if isinstance(made, Outcome):
            return made
        batch.package = made
    return route.send(batch.package)
