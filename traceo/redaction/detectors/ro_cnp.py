"""RO_CNP: cod numeric personal: sex and century, date of birth, county, serial, check digit.

Needs a context word.
"""

from .checksums import weighted
from .detector import AFTER, BEFORE, EDGE, NO, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    check = weighted(text, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return POSSIBLE if int(text[12]) == (1 if check == 10 else check) else NO


_SHAPE = r"[1-8]\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{6}"
DETECTOR = Detector(
    entity="RO_CNP",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("9999999999999",),
    context=context_words("cnp", "cod numeric"),
)
