"""SG_NRIC: Singapore's NRIC and FIN: S, T, F, G or M, seven digits, and a check letter (ICA)."""

from .checksums import weighted
from .detector import AFTER, BEFORE, CERTAIN, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]

_WEIGHTS = (2, 7, 6, 5, 4, 3, 2)
_OFFSET = {"S": 0, "T": 4, "F": 0, "G": 4, "M": 3}
_LETTERS = {
    "S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "XWUTRQPNJLK",
}  # fmt: skip


def _judge(text: str) -> int:
    upper = text.upper()
    kind = upper[0]
    remainder = (weighted(upper[1:8], _WEIGHTS) + _OFFSET[kind]) % 11
    letters = _LETTERS[kind]
    # M numbers count from the other end.
    expected = letters[10 - remainder] if kind == "M" else letters[remainder]
    return CERTAIN if upper[8] == expected and text[0] != "m" else POSSIBLE


DETECTOR = Detector(
    entity="SG_NRIC",
    trigger=EDGE + r"[STFGMstfgm]\d{7}[A-Za-z]" + EDGE,
    find=by_pattern(BEFORE + r"[STFGMstfgm]\d{7}[A-Za-z]" + AFTER, _judge),
    shapes=("<A9999999A>",),
    digits=7,
    context=context_words("nric", "fin", "ic", "identity card", "identification", "singpass", "身份证"),
)
