"""The leak check: search everything for everything, and say what was found without showing it."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from traceo.cli.demo.evidence import Exhibit
from traceo.cli.demo.ledger import Plant
from traceo.cli.demo.needles import Needles

__all__ = ["Findings", "masked", "search"]

_SHOWN: Final = 2
"""Characters of a value that a report may show at each end."""
_WIDTH: Final = 40


class Findings(msgspec.Struct, frozen=True):
    """What was looked for, where, and what turned up (each plant with the kinds of exhibit that hold it)."""

    plants: Sequence[Plant]
    leaks: dict[Plant, tuple[str, ...]]
    searched: dict[str, int]
    """Kind of exhibit → bytes searched."""
    seconds: float

    @property
    def expected(self) -> int:
        """How many values telemetry would show if nothing were redacted."""
        return sum(plant.expected for plant in self.plants)

    @property
    def kinds(self) -> dict[str, int]:
        """Kind → values planted."""
        return dict(sorted(Counter(plant.kind for plant in self.plants).items()))

    @property
    def has_proved_itself(self) -> bool:
        """With redaction off: were more than half of the values found that telemetry must show?"""
        found = sum(plant.expected for plant in self.leaks)
        return found * 2 > self.expected > 0

    def __str__(self) -> str:
        """The one line."""
        return f"{len(self.leaks)} of {len(self.plants)} planted values found"


def search(plants: Sequence[Plant], exhibits: Iterable[Exhibit]) -> Findings:
    """Look for every plant in every exhibit."""
    start = time.monotonic()
    needles = Needles(plants)
    leaks: dict[Plant, dict[str, None]] = {}
    searched: Counter[str] = Counter()
    for exhibit in exhibits:
        searched[exhibit.place] += len(exhibit.data)
        for plant in needles.find(exhibit.data):
            leaks.setdefault(plant, {})[exhibit.place] = None
    return Findings(
        plants,
        {plant: tuple(places) for plant, places in leaks.items()},
        dict(searched),
        time.monotonic() - start,
    )


def masked(value: str) -> str:
    """Its shape: up to two characters at each end stay, letters become ``a``, digits ``9``.

    >>> masked("ada.lovelace@example.com")
    'ada.aaaaaaaa@aaaaaaa.aom'
    """
    kept = min(_SHOWN, len(value) // 8)
    middle = value[kept : len(value) - kept]
    shape = "".join("9" if c.isdecimal() else "a" if c.isalnum() else c for c in middle)
    text = f"{value[:kept]}{shape}{value[len(value) - kept :]}"
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
