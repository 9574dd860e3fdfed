"""Which detectors can have something to find in a text, asked as cheaply as possible.

With google-re2 one automaton runs all triggers at once (about 1 µs for 100 bytes). Without it, substring guards and one
search for a run of digits decide; they let more through, and the answer of the detectors is the same.
"""

import os
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple


__all__ = ["Trigger", "make_filter"]

# The automaton's state cache; it starts over when full, so the bound costs time and never a match.
_RE2_MEMORY = 64 * 1024 * 1024


class Trigger(NamedTuple):
    """When to run one detector: its RE2 pattern, and its guards for the path without RE2 (see ``Detector``)."""

    pattern: str
    guards: tuple[str, ...] = ()
    digits: int = 0


def make_filter(triggers: Sequence[Trigger], *, pure: bool) -> Callable[[str], Sequence[int]]:
    """A function from a text to the indices of the triggers it sets off. ``pure`` forces the path without RE2."""
    if not pure and not os.environ.get("TRACEO_PURE"):
        try:
            return _re2_filter(triggers)
        except ImportError:
            pass
    return _guard_filter(triggers)


def _re2_filter(triggers: Sequence[Trigger]) -> Callable[[str], Sequence[int]]:
    import re2  # noqa: PLC0415  loaded with the first engine, not with the application

    options = re2.Options()
    options.max_mem = _RE2_MEMORY
    options.log_errors = False
    patterns = re2.Set.SearchSet(options)
    for trigger in triggers:
        patterns.Add(trigger.pattern)
    patterns.Compile()
    match = patterns.Match

    def candidates(text: str) -> Sequence[int]:
        return match(text.encode("utf-8", "replace")) or ()

    return candidates


def _guard_filter(triggers: Sequence[Trigger]) -> Callable[[str], Sequence[int]]:
    by_guard: dict[str, list[int]] = {}
    by_digits: list[tuple[int, int]] = []
    always: list[int] = []
    for index, trigger in enumerate(triggers):
        if trigger.digits:
            by_digits.append((index, trigger.digits))
        elif trigger.guards:
            for guard in trigger.guards:
                by_guard.setdefault(guard, []).append(index)
        else:
            always.append(index)
    guards = list(by_guard.items())
    fewest = min((digits for _, digits in by_digits), default=0)
    digit_runs = re.compile(r"(?:\d[ .()/\-]{0,2}){%d,}" % max(fewest, 1), re.ASCII) if fewest else None

    def candidates(text: str) -> Sequence[int]:
        folded = text.lower()
        found = set(always)
        for guard, indices in guards:
            if guard in folded:
                found.update(indices)
        if digit_runs is not None:
            longest = 0
            for match in digit_runs.finditer(text):
                longest = max(longest, sum(map(str.isdigit, match.group())))
            found.update(index for index, digits in by_digits if digits <= longest)
        return sorted(found)

    return candidates
