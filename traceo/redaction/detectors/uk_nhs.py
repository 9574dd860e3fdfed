"""UK_NHS: ten digits, 3-3-4, check digit modulo 11 (NHS Data Dictionary). Needs a context word."""

from .detector import AFTER, BEFORE, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(_text: str) -> int:
    return POSSIBLE


_SHAPE = r"(?:\d{3}[- ]\d{3}[- ]\d{4}|\d{10})"
DETECTOR = Detector(
    entity="UK_NHS",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("999 999 9999", "999-999-9999", "9999999999"),
    context=context_words("nhs", "national health", "patient", "health number"),
)
