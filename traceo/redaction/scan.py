"""Finding personal data and secrets in one text."""

import bisect
import re
from collections.abc import Sequence

from .decode import (
    BASE64_STARTS,
    BASE64_TRIGGER,
    ESCAPE_TRIGGER,
    PERCENT_TRIGGER,
    Decoded,
    base64_json,
    fold,
    percent,
    unescape,
)
from .detectors.detector import CERTAIN, POSSIBLE, Candidate, Detector, names
from .filter import Trigger, make_filter
from .key_words import words_in
from .keyed import SAID, Keyed
from .keys import KeyTable
from .persons import is_person
from .phrases import PHRASE_WORDS, Phrases
from .spans import MARKER, Span
from .sql import DETAIL_TRIGGER, DETAIL_WORDS, details
from .url import QUERY_TRIGGER, URL_ROOMS, Queries, room_of

__all__ = ["DetectorError", "Scanner", "View"]

_CONTEXT_BEFORE = 40
_CONTEXT_AFTER = 24
_WORDS_KEPT = 4096
# Text inside text inside text: more than this nobody writes by accident.
_LAYERS = 3
# A key that ends so says how many or when, and one that ends in ``id`` names a row of a table.
_MEASURES = words_in(
    """
    count size total type ms ns us seconds bytes version index at ts status limit offset length duration
    latency rate ratio port depth retries attempts time timestamp date
    """
)
_NO_IDS = frozenset({"PHONE", "CREDIT_CARD", "IBAN"})
_STRUCTURES = ("keyed", "url", "sql", "percent", "escape", "base64", "phrases")
_UUID = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9A-Za-z])", re.ASCII | re.IGNORECASE
)


class DetectorError(Exception):
    """A detector failed. Says which one, never on what."""

    def __init__(self, entity: str) -> None:
        super().__init__(entity)
        self.entity = entity


class Scanner:
    """All detectors of a policy, and what looks at the structure of a text, behind one filter.

    Holds no text.
    """

    def __init__(self, detectors: tuple[Detector, ...], keys: KeyTable, *, pure: bool = False) -> None:
        self._detectors = detectors
        self._keyed = Keyed(keys)
        self._queries = Queries(keys)
        self._phrases = Phrases(keys)
        self._by_words: dict[str, frozenset[int]] = {}
        # The structural finders follow the detectors, in the order of _find_structure.
        self._structure = len(detectors)
        self._filter = make_filter(
            [
                *(Trigger(d.trigger, d.words, d.guards, d.shapes, d.digits, d.probe) for d in detectors),
                Trigger(self._keyed.trigger, SAID, probe=self._keyed.probe),
                Trigger(QUERY_TRIGGER, guards=("?", "#")),
                Trigger(DETAIL_TRIGGER, DETAIL_WORDS, (")=(",)),
                Trigger(PERCENT_TRIGGER, guards=("%", "+")),
                Trigger(ESCAPE_TRIGGER, guards=("\\",)),
                Trigger(BASE64_TRIGGER, guards=BASE64_STARTS),
                Trigger(self._phrases.trigger, PHRASE_WORDS, probe=self._phrases.probe),
            ],
            pure=pure,
        )

    def context_of(self, words: str) -> str:
        """The types that a key with these words is context for, as one text."""
        return ",".join(sorted({self._detectors[index].entity for index in self._named(words)}))

    def view(self, words: str, *, structural: bool = False, room: str = "") -> "View":
        """How to look at the values of a key: ``words`` is its folded form, ``room`` its kind (``url``.

        ``query``, ``sql``).

        With ``structural`` only secrets and e-mail addresses count.
        """
        return View(self._named(words), structural, room_of(room, words), is_person(words))

    def scan(self, text: str, view: "View") -> list[Span]:
        """Every candidate that is certain or has its context, unsorted. Raises ``DetectorError``."""
        if text.isascii():
            triggered = self._filter(text)
            return self._scan(text, triggered, view, 0) if triggered or view.always else []
        folded = fold(text)
        if folded is None:
            return self._scan(text, self._filter(text), view, 0)
        # Both: a sign that folds to letters would glue them to the number beside it.
        spans = self._scan(text, self._filter(text), view, 0)
        return spans + _mapped(self._scan(folded[0], self._filter(folded[0]), view, 0), folded[1])

    def _named(self, words: str) -> frozenset[int]:
        named = self._by_words.get(words)
        if named is None:
            if len(self._by_words) >= _WORDS_KEPT:
                self._by_words.clear()
            named = frozenset(
                index
                for index, detector in enumerate(self._detectors)
                if detector.context is not None and _names_type(words, detector)
            )
            self._by_words[words] = named
        return named

    def _scan(self, text: str, triggered: Sequence[int], view: "View", depth: int) -> list[Span]:
        spans: list[Span] = []
        # In the order of the detectors: of two that find the same place, the first names it.
        for index in sorted(view.named.union(triggered) if view.named else triggered):
            if index >= self._structure:
                self._find_structure(index - self._structure, text, view, depth, spans)
                continue
            detector = self._detectors[index]
            if view.structural and not detector.hard:
                continue
            try:
                spans += [
                    Span(found[0], found[1], detector.entity, detector.entity)
                    for found in detector.find(text)
                    if found[2] == CERTAIN
                    or index in view.named
                    or (found[2] == POSSIBLE and _has_context(text, found, detector))
                ]
            except Exception as error:
                raise DetectorError(detector.entity) from error
        if view.is_url and depth == 0:
            spans.extend(self._queries.under(view.room, text))
        return _outside(spans, text) if spans else spans

    def _find_structure(self, finder: int, text: str, view: "View", depth: int, spans: list[Span]) -> None:
        try:
            if finder == 0 and not view.structural:
                spans.extend(self._keyed.find(text, about=view.about))
            elif finder == 1 and not view.structural:
                spans.extend(self._queries.in_text(text))
            elif finder == 6 and not view.structural:
                spans.extend(self._phrases.find(text))
            elif finder == 2:
                spans.extend(details(text))
            elif depth >= _LAYERS:
                return
            elif finder == 3:
                self._scan_decoded(percent(text), view, depth, spans)
            elif finder == 4:
                self._scan_decoded(unescape(text), view, depth, spans)
            elif finder == 5:
                spans.extend(
                    base64_json(text, lambda plain: self._scan(plain, self._filter(plain), view, depth + 1))
                )
        except DetectorError:
            raise
        except Exception as error:
            raise DetectorError(_STRUCTURES[finder]) from error

    def _scan_decoded(self, decoded: Decoded | None, view: "View", depth: int, spans: list[Span]) -> None:
        if decoded is not None:
            spans.extend(
                _mapped(self._scan(decoded[0], self._filter(decoded[0]), view, depth + 1), decoded[1])
            )


class View:
    """How the values of a key are looked at."""

    __slots__ = ("about", "always", "is_url", "named", "room", "structural")

    def __init__(self, named: frozenset[int], structural: bool, room: str, about: bool) -> None:  # noqa: FBT001  made in one place
        self.named = named  # the detectors for which the key is context
        self.about = about  # the key is what persons are called
        self.structural = structural
        self.room = room
        self.is_url = room == "query" or (room in URL_ROOMS and not structural)
        self.always = bool(named or self.is_url)  # something to do even when no trigger is set off


def _mapped(spans: list[Span], places: list[int]) -> list[Span]:
    return [Span(places[s.start], places[s.end], s.entity, s.rule) for s in spans]


def _names_type(words: str, detector: Detector) -> bool:
    """Whether a key names a type; ``phone_id`` and ``card_count`` are about something else."""
    last = words.rsplit("_", 1)[-1]
    if detector.context is None or last in _MEASURES or (last == "id" and detector.entity in _NO_IDS):
        return False
    return names(detector.context, words.replace("_", " "))


def _has_context(text: str, candidate: Candidate, detector: Detector) -> bool:
    context = detector.context
    if context is None:
        return False
    start, end, _ = candidate
    before = text[max(0, start - _CONTEXT_BEFORE) : start]
    near = f"{before} \n {text[end : end + _CONTEXT_AFTER]}".lower()
    return names(context, near.replace("_", " ").replace("-", " ").replace(".", " "))


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
