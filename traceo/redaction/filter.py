"""Which detectors can have something to find in a text, asked as cheaply as possible.

With google-re2 one automaton runs all triggers at once (about 1 µs for 100 bytes). Without it, substring
searches decide: in the lower-cased text, and in its shape (9 for a digit, A for a letter). They let more
through; what is found is the same.
"""

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple, Protocol, cast

__all__ = ["WORDS", "Trigger", "make_filter"]

# The automaton's state cache; it starts over when full, so the bound costs time and never a match.
_RE2_MEMORY = 64 * 1024 * 1024


class Trigger(NamedTuple):
    """When to run one detector; the fields are those of ``Detector``."""

    pattern: str
    words: frozenset[str] = frozenset()
    guards: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    digits: int = 0
    probe: Callable[[str, set[str]], object] | None = None


# The part of google-re2 used here, which ships no types.
class _Re2Options(Protocol):
    max_mem: int
    log_errors: bool


class _Re2Set(Protocol):
    def SearchSet(self, options: _Re2Options) -> "_Re2Set": ...  # noqa: N802  its name
    def Add(self, pattern: str) -> int: ...  # noqa: N802  its name
    def Compile(self) -> None: ...  # noqa: N802  its name
    def Match(self, text: bytes) -> Sequence[int] | None: ...  # noqa: N802  its name


class _Re2(Protocol):
    Options: type[_Re2Options]
    Set: _Re2Set


def make_filter(triggers: Sequence[Trigger], *, pure: bool) -> Callable[[str], Sequence[int]]:
    """A function from a text to the indices of the triggers it sets off.

    ``pure`` forces the path without RE2.
    """
    if not pure and not os.environ.get("TRACEO_PURE"):
        try:
            return _re2_filter(triggers)
        except ImportError:
            pass
    return _guard_filter(triggers)


def _re2_filter(triggers: Sequence[Trigger]) -> Callable[[str], Sequence[int]]:
    re2 = cast("_Re2", import_module("re2"))  # with the first engine, not with the application
    options = re2.Options()
    options.max_mem = _RE2_MEMORY
    options.log_errors = False
    patterns = re2.Set.SearchSet(options)
    for trigger in triggers:
        patterns.Add(trigger.pattern)
    patterns.Compile()
    # The binding's own set: its Python wrapper costs a third of the call.
    match = cast("_Re2Set", getattr(patterns, "_set", patterns)).Match

    def candidates(text: str) -> Sequence[int]:
        return match(text.encode("utf-8", "replace")) or ()

    return candidates


_DIGITS = 20
_FEWEST_DIGITS = 4
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SHAPE = str.maketrans(dict.fromkeys("0123456789", "9") | dict.fromkeys(_LETTERS, "A"))


class _Words(dict[int, str]):
    """Lower case for ASCII letters and digits, a blank for everything else."""

    def __missing__(self, code: int) -> str:
        return " "


WORDS = _Words({code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)})


def _guard_filter(triggers: Sequence[Trigger]) -> Callable[[str], Sequence[int]]:
    probes = [(index, trigger.probe) for index, trigger in enumerate(triggers) if trigger.probe is not None]
    plain = [(index, trigger) for index, trigger in enumerate(triggers) if trigger.probe is None]
    by_word = [(i, t.words, t.digits) for i, t in plain if t.words]
    by_guard = [(guard, i) for i, t in plain for guard in t.guards]
    # By the number of digits in a text, as far as that matters.
    by_shape = [
        [(form, i) for i, t in plain for form in t.shapes if t.digits <= digits]
        for digits in range(_DIGITS + 1)
    ]
    ascii_guards = [(guard, i) for guard, i in by_guard if guard.isascii()]

    def candidates(text: str) -> Sequence[int]:
        words = set(text.translate(WORDS).split())
        found = [index for index, probe in probes if probe(text, words)]
        folded = text.lower()
        found += [i for guard, i in (ascii_guards if text.isascii() else by_guard) if guard in folded]
        shape = text.translate(_SHAPE)
        digits = shape.count("9")
        found += [i for i, wanted, least in by_word if digits >= least and not wanted.isdisjoint(words)]
        if digits >= _FEWEST_DIGITS:
            found += [i for form, i in by_shape[min(digits, _DIGITS)] if form in shape]
        return sorted(set(found)) if found else ()

    return candidates
