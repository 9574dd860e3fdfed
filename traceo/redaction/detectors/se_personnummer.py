"""SE_PERSONNUMMER: date of birth and four digits, the last by Luhn (Skatteverket)."""

from .checksums import luhn
from .detector import AFTER, BEFORE, CERTAIN, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    if text[-5] not in "-+":
        return POSSIBLE
    return CERTAIN if luhn(text[-11:-5] + text[-4:]) else POSSIBLE


_SHAPE = r"(?:19|20)?\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[1-2]\d|3[01])[-+]?\d{4}"
DETECTOR = Detector(
    entity="SE_PERSONNUMMER",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("999999-9999", "999999+9999", "9999999999"),
    context=context_words("personnummer", "personnr", "pnr", "samordningsnummer"),
)
