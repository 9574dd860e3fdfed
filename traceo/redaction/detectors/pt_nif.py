"""PT_NIF: nine digits, check digit modulo 11 (Autoridade Tributária). Needs a context word."""

from .checksums import weighted
from .detector import AFTER, BEFORE, EDGE, NO, POSSIBLE, Detector, by_pattern, context_words, digits_of

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    digits = digits_of(text)
    check = 11 - weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return POSSIBLE if int(digits[8]) == (0 if check > 9 else check) else NO


_SHAPE = r"[1-35689]\d{2} ?\d{3} ?\d{3}"
DETECTOR = Detector(
    entity="PT_NIF",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("999999999", "999 999 999"),
    context=context_words("nif", "contribuinte", "n[úu]mero fiscal"),
)
