"""US_SSN: 3-2-4 digits; area, group and serial are never all zeros, and the area is never 666 (SSA, 2011 scheme).

The format counts alone with hyphens or spaces; nine bare digits need a context word.
"""

from .detector import AFTER, BEFORE, CERTAIN, EDGE, POSSIBLE, Detector, by_pattern, context_words, digits_of

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    digits = digits_of(text)
    if digits[:3] in {"000", "666"} or digits[3:5] == "00" or digits[5:] == "0000":
        return POSSIBLE if len(text) > 9 else 0
    return CERTAIN if len(text) > 9 else POSSIBLE


DETECTOR = Detector(
    entity="US_SSN",
    trigger=EDGE + r"\d{3}[- ]?\d{2}[- ]?\d{4}" + EDGE,
    find=by_pattern(
        BEFORE + r"(?<!\d[ -])(?:\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4}|\d{9})" + AFTER + r"(?![ -]\d)", _judge
    ),
    shapes=("999-99-9999", "999 99 9999", "999999999"),
    context=context_words(
        r"ssns?", r"social security(?: (?:number|no|nr))?", "social", "ss", "itin", "tax id", "taxpayer"
    ),
)
