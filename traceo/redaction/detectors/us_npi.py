"""US_NPI: National Provider Identifier: ten digits from 1 or 2, Luhn with the prefix 80840.

Needs a context word.
"""

from .checksums import luhn
from .detector import AFTER, BEFORE, EDGE, NO, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    return POSSIBLE if luhn("80840" + text) else NO


_SHAPE = r"[12]\d{9}"
DETECTOR = Detector(
    entity="US_NPI",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("9999999999",),
    context=context_words("npi", "provider", "physician", "prescriber"),
)
