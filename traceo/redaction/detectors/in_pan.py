"""IN_PAN: Permanent Account Number of the Indian tax office.

AAAPA9999A, the fourth letter tells the kind of holder.
"""

from .detector import AFTER, BEFORE, CERTAIN, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    return CERTAIN if text.isupper() and text[3] in "ABCFGHJLPT" else POSSIBLE


DETECTOR = Detector(
    entity="IN_PAN",
    trigger=EDGE + r"[A-Za-z]{5}\d{4}[A-Za-z]" + EDGE,
    find=by_pattern(BEFORE + r"[A-Za-z]{5}\d{4}[A-Za-z]" + AFTER, _judge),
    shapes=("<AAAAA9999A>",),
    digits=4,
    context=context_words("pan", "permanent account", "income tax", "पैन", "kyc (?:no|nr|number|id)"),
)
