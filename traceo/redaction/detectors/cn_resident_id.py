"""CN_RESIDENT_ID: GB 11643-1999: area, date of birth, serial, and a check character by ISO 7064 MOD 11-2."""

from .checksums import weighted
from .detector import AFTER, BEFORE, CERTAIN, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def _judge(text: str) -> int:
    return CERTAIN if "10X98765432"[weighted(text, _WEIGHTS) % 11] == text[17].upper() else POSSIBLE


DETECTOR = Detector(
    entity="CN_RESIDENT_ID",
    trigger=EDGE + r"[1-8]\d{5}(?:18|19|20)\d{9}[\dXx]" + EDGE,
    find=by_pattern(
        BEFORE + r"[1-8]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]" + AFTER,
        _judge,
    ),
    digits=17,
    shapes=("<" + "9" * 17,),
    context=context_words(
        "身份证(?:号码?)?",
        "身份證",
        "居民",
        "resident",
        "id ?card",
        "identity",
        "shenfenzheng",
        "sfz",
        "citizen",
        "national id",
    ),
)
