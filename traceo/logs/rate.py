"""So many records a second from one line of code, and no more: one noisy line must not flood the rest out."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from traceo import semconv
from traceo.records import LogRecord, ResourceRecord, ScopeRecord

__all__ = ["Gap", "Limiter", "told"]

_BURST_S: Final = 5
"""What a quiet site may send at once, in seconds' worth of its rate."""
_ERRORS: Final = 10
"""Errors may come so many times as often."""
_ERROR: Final = 40
_SITES: Final = 2048
_FIRST_AFTER_S: Final = 1.0
_EVERY_S: Final = 60.0

_Place = tuple[str, int, bool]
_SCOPE: Final = ScopeRecord("traceo")


class _Site:
    __slots__ = ("left", "left_out", "refilled_at", "tell_at")

    def __init__(self, left: int, now: float) -> None:
        self.left = left
        self.refilled_at = now
        self.left_out = 0
        """Since the last time it was told."""
        self.tell_at = 0.0


class Gap(NamedTuple):
    """What was left out of the records of one line of code."""

    path: str
    line: int
    left_out: int


class Limiter:
    """Decides record by record; without a lock, as a count that is off by one does no harm.

    A site that has not used up what it had pays for no look at the clock. Sites are forgotten when 2048
    others were seen since; what was left out of them is still told.

    Args:
        per_s: records a second and site, in the long run; five seconds' worth may come at once. From level
            ERROR on ten times as many, counted by themselves.
        clock: seconds, monotonic.
    """

    __slots__ = ("_clock", "_due", "_gaps", "_old", "_young", "per_s")

    def __init__(self, per_s: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_s = per_s
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Forget everything; for a forked child, whose parent tells what it has left out."""
        self._young: dict[_Place, _Site] = {}
        self._old: dict[_Place, _Site] = {}
        self._gaps: dict[_Place, _Site] = {}
        self._due = 0.0

    def takes(self, path: str, line: int, level: int) -> bool:
        """Whether this record may go; one that may not is counted for :meth:`gaps`."""
        place = (path, line, level >= _ERROR)
        site = self._young.get(place)
        if site is None:
            site = self._meet(place)
        if site.left > 0:
            site.left -= 1
            return True
        return self._refill(place, site)

    @property
    def has_gaps(self) -> bool:
        """Whether something was left out that was not told."""
        return bool(self._gaps)

    def gaps(self, *, everything: bool = False) -> list[Gap]:
        """What is due to be told: of a site a second after its first record left out, then once a minute."""
        now = self._clock()
        due: list[Gap] = []
        if now < self._due and not everything:
            return due
        self._due = now + _FIRST_AFTER_S
        for place, site in self._gaps.copy().items():
            if everything or now >= site.tell_at:
                self._gaps.pop(place, None)
                count, site.left_out = site.left_out, 0
                site.tell_at = now + _EVERY_S
                due.append(Gap(place[0], place[1], count))
        return due

    def _meet(self, place: _Place) -> _Site:
        site = self._old.get(place)
        if site is None:
            site = _Site(self._rate(place) * _BURST_S, self._clock())
        if len(self._young) >= _SITES:
            self._old, self._young = self._young, {}
        self._young[place] = site
        return site

    def _rate(self, place: _Place) -> int:
        return self.per_s * _ERRORS if place[2] else self.per_s

    def _refill(self, place: _Place, site: _Site) -> bool:
        rate = self._rate(place)
        now = self._clock()
        passed_s = now - site.refilled_at
        left = min(int(passed_s * rate), rate * _BURST_S)
        if left > 0:
            site.left = left - 1
            site.refilled_at = now
            return True
        site.left_out += 1
        if place not in self._gaps:
            site.tell_at = max(site.tell_at, now + _FIRST_AFTER_S)
            self._gaps[place] = site
        return False


def told(gap: Gap, resource: ResourceRecord) -> LogRecord:
    """A log line of ours about it, without the ids of a span: whose turn it is to say so is chance."""
    place = "/".join(gap.path.replace("\\", "/").rsplit("/", 2)[-2:]) + f":{gap.line}" * bool(gap.line)
    now_ns = time.time_ns()
    return LogRecord(
        resource=resource,
        scope=_SCOPE,
        time_ns=now_ns,
        observed_ns=now_ns,
        severity=13,
        severity_text="WARNING",
        body=f"{gap.left_out} records of {place} left out: too many a second",
        attributes={
            semconv.CODE_FILE_PATH: gap.path,
            semconv.CODE_LINE_NUMBER: gap.line,
            semconv.TRACEO_LEFT_OUT: gap.left_out,
        },
    )
