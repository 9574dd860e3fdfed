"""BE_NATIONAL_NUMBER: rijksregisternummer: date of birth, serial, and a check number modulo 97."""

from .detector import AFTER, BEFORE, CERTAIN, EDGE, POSSIBLE, Detector, by_pattern, context_words

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    return CERTAIN if "." in text else POSSIBLE


_SHAPE = r"\d{2}(?:\.[0-5]\d\.[0-3]\d-\d{3}\.\d{2}|[0-5]\d[0-3]\d{6})"
DETECTOR = Detector(
    entity="BE_NATIONAL_NUMBER",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    shapes=("99.99.99-999.99", "99999999999"),
    context=context_words(
        "rijksregister", "registre national", "nationaal nummer", "num[ée]ro national", "insz", "niss"
    ),
)
