"""Finding personal data and secrets in one text."""

import bisect
import re

from .detectors.detector import CERTAIN, Candidate, Detector
from .filter import make_filter
from .keys import KeyTable
from .spans import MARKER, Span

__all__ = ["DetectorError", "Scanner"]

_CONTEXT_BEFORE = 40
_CONTEXT_AFTER = 24
_UUID = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9A-Za-z])", re.ASCII | re.IGNORECASE
)
_SEPARATORS = str.maketrans("_-.", "   ")


class DetectorError(Exception):
    """A detector failed. Says which one, never on what."""

    def __init__(self, entity: str) -> None:
        super().__init__(entity)
        self.entity = entity


class Scanner:
    """All detectors of a policy behind one filter. Holds no text."""

    def __init__(self, detectors: tuple[Detector, ...], keys: KeyTable, *, pure: bool = False) -> None:
        self.detectors = detectors
        self._keys = keys
        self._filter = make_filter(detectors, pure=pure)

    def context_of(self, words: str) -> str:
        """The types that a key with these words is context for."""
        text = words.replace("_", " ")
        return ",".join(d.entity for d in self.detectors if d.context is not None and d.context.search(text))

    def scan(self, text: str, words: str = "", *, structural: bool = False, room: str = "") -> list[Span]:
        """Every candidate that is certain or has its context, unsorted. ``words`` is the folded key of the value.

        With ``structural`` only secrets and e-mail addresses count. Raises ``DetectorError``.
        """
        spans: list[Span] = []
        for index in self._filter(text):
            detector = self.detectors[index]
            if structural and not detector.secret:
                continue
            try:
                for candidate in detector.find(text):
                    if candidate[2] == CERTAIN or _has_context(text, candidate, detector, words):
                        spans.append(Span(candidate[0], candidate[1], detector.entity, detector.entity))
            except Exception as error:
                raise DetectorError(detector.entity) from error
        return _outside(spans, text) if spans else spans


def _has_context(text: str, candidate: Candidate, detector: Detector, words: str) -> bool:
    context = detector.context
    if context is None:
        return False
    if words and context.search(words.replace("_", " ")):
        return True
    start, end, _ = candidate
    before = text[max(0, start - _CONTEXT_BEFORE) : start]
    after = text[end : end + _CONTEXT_AFTER]
    return context.search(f"{before} \n {after}".lower().translate(_SEPARATORS)) is not None


def _outside(spans: list[Span], text: str) -> list[Span]:
    """Without what lies inside a UUID or inside a marker that an earlier redaction wrote."""
    taken = [match.span() for match in MARKER.finditer(text)] if "[" in text else []
    if text.count("-") >= 4:
        taken += [match.span() for match in _UUID.finditer(text)]
        taken.sort()
    if not taken:
        return spans
    return [span for span in spans if not _inside(span, taken)]


def _inside(span: Span, taken: list[tuple[int, int]]) -> bool:
    at = bisect.bisect_right(taken, span.start, key=_start_of) - 1
    return at >= 0 and span.end <= taken[at][1]


def _start_of(place: tuple[int, int]) -> int:
    return place[0]
