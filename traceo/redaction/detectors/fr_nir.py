"""FR_NIR: numéro de sécurité sociale: sex, year, month, department, serial, and a key modulo 97 (INSEE)."""

from .detector import AFTER, BEFORE, CERTAIN, EDGE, POSSIBLE, Detector, by_pattern, context_words, digits_of

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    bare = digits_of(text).upper()
    number = int(bare[:13].replace("2A", "19").replace("2B", "18"))
    return CERTAIN if 97 - number % 97 == int(bare[13:]) else POSSIBLE


_SHAPE = r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[ABab]) ?\d{3} ?\d{3} ?\d{2}"
DETECTOR = Detector(
    entity="FR_NIR",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("9999999999", "9 99 99 ", "99 ", "99A"),
    digits=13,
    context=context_words(
        "nir", "insee", "s[ée]curit[ée] sociale", "secu", "s[ée]cu", "num[ée]ro de s[ée]cu"
    ),
)
