"""IE_PPS: Personal Public Service number.

Seven digits and a check letter modulo 23, with an optional second letter.
"""

from .detector import AFTER, BEFORE, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(_text: str) -> int:
    return POSSIBLE


_SHAPE = r"\d{7}[A-Wa-w][A-IWa-iw]?"
DETECTOR = Detector(
    entity="IE_PPS",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("9999999A",),
    context=context_words("pps", "ppsn", "pps number", "personal public service"),
)
