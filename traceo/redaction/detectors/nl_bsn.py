"""NL_BSN: burgerservicenummer: nine digits that pass the eleven test. Needs a context word."""

from .checksums import weighted
from .detector import AFTER, BEFORE, EDGE, NO, POSSIBLE, Detector, by_pattern, context_words, digits_of

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    digits = digits_of(text)
    return POSSIBLE if weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 else NO


_SHAPE = r"(?:\d{9}|\d{4}\.\d{2}\.\d{3})"
DETECTOR = Detector(
    entity="NL_BSN",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("999999999", "9999.99.999"),
    context=context_words("bsn", "burgerservicenummer", "sofinummer", "persoonsnummer"),
)
