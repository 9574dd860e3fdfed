"""What was planted: every value, what it is, and where it went in."""

import threading
from typing import Final

import msgspec

__all__ = ["SEEN", "Ledger", "Place", "Plant"]

Place = str
"""Where a value enters the application, in words; ``SEEN`` holds those that telemetry shows by default."""

HEADER: Final = "request header"
PARAMETER: Final = "SQL parameter"
UNSEEN: Final = frozenset({HEADER, PARAMETER})
"""Headers and SQL parameters are not captured by default: searched for all the same, but not expected."""

SEEN: Final = frozenset(
    {
        "URL path",
        "URL query",
        "URL query, percent-encoded",
        "JSON body in a log line",
        "JSON in a string in a log line",
        "text in a log line",
        "log attribute",
        "integer in a log attribute",
        "integer in a span attribute",
        "headers in a log line",
        "client address",
        "SQL literal",
        "metric attribute",
        "exception message",
    }
)


class Plant(msgspec.Struct, frozen=True):
    """A value that must not be seen again."""

    kind: str
    value: str
    places: tuple[Place, ...]

    @property
    def expected(self) -> bool:
        """Would telemetry show it if nothing were redacted?"""
        return any(place in SEEN for place in self.places)


class Ledger:
    """Collects plants from all traffic threads. What is planted twice is one plant with both places."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plants: dict[str, tuple[str, dict[Place, None]]] = {}

    def plant(self, kind: str, value: str, *places: Place) -> str:
        """Note it, and give it back.

        Raises:
            ValueError: a place is unknown: a typing error here would make the check weaker than it says.
        """
        for place in places:
            if place not in SEEN and place not in UNSEEN:
                raise ValueError(f"no such place: {place}")
        with self._lock:
            self._plants.setdefault(value, (kind, {}))[1].update(dict.fromkeys(places))
        return value

    def plants(self) -> list[Plant]:
        """Everything planted so far, each value once."""
        with self._lock:
            return [Plant(kind, value, tuple(places)) for value, (kind, places) in self._plants.items()]
