"""US_SSN: 3-2-4 digits; area, group and serial are never all zeros, and the area is never 666 (SSA.

2011 scheme).

The format counts alone with hyphens or spaces; nine bare digits need a context word.
"""

from .detector import (
    AFTER,
    CERTAIN,
    EDGE,
    NO,
    POSSIBLE,
    Detector,
    by_pattern,
    context_words,
    digits_of,
    first_digit,
)

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    digits = digits_of(text)
    issued = digits[:3] not in {"000", "666"} and digits[3:5] != "00" and digits[5:] != "0000"
    if "-" in text or " " in text:
        return CERTAIN if issued else POSSIBLE
    return POSSIBLE if issued else NO


DETECTOR = Detector(
    entity="US_SSN",
    trigger=EDGE + r"\d{3}[- ./]?\d{2}[- ./]?\d{4}" + EDGE,
    find=by_pattern(
        first_digit()
        + r"(?:\d\d-\d\d-\d{4}(?!-\d)|(?<!\d \d)\d\d \d\d \d{4}(?! \d)"
        + r"|\d\d\.\d\d\.\d{4}|\d\d/\d\d/\d{4}|\d{8})"
        + AFTER,
        _judge,
    ),
    shapes=("<999-99-9999>", "999 99 9999", "<999999999>", "<999.99.9999>", "<999/99/9999>"),
    digits=9,
    context=context_words(
        r"ssns?", r"social security(?: (?:number|no|nr))?", "social", "ss", "itin", "tax id", "taxpayer"
    ),
)
