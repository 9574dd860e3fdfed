"""What a detector is, and how one is made from a pattern and a checksum."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import msgspec

__all__ = [
    "AFTER",
    "BEFORE",
    "CERTAIN",
    "EDGE",
    "NAMED",
    "NO",
    "POSSIBLE",
    "Candidate",
    "Detector",
    "Find",
    "by_pattern",
    "context_words",
    "digits_of",
    "first_digit",
    "names",
]

# How sure a detector is of a candidate. POSSIBLE ones count only with a context word near or a key that names
# the type, NAMED ones only with such a key.
NO, POSSIBLE, CERTAIN, NAMED = 0, 1, 2, 3

Candidate: TypeAlias = tuple[int, int, int]  # start, end (exclusive), and how sure
Find: TypeAlias = Callable[[str], Iterable[Candidate]]

# An id never starts or ends inside a longer word or number.
BEFORE = r"(?<![0-9A-Za-z])(?<!\d\.)"
AFTER = r"(?![0-9A-Za-z])(?!\.\d)"


def first_digit(digits: str = "0-9") -> str:
    """``BEFORE`` and a digit, in the order in which ``re`` can skip to the digits of a text."""
    return rf"[{digits}](?<![0-9A-Za-z][{digits}])(?<!\d\.[{digits}])"


# The same for RE2, which has no look-around.
EDGE = r"(?:^|[^0-9A-Za-z]|$)"


class Detector(msgspec.Struct, frozen=True):
    """One type of personal data or secret.

    ``trigger`` is an RE2 pattern that matches every text with a candidate, and few others. Where RE2 is
    missing, the text passes when ``probe`` finds something; or, without one, when it has one of the
    ``words`` (whole, in lower case), of the ``guards`` (anywhere, in lower case) or of the ``shapes`` (in
    its form with 9 for every digit and A for every ASCII letter), and at least ``digits`` digits.
    ``find`` runs only after that and gives the candidates. ``hard`` detectors find what is never right,
    not even under keys that instrumentation fills from its own knowledge.
    """

    entity: str
    trigger: str
    find: Find
    words: frozenset[str] = frozenset()
    guards: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    digits: int = 0
    probe: Callable[[str, frozenset[str]], object] | None = None
    context: re.Pattern[str] | None = None
    hard: bool = False


_SHORT = 3
# Scripts that put no space between words.
_UNSPACED = "\u2e80-\U0010ffff"
_FIRST_UNSPACED = "\u2e80"


def context_words(*words: str) -> re.Pattern[str]:
    """A pattern for context words: whole words, in lower-case text where ``_``.

    ``-`` and ``.`` became spaces.
    """
    # The left edge is checked by ``names``: a pattern that begins with letters is searched faster.
    # Words of two or three letters stand in many a hexadecimal id.
    short = [word for word in words if len(word) <= _SHORT]
    rest = [word for word in words if len(word) > _SHORT]
    parts = [
        f"(?:{'|'.join(part)}){end}"
        for part, end in ((rest, rf"(?![^\W\d_{_UNSPACED}])"), (short, rf"(?![^\W_{_UNSPACED}])"))
        if part
    ]
    return re.compile("|".join(parts))


def names(context: re.Pattern[str], text: str) -> bool:
    """Whether a context word stands in ``text`` as a whole word."""
    for match in context.finditer(text):
        start = match.start()
        if start == 0 or not match.group().isascii():
            return True
        before = text[start - 1]
        if not before.isalnum() or before >= _FIRST_UNSPACED:
            return True
    return False


def by_pattern(pattern: str, judge: Callable[[str], int], *, flags: int = 0) -> Find:
    """.

    Candidates are the matches of ``pattern`` (its group 1 when it has one) that ``judge`` does not refuse.
    """
    compiled = re.compile(pattern, re.ASCII | flags)
    group = 1 if compiled.groups else 0

    def find(text: str) -> Sequence[Candidate]:
        found: list[Candidate] = []
        for match in compiled.finditer(text):
            verdict = judge(match.group(group))
            if verdict:
                found.append((match.start(group), match.end(group), verdict))
        return found

    return find


_NOT_DIGITS = {ord(c): None for c in " .-/()\t+"}


def digits_of(text: str) -> str:
    """The text without the separators people write into numbers."""
    return text if text.isdigit() else text.translate(_NOT_DIGITS)
