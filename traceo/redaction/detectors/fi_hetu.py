"""FI_HETU: henkilötunnus: date of birth, century sign, serial, and a check character modulo 31 (DVV)."""

from .detector import AFTER, BEFORE, CERTAIN, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    number = int(text[:6] + text[7:10])
    return CERTAIN if "0123456789ABCDEFHJKLMNPRSTUVWXY"[number % 31] == text[10].upper() else POSSIBLE


_SHAPE = r"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2}[-+A-FU-Ya-fu-y]\d{3}[0-9A-FHJ-NPR-Ya-fhj-npr-y]"
DETECTOR = Detector(
    entity="FI_HETU",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("999999",),
    context=context_words("hetu", "henkil[öo]tunnus", "personbeteckning"),
)
