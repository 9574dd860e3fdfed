"""ES_DNI: DNI and NIE: eight digits (X.

Y or Z for the first) and a letter modulo 23 (Real Decreto 1553/2005).
"""

from .detector import AFTER, BEFORE, CERTAIN, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    bare = text.upper().replace("-", "")
    number = int(bare[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2"))
    return CERTAIN if text.isupper() and "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == bare[-1] else POSSIBLE


_SHAPE = r"(?:\d{8}|[XYZxyz]-?\d{7})-?[A-HJ-NP-TV-Za-hj-np-tv-z]"
DETECTOR = Detector(
    entity="ES_DNI",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("9999999A", "9999999-A"),
    context=context_words("dni", "nie", "nif", "documento nacional", "identidad"),
)
