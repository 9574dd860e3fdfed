"""US_MBI: Medicare Beneficiary Identifier: eleven characters, fixed places for digits and letters (CMS)."""

from .detector import AFTER, BEFORE, CERTAIN, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    return CERTAIN if text.isupper() else POSSIBLE


_SHAPE = (
    r"[1-9][AC-HJKMNP-RT-Yac-hjkmnp-rt-y][0-9AC-HJKMNP-RT-Yac-hjkmnp-rt-y]\d-?"
    r"[AC-HJKMNP-RT-Yac-hjkmnp-rt-y][0-9AC-HJKMNP-RT-Yac-hjkmnp-rt-y]\d-?[AC-HJKMNP-RT-Yac-hjkmnp-rt-y]{2}\d{2}"
)
DETECTOR = Detector(
    entity="US_MBI",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("9A",),
    digits=5,
    context=context_words("mbi", "medicare", "beneficiary"),
)
