"""US_ITIN: nine digits from 9, the fourth and fifth from the ranges the IRS gives out."""

from .detector import AFTER, BEFORE, CERTAIN, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    return CERTAIN if len(text) > 9 else POSSIBLE


_SHAPE = r"9\d{2}(?:[- ](?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])[- ]|(?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9]))\d{4}"
DETECTOR = Detector(
    entity="US_ITIN",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("999-99-9999", "999 99 9999", "999999999"),
    context=context_words("itin", "taxpayer", "tax id", "tin"),
)
