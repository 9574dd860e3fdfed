"""IBAN: ISO 13616, country and length from the SWIFT registry, check digits by ISO/IEC 7064 MOD 97-10."""

import re
from collections.abc import Sequence

from .checksums import mod97
from .detector import CERTAIN, EDGE, POSSIBLE, Candidate, Detector, context_words

__all__ = ["DETECTOR"]

_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27,
    "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20,
    "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27,
    "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30,
    "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28,
    "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19,
    "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
    "YE": 30,
}  # fmt: skip
_COUNTRIES = "|".join(_LENGTHS)
_HEAD = re.compile(r"[A-Za-z](?<![0-9A-Za-z][A-Za-z])[A-Za-z]\d\d(?=[ -]?[0-9A-Za-z]{4})", re.ASCII)
_BODY = re.compile(r"(?:[ -]?[0-9A-Za-z]){11,30}", re.ASCII)
_SPACES = str.maketrans("", "", " -")


def _end(text: str, start: int, length: int) -> int:
    """Where the IBAN of ``length`` characters that begins at ``start`` ends; 0 when it does not fit."""
    body = _BODY.match(text, start + 4)
    if body is None:
        return 0
    left = length - 4
    for at in range(start + 4, body.end()):
        if text[at] not in " -":
            left -= 1
            if left == 0:
                return 0 if text[at + 1 : at + 2].isalnum() else at + 1
    return 0


def _find(text: str) -> Sequence[Candidate]:
    found: list[Candidate] = []
    for head in _HEAD.finditer(text):
        start = head.start()
        length = _LENGTHS.get(head.group()[:2].upper())
        end = _end(text, start, length) if length else 0
        if not end:
            continue
        bare = text[start:end].translate(_SPACES)
        if mod97(bare):
            found.append((start, end, CERTAIN))
        elif sum(map(str.isdigit, bare)) >= 8:
            found.append((start, end, POSSIBLE))
    return found


DETECTOR = Detector(
    entity="IBAN",
    trigger=EDGE + rf"(?i:{_COUNTRIES})\d\d[ -]?[0-9A-Za-z]{{4}}[ -]?[0-9A-Za-z]{{4}}[ -]?[0-9A-Za-z]{{3}}",
    find=_find,
    shapes=("AA99 A", "AA99 9", "<AA99A", "<AA999", "<AA99-"),
    digits=4,
    context=context_words(
        "iban", "bank", "account", "konto", "compte", "cuenta", "conto", "rekening", "bankgiro"
    ),
)
