"""DK_CPR: date of birth and four digits (CPR-kontoret). Needs a context word."""

from .detector import AFTER, BEFORE, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(_text: str) -> int:
    return POSSIBLE


_SHAPE = r"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2}[- ]?\d{4}"
DETECTOR = Detector(
    entity="DK_CPR",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("999999-9999", "999999 9999", "9999999999"),
    context=context_words("cpr", "personnummer", "cprnr", "cpr nummer"),
)
