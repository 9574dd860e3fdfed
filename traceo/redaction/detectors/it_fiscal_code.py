"""IT_FISCAL_CODE: codice fiscale: letters of the names, date, place.

And a check letter modulo 26 (DM 23/12/1976).
"""

from .detector import AFTER, BEFORE, CERTAIN, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]

_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


def _judge(text: str) -> int:
    upper = text.upper()
    total = sum(_ODD[int(char, 36) if char.isdigit() else ord(char) - 65] for char in upper[0:15:2])
    total += sum(int(char) if char.isdigit() else ord(char) - 65 for char in upper[1:15:2])
    return CERTAIN if chr(65 + total % 26) == upper[15] else POSSIBLE


_SHAPE = (
    r"[A-Za-z]{6}[0-9LMNP-Vlmnp-v]{2}"
    r"[A-EHLMPR-Ta-ehlmpr-t][0-9LMNP-Vlmnp-v]{2}[A-Za-z][0-9LMNP-Vlmnp-v]{3}[A-Za-z]"
)
DETECTOR = Detector(
    entity="IT_FISCAL_CODE",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("AAAAAA99",),
    context=context_words("codice fiscale", "cf", "fiscale"),
)
