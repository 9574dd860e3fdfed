"""DE_TAX_ID: steuerliche Identifikationsnummer: eleven digits, the first not zero (§ 139b AO).

Needs a context word.
"""

from .detector import AFTER, BEFORE, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(_text: str) -> int:
    return POSSIBLE


_SHAPE = r"[1-9]\d(?: \d{3} \d{3} \d{3}|\d{9})"
DETECTOR = Detector(
    entity="DE_TAX_ID",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("99 999 999 999", "99999999999"),
    context=context_words(
        "steuer", r"steuer ?id", "idnr", "identifikationsnummer", "steuernummer", "tax id", "tin"
    ),
)
