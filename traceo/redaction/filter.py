"""Which detectors can have something to find in a text, asked as cheaply as possible.

With google-re2 one automaton runs all triggers at once (about 1 µs for 100 bytes). Without it, its words,
substrings of it in lower case, and its shape (9 for a digit, A for a letter) decide. They let more through;
what is found is the same. Only shapes are remembered, never a part of a text.
"""

import os
import re
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple, Protocol, cast

__all__ = ["Trigger", "make_filter", "words_of_text"]

# The automaton's state cache; it starts over when full, so the bound costs time and never a match.
_RE2_MEMORY = 64 * 1024 * 1024


class Trigger(NamedTuple):
    """When to run one detector; the fields are those of ``Detector``.

    A ``probe`` is asked with the text and those of its words that some trigger names.
    """

    pattern: str
    words: frozenset[str] = frozenset()
    guards: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    digits: int = 0
    probe: Callable[[str, frozenset[str]], object] | None = None


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


_FEWEST_DIGITS = 4
_TOKENS_KEPT = 8192
_TOKEN_CHARS = 64
# No id without blanks is shorter.
_ID_CHARS = 8
_NOTHING: set[int | None] = {0}
_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
# What joins the parts of numbers; other signs part words and are commas.
_SHAPE = bytes(
    ord("9") if chr(c).isdigit() else ord("A") if c in _LETTERS else c if c in b" .+-/()_" else ord(",")
    for c in range(256)
)
_WORDS = bytes(ord(chr(c).lower()) if c < 128 and chr(c).isalnum() else ord(" ") for c in range(256))


def words_of_text(text: str) -> list[str]:
    """The ASCII words and numbers of a text, in lower case.

    >>> words_of_text("User-Agent: ab_12")
    ['user', 'agent', 'ab', '12']
    """
    return text.encode("ascii", "replace").translate(_WORDS).decode().split()


class _Shapes:
    """Which triggers the words of a text set off by their shape.

    The shapes of words repeat, and are remembered.
    """

    def __init__(self, triggers: Sequence[tuple[int, Trigger]]) -> None:
        single = [
            (index, [shape for shape in trigger.shapes if not _spans_words(shape)])
            for index, trigger in triggers
        ]
        self._patterns = [(1 << index, _shape_pattern(shapes)) for index, shapes in single if shapes]
        self._any = _shape_pattern([shape for _, shapes in single for shape in shapes])
        # Shapes of several words, by what stands around their first blank: few texts have one of those.
        self._spaced: dict[bytes, list[tuple[bytes, int]]] = {}
        for index, trigger in triggers:
            for shape in trigger.shapes:
                if _spans_words(shape):
                    at = shape.find(" ")
                    knot = (shape[max(0, at - 3) : at + 2] if at >= 0 else shape).encode()
                    self._spaced.setdefault(knot, []).append((shape.encode(), index))
        # The trigger asks for at least so many digits in the text.
        self._least = {index: trigger.digits for index, trigger in triggers}
        self._known: dict[bytes, int] = {}

    def __call__(self, shape: bytes, digits: int) -> list[int]:
        known = self._known
        bits = 0
        tokens = shape.replace(b",", b" ").split()
        seen = set(map(known.get, tokens))
        if seen != _NOTHING:
            for token in tokens:
                before = known.get(token)
                bits |= self._judge(token) if before is None else before
        least = self._least
        found: list[int] = []
        for knot, forms in self._spaced.items():
            if knot in shape:
                found += [i for form, i in forms if digits >= least[i] and form in shape]
        while bits:
            index = bits.bit_length() - 1
            bits ^= 1 << index
            if digits >= least[index]:
                found.append(index)
        return found

    def _judge(self, token: bytes) -> int:
        bits = 0
        if len(token) >= _ID_CHARS and self._any.search(token):
            for bit, pattern in self._patterns:
                if pattern.search(token):
                    bits |= bit
        if len(token) <= _TOKEN_CHARS:
            if len(self._known) >= _TOKENS_KEPT:
                self._known.clear()
            self._known[token] = bits
        return bits


def _spans_words(shape: str) -> bool:
    # What is this short begins something longer.
    return " " in shape or len(shape) < 4


def _shape_pattern(shapes: Sequence[str]) -> re.Pattern[bytes]:
    """One pattern for the shapes within a word: ``<`` and ``>`` mark where it must begin and end."""
    escaped = [re.escape(shape).replace(">", "(?![9A])") for shape in shapes]
    first = "|".join(shape.removeprefix("<") for shape in escaped if shape[0] == "<")
    anywhere = [shape for shape in escaped if shape[0] != "<"]
    parts = [*anywhere, f"(?:^|(?<=[^9A]))(?:{first})"] if first else anywhere
    return re.compile("|".join(parts).encode())


def _guard_filter(triggers: Sequence[Trigger]) -> Callable[[str], Sequence[int]]:
    probes = [(index, trigger.probe) for index, trigger in enumerate(triggers) if trigger.probe is not None]
    plain = [(index, trigger) for index, trigger in enumerate(triggers) if trigger.probe is None]
    by_word = [(i, t.words, t.digits) for i, t in plain if t.words]
    all_words = frozenset[str]().union(*(trigger.words for trigger in triggers))
    by_guard = [(guard, i) for i, t in plain for guard in t.guards]
    by_start = _by_start([(guard, i) for guard, i in by_guard if guard.isascii()])
    foreign = [(guard, i) for guard, i in by_guard if not guard.isascii()]
    shapes = _Shapes([(i, t) for i, t in plain if t.shapes])

    def candidates(text: str) -> Sequence[int]:
        data = text.encode("ascii", "replace")
        words = all_words.intersection(data.translate(_WORDS).decode().split())
        found = [index for index, probe in probes if probe(text, words)]
        folded = text.lower()
        for start, guards in by_start:
            if start in folded:
                found += [i for guard, i in guards if guard in folded]
        if foreign and not text.isascii():
            found += [i for guard, i in foreign if guard in folded]
        shape = data.translate(_SHAPE)
        digits = shape.count(b"9")
        if words:
            found += [i for i, wanted, least in by_word if digits >= least and not wanted.isdisjoint(words)]
        if digits >= _FEWEST_DIGITS:
            found += shapes(shape, digits)
        return sorted(set(found)) if found else ()

    return candidates


def _by_start(guards: Sequence[tuple[str, int]]) -> list[tuple[str, list[tuple[str, int]]]]:
    """The guards that begin alike, together."""
    starts: dict[str, list[tuple[str, int]]] = {}
    for guard, index in guards:
        starts.setdefault(guard[:2], []).append((guard, index))
    return list(starts.items())
