"""From what waits to the destination: attempts, their outcomes, and who waits for them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from traceo.pipeline.backlog import Batch, Pace
from traceo.pipeline.health import KEYS, METRICS, Health
from traceo.pipeline.holding import Holding
from traceo.pipeline.queue import Barrier
from traceo.pipeline.shedding import Shed
from traceo.pipeline.trouble import Trouble

if TYPE_CHECKING:  # the pipeline thread imports them
    from traceo.exporters.outcome import Outcome, Package
    from traceo.exporters.spool.folder import Held, Spool
    from traceo.pipeline.prepare import Route

__all__ = ["Delivery"]

_TOO_LARGE = 413
_NO_PLACE = frozenset((404, 405, 501))


class Delivery:
    """Sends the oldest batch first; a failed attempt holds all the others back. Pipeline thread only.

    What is fresh goes before what is on disk, and of that one batch is sent at a time, with a rest as long as
    it took: at most half of the thread's time, so that the application hardly notices.

    Args:
        limit_bytes: what may wait in memory.
        retry_cap_s: the longest pause between two attempts.
        shed: who decides which traces make room.
        health: where outcomes are counted.
        trouble: who tells the user.
        clock: seconds, monotonic.
    """

    __slots__ = (
        "_barriers",
        "_clock",
        "_health",
        "_largest",
        "_pace",
        "_rest_until",
        "_trouble",
        "holding",
        "hurry",
        "is_closing",
        "reached",
    )

    def __init__(
        self,
        *,
        limit_bytes: int,
        retry_cap_s: float,
        shed: Shed,
        health: Health,
        trouble: Trouble,
        clock: Callable[[], float],
    ) -> None:
        self.holding = Holding(limit_bytes=limit_bytes, shed=shed, health=health, trouble=trouble)
        self._pace = Pace(retry_cap_s, clock)
        self._health = health
        self._trouble = trouble
        self._clock = clock
        self._barriers: list[tuple[int, Barrier]] = []
        self._largest = 0  # bytes of a message that the peer found too large, halved; 0 while none was
        self._rest_until = 0.0
        self.hurry = False
        """The next attempt does not wait for its turn; somebody is waiting."""
        self.reached = False
        """Whether the peer has ever answered."""
        self.is_closing = False
        """The route is closed, for lack of time; failures from now on are no news."""

    def equip(self, route: Callable[[], "Route"], spool: "Spool | None") -> None:
        """Where batches go, and where they wait on disk."""
        self.holding.route = route
        self.holding.spool = spool

    @property
    def abandoned(self) -> bool:
        """The books are closed: count nothing more."""
        return self.holding.is_shut

    def abandon(self) -> None:
        """Close the books."""
        self.holding.shut()

    @property
    def waiting_bytes(self) -> int:
        """What waits in memory."""
        return self.holding.memory.bytes

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits in memory."""
        return self.holding.memory.oldest is None

    @property
    def is_drained(self) -> bool:
        """Whether nothing waits on disk either."""
        return self.holding.is_empty

    def pause_s(self) -> float:
        """Seconds until the next attempt may be made."""
        wait_s = self._pace.wait_s(hurry=self.hurry)
        if self.is_empty and not self.hurry:
            return max(wait_s, self._rest_until - self._clock())
        return wait_s

    def add(self, batch: Batch) -> None:
        """Take a batch; others make room if they must."""
        self.holding.add(batch)

    def wait_for(self, barrier: Barrier) -> None:
        """``barrier.reached()`` once all that was added so far is delivered, refused or dropped."""
        self._barriers.append((self.holding.memory.last, barrier))
        self.hurry = True

    def run(self) -> None:
        """Send until nothing is left, an attempt fails or is not due; at most one batch from the disk."""
        holding = self.holding
        while holding.route is not None and not self.abandoned and self.pause_s() <= 0:
            batch = holding.memory.oldest
            if batch is None:
                self._send_from_disk(holding.route())
                break
            if not self._send(batch, holding.route()):
                break
        holding.retry_disk()
        self._resolve()

    def _send(self, batch: Batch, route: "Route") -> bool:
        """Send the oldest in memory; whether to go on with the next."""
        memory = self.holding.memory
        if self._largest and len(batch.payload) > self._largest and self._split(batch):
            return True
        try:
            outcome = _attempt(batch, route)
        except Exception:  # a bug: a batch that fails like this must not fail for ever
            memory.pop()
            self._health.drop(batch.signal, "pipeline_error", batch.count)
            self._resolve()
            raise
        if self.abandoned:
            return False
        if outcome.kind == "retry":
            # Without a status nobody answered, and the peer may have it all the same.
            batch.is_doubtful = batch.is_doubtful or (batch.package is not None and not outcome.status)
            memory.reweigh(batch)
            self._failed(outcome)
            return False
        self._answered()
        if outcome.status == _TOO_LARGE and self._split(batch):
            self._largest = len(batch.payload) // 2
            return True
        memory.pop()
        sent_bytes = len(batch.package.body) if batch.package is not None else 0
        self._settle(batch.signal, batch.count, outcome, raw_bytes=len(batch.payload), sent_bytes=sent_bytes)
        self._resolve()
        return True

    def _split(self, batch: Batch) -> bool:
        """Two batches of half the items in place of the oldest; False for a single item."""
        if batch.count < 2 or batch.signal == KEYS:
            return False
        try:
            halves = _halves(batch)
        except ValueError:  # not what our encoder writes
            return False
        self.holding.memory.pop()
        self.holding.memory.put_back(*halves)
        return True

    def _send_from_disk(self, route: "Route") -> None:
        spool = self.holding.spool
        held = spool.oldest() if spool is not None else None
        package = spool.read(held) if spool is not None and held is not None else None
        self.holding.account()
        if spool is None or held is None or package is None:
            return
        began = self._clock()
        try:
            outcome = route.send(package)
        except Exception:
            spool.settle(held)
            self._health.lose_on_disk(
                held.entry.counted_as, "pipeline_error", held.entry.count, is_own=bool(held.number)
            )
            raise
        if self.abandoned:
            return
        # To seal it again takes the payload, which is gone: that is a refusal.
        if outcome.kind == "retry" and not outcome.reseal:
            self._failed(outcome)
            return
        spool.settle(held)
        self._answered()
        self._settle_from_disk(held, package, outcome)
        self._rest_until = self._clock() * 2 - began

    def _failed(self, outcome: "Outcome") -> None:
        self._health.retries += 1
        self.hurry = False
        self._pace.failed(outcome.after_s)
        if not self.is_closing:
            self._trouble.failed(outcome.reason)
        self.holding.is_away = True
        self.holding.settle_in()

    def _answered(self) -> None:
        self.reached = True
        self.holding.is_away = False
        self._pace.worked()

    def _settle_from_disk(self, held: "Held", package: "Package", outcome: "Outcome") -> None:
        entry = held.entry
        if held.number:
            self._health.spooled[entry.counted_as] -= entry.count
            self._settle(
                entry.counted_as,
                entry.count,
                outcome,
                raw_bytes=package.raw_bytes,
                sent_bytes=len(package.body),
            )
            return
        recovered = self._health.recovered
        if outcome.kind != "accepted":
            recovered.drop(_refusal(outcome), entry.count)
            self._trouble.lost(outcome.reason)
            return
        rejected = min(outcome.rejected, entry.count)
        recovered.delivered += entry.count - rejected
        recovered.drop("rejected", rejected)
        self._trouble.worked()

    def _settle(
        self, signal: str, count: int, outcome: "Outcome", *, raw_bytes: int, sent_bytes: int
    ) -> None:
        health = self._health
        if outcome.kind != "accepted":
            health.drop(signal, _refusal(outcome), count)
            if signal == METRICS and outcome.status in _NO_PLACE:
                health.refuses_metrics = outcome.status  # many endpoints take traces only: no news
            else:
                self._trouble.lost(outcome.reason)
            return
        rejected = min(outcome.rejected, count)
        if signal == METRICS:
            health.refuses_metrics = 0
        health.delivered[signal] += count - rejected
        health.batches += 1
        health.raw_bytes += raw_bytes
        health.sent_bytes += sent_bytes
        if rejected:
            health.drop(signal, "rejected", rejected)
            self._trouble.lost(outcome.message or "the endpoint did not take some items")
            return
        self._trouble.worked()

    def _resolve(self) -> None:
        while self._barriers and self.holding.has_reached(self._barriers[0][0]):
            self._barriers.pop(0)[1].reached()
        if not self._barriers and self.is_empty:
            self.hurry = False


def _refusal(outcome: "Outcome") -> str:
    """The reason under which it is counted."""
    return f"refused_{outcome.status}" if outcome.status else "refused"


def _halves(batch: Batch) -> tuple[Batch, Batch]:
    """Two batches in its place. They have ids of their own: nobody has stored anything of them."""
    from traceo.exporters.otlp_cut import halves  # noqa: PLC0415 - not in the application's thread

    first, second = halves(batch.payload, batch.count, batch.signal)
    made = (
        Batch(batch.signal, first, batch.count // 2),
        Batch(batch.signal, second, batch.count - batch.count // 2),
    )
    for half in made:
        half.number = batch.number
    return made


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
