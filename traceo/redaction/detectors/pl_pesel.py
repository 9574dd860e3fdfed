"""PL_PESEL: eleven digits with date of birth, check digit by the weights 1, 3, 7, 9. Needs a context word."""

from .detector import AFTER, BEFORE, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(_text: str) -> int:
    return POSSIBLE


_SHAPE = r"\d{2}[0-9]\d[0-3]\d{6}"
DETECTOR = Detector(
    entity="PL_PESEL",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("99999999999",),
    context=context_words("pesel"),
)
