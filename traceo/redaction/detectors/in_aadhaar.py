"""IN_AADHAAR: twelve digits, the first from 2 to 9, Verhoeff check digit (UIDAI). Written bare or 4-4-4."""

from .checksums import verhoeff
from .detector import (
    AFTER,
    CERTAIN,
    EDGE,
    POSSIBLE,
    Detector,
    by_pattern,
    context_words,
    digits_of,
    first_digit,
)

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    if len(text) > 12 and verhoeff(digits_of(text)):
        return CERTAIN
    return POSSIBLE


DETECTOR = Detector(
    entity="IN_AADHAAR",
    trigger=EDGE + r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}" + EDGE,
    find=by_pattern(
        first_digit("2-9") + r"(?:\d{3} \d{4} \d{4}|\d{3}-\d{4}-\d{4}(?!-\d)|\d{11})" + AFTER,
        _judge,
    ),
    shapes=("<999999999999>", "9999 9999 9999", "<9999-9999-9999>"),
    digits=12,
    context=context_words("aadhaa?r", "aadhaar", "adhaar", "uid(?:ai)?", "आधार", "kyc (?:no|nr|number|id)"),
)
