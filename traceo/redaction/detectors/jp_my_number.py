"""JP_MY_NUMBER: twelve digits, the last a check digit (Ministry Ordinance 85 of 2014).

Needs a context word.
"""

from .detector import AFTER, BEFORE, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(_text: str) -> int:
    return POSSIBLE


_SHAPE = r"(?:\d{12}|\d{4}[- ]\d{4}[- ]\d{4})"
DETECTOR = Detector(
    entity="JP_MY_NUMBER",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("999999999999", "9999 9999 9999", "9999-9999-9999"),
    context=context_words(r"my ?number", "mynumber", "マイナンバー", "個人番号"),
)
