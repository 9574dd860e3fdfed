"""What the pipeline has done so far, and the snapshot of it that ``traceo.status()`` hands out."""

from collections.abc import Mapping
from typing import Final

import msgspec

from traceo.pipeline.queue import LOGS, SPANS, Queue, Tally

__all__ = ["KEYS", "METRICS", "Counts", "Health", "Recovered", "Status"]


_SHOWN = 12


KEYS: Final = "keys"
"""What wrapped keys count as, beside the two signals of the queue."""
METRICS: Final = "metrics"
"""What data points count as; they do not pass the queue."""

_SIGNALS: Final = (SPANS, LOGS, METRICS, KEYS)

RATE_LIMITED: Final = "rate_limited"
"""The reason of log lines that one place in the code wrote too many of."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """One signal's balance: ``created == delivered + waiting + spooled + the sum of dropped``."""

    created: int = 0
    delivered: int = 0
    waiting: int = 0
    """In memory."""
    spooled: int = 0
    """On disk, sealed: sent when the endpoint is back, by this process or by the next with the same spool."""
    dropped: Mapping[str, int] = {}
    """Reason → count. Nothing is dropped without appearing here."""

    def __str__(self) -> str:
        """For people."""
        lost = sum(self.dropped.values())
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(self.dropped.items()))
        on_disk = f"{self.spooled} on disk, " if self.spooled else ""
        text = (
            f"{self.created} created, {self.delivered} delivered, {self.waiting} waiting, "
            f"{on_disk}{lost} dropped"
        )
        return f"{text} ({reasons})" if reasons else text


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The state of Traceo in this process at one moment."""

    state: str = "not started"
    """``not started``, ``running``, ``disabled`` or ``shut down``."""
    service_name: str = ""
    endpoint: str = ""
    destination: str = ""
    """What the endpoint turned out to be, and whether batches to it are sealed."""
    trouble: str = ""
    """Why the last delivery did not succeed; empty when it did."""
    notes: tuple[str, ...] = ()
    """What ``init()`` could not or did not do, such as a tracer provider that was there before."""
    instrumentation: tuple[str, ...] = ()
    spans: Counts = Counts()
    logs: Counts = Counts()
    metrics: Counts = Counts()
    """Data points; ``created`` are those collected."""
    overflows: Mapping[str, int] = {}
    """``instrument{attribute}`` → values beyond the cardinality limit, whose series are counted together."""
    keys: Counts = Counts()
    """Wrapped keys of sealed values, on their way to the collector's key table."""
    recovered: Counts = Counts()
    """What processes that are gone left in the spool, spans and log lines together: none of it is in the two
    above. ``created`` is what was found."""
    spool: str = ""
    """Where undelivered batches are kept on disk, and what is wrong with that; empty for in memory only."""
    spool_bytes: int = 0
    """What the files of the spool take."""
    batches: int = 0
    """Batches delivered."""
    retries: int = 0
    restarts: int = 0
    """How often the pipeline thread had to be started again."""
    raw_bytes: int = 0
    """Delivered OTLP bytes before compression and sealing."""
    sent_bytes: int = 0
    """The same batches as they went over the wire."""
    queue_bytes: int = 0
    """Estimated memory of what waits."""
    redactions: Mapping[str, int] = {}
    """Rule → how often it replaced something."""
    redactions_by_key: Mapping[str, int] = {}
    """Attribute key → how often something under it was replaced; at most 1024 keys, the rest together."""
    sampling: Mapping[str, int] = {}
    """What was kept beyond the sampling ratio, and what a full buffer lost of it: see `keep_errors`."""

    def to_dict(self) -> dict[str, object]:
        """The same as plain builtins, ready for JSON."""
        return msgspec.to_builtins(self)

    def __str__(self) -> str:
        """For people: one line a fact, nothing that is empty."""
        facts = [
            ("state", self.state),
            ("service", self.service_name),
            ("endpoint", f"{self.endpoint} ({self.destination})" if self.destination else self.endpoint),
            ("trouble", self.trouble),
            ("spans", str(self.spans)),
            ("logs", str(self.logs)),
            ("metrics", str(self.metrics) if self.metrics.created else ""),
            ("overflows", _tally(self.overflows)),
            ("field keys", str(self.keys) if self.keys.created else ""),
            ("recovered", str(self.recovered) if self.recovered.created else ""),
            ("spool", f"{self.spool} ({self.spool_bytes} bytes)" if self.spool else ""),
            ("batches", f"{self.batches} ({self.raw_bytes} bytes, {self.sent_bytes} on the wire)"),
            ("retries", str(self.retries or "")),
            ("restarts", str(self.restarts or "")),
            ("redactions", _tally(self.redactions)),
            ("under keys", _tally(self.redactions_by_key)),
            ("kept", ", ".join(f"{name} {count}" for name, count in self.sampling.items() if count)),
            ("hooks", ", ".join(self.instrumentation)),
            *(("note", note) for note in self.notes),
        ]
        return "\n".join(f"{name:<11} {fact}" for name, fact in facts if fact)

    def __repr__(self) -> str:
        """`str`, marked as what it is."""
        return f"<traceo.Status\n{self}>"


def _tally(counts: Mapping[str, int]) -> str:
    """The most frequent first, so that what is cut off is the least of it."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name} {count}" for name, count in ordered[:_SHOWN])
    return shown + (f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else "")


class Recovered:
    """What was found in the files of processes that are gone, and what came of it."""

    __slots__ = ("_dropped", "created", "delivered")

    def __init__(self) -> None:
        self.created = self.delivered = 0
        self._dropped: dict[str, int] = {}

    def drop(self, reason: str, count: int) -> None:
        """Count items that will not be delivered."""
        if count:
            self._dropped[reason] = self._dropped.get(reason, 0) + count

    def counts(self) -> Counts:
        """The balance."""
        dropped = dict(self._dropped)
        spooled = max(0, self.created - self.delivered - sum(dropped.values()))
        return Counts(created=self.created, delivered=self.delivered, spooled=spooled, dropped=dropped)


class Health:
    """The counters. Written by the pipeline thread only, but for the queue's own; read from anywhere."""

    __slots__ = (
        "_dropped",
        "batches",
        "delivered",
        "keys_made",
        "limited",
        "missed",
        "points_made",
        "raw_bytes",
        "recovered",
        "refuses_metrics",
        "restarts",
        "retries",
        "sent_bytes",
        "spooled",
    )

    def __init__(self) -> None:
        self.delivered: dict[str, int] = dict.fromkeys(_SIGNALS, 0)
        self.spooled: dict[str, int] = dict.fromkeys(_SIGNALS, 0)
        self._dropped: dict[str, dict[str, int]] = {signal: {} for signal in _SIGNALS}
        self.keys_made = 0
        self.limited = Tally()
        """Log lines that the rate limit left out: they never were in the queue."""
        self.missed = Tally()
        """Log lines that could not be made into records: nor were they."""
        self.points_made = 0
        self.refuses_metrics = 0
        """The status with which the endpoint said that it has no place for metrics."""
        self.recovered = Recovered()
        self.batches = 0
        self.retries = 0
        self.restarts = 0
        self.raw_bytes = 0
        self.sent_bytes = 0

    def drop(self, signal: str, reason: str, count: int = 1) -> None:
        """Count items that will not be delivered."""
        reasons = self._dropped[signal]
        reasons[reason] = reasons.get(reason, 0) + count

    def lose_on_disk(self, signal: str, reason: str, count: int, *, is_own: bool) -> None:
        """Count items that were on disk and will not be delivered."""
        if is_own:
            self.spooled[signal] -= count
            self.drop(signal, reason, count)
        else:
            self.recovered.drop(reason, count)

    @property
    def lost(self) -> int:
        """Everything dropped so far, but for what the queue itself dropped."""
        return sum(sum(reasons.values()) for reasons in self._dropped.values())

    def dropped(self, signal: str, queue: Queue) -> dict[str, int]:
        """Reason → count."""
        dropped = dict(self._dropped[signal])
        if signal == METRICS:
            return dropped
        for reason, tally in (("queue_full", queue.full_drops), ("after_shutdown", queue.closed_drops)):
            if count := tally[signal].count:
                dropped[reason] = dropped.get(reason, 0) + count
        if signal == LOGS:
            for reason, tally in ((RATE_LIMITED, self.limited), ("log_error", self.missed)):
                if count := tally.count:
                    dropped[reason] = count
        return dropped

    def key_counts(self) -> Counts:
        """The balance of the wrapped keys of sealed values."""
        return self._counts(KEYS, self.keys_made)

    def point_counts(self) -> Counts:
        """The balance of data points."""
        return self._counts(METRICS, self.points_made)

    def _counts(self, signal: str, created: int) -> Counts:
        delivered, spooled = self.delivered[signal], self.spooled[signal]
        dropped = dict(self._dropped[signal])
        waiting = max(0, created - delivered - spooled - sum(dropped.values()))
        return Counts(created=created, delivered=delivered, waiting=waiting, spooled=spooled, dropped=dropped)

    def counts(self, signal: str, queue: Queue) -> Counts:
        """The balance of one signal; exact whenever the pipeline is at rest."""
        full, closed = queue.full_drops[signal].count, queue.closed_drops[signal].count
        created = queue.taken[signal] + full + closed + queue.waiting()[signal]
        created += self.limited.count + self.missed.count if signal == LOGS else 0
        delivered, spooled = self.delivered[signal], self.spooled[signal]
        dropped = self.dropped(signal, queue)
        waiting = max(0, created - delivered - spooled - sum(dropped.values()))
        return Counts(created=created, delivered=delivered, waiting=waiting, spooled=spooled, dropped=dropped)
