from collections import Counter

from traceo.collector.sender_drops import SenderDrops

__all__ = ["Counters"]


class Counters:
    """What the receivers saw since the start. Touched by the event loop's thread only."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()  # by signal
        self.received_bytes = 0
        self.rejected: Counter[str] = Counter()  # requests, by reason
        self.rejected_spans = 0  # of accepted requests
        self.rejected_points = 0
        self.sender_drops = SenderDrops()
