"""CREDIT_CARD: primary account numbers of ISO/IEC 7812, 12 to 19 digits.

With the issuer ranges of the networks.

A Luhn-valid number of a known range and length counts alone; with a context word, a known first digit is
enough for a Luhn-valid number, and the usual grouping for others.
"""

import re
from collections.abc import Sequence

from .checksums import luhn
from .detector import CERTAIN, EDGE, POSSIBLE, Candidate, Detector, context_words, digits_of

__all__ = ["DETECTOR", "is_card"]

_PATTERN = re.compile(
    r"(?<![0-9A-Za-z])(?<!\d[.,])(?<!\d[ -])\d(?:[ ._-]?\d){11,18}(?![ -]?\d)(?![0-9A-Za-z])(?!\.\d)",
    re.ASCII,
)
_GROUPS = re.compile(
    r"\d{12,19}|\d{4}([ ._-])\d{4}\1\d{4}(?:\1\d{1,7})?|\d{4}([ -])\d{6}\2\d{4,5}|"
    r"\d{4}([ -])\d{4}\3\d{4}\3\d{4}\3\d{1,3}"
)
# Number of digits by issuer range: (lowest prefix, highest prefix, lengths).
_RANGES: tuple[tuple[int, int, frozenset[int]], ...] = (
    (4, 4, frozenset({13, 16, 19})),  # Visa
    (51, 55, frozenset({16})), (2221, 2720, frozenset({16})),  # Mastercard
    (34, 34, frozenset({15})), (37, 37, frozenset({15})),  # American Express
    (300, 305, frozenset({14, 16})), (3095, 3095, frozenset({14, 16})), (36, 36, frozenset({14, 16, 19})),
    (38, 39, frozenset({14, 16})),  # Diners Club
    (6011, 6011, frozenset({16, 17, 18, 19})), (644, 649, frozenset({16, 17, 18, 19})),
    (65, 65, frozenset({16, 17, 18, 19})),  # Discover
    (3528, 3589, frozenset({16, 17, 18, 19})), (2131, 2131, frozenset({15})),
    (1800, 1800, frozenset({15})),  # JCB
    (62, 62, frozenset({16, 17, 18, 19})), (81, 82, frozenset({16})),  # UnionPay, RuPay
    (2200, 2204, frozenset({16, 17, 18, 19})),  # Mir
    (5018, 5018, frozenset(range(12, 20))), (5020, 5020, frozenset(range(12, 20))),
    (5038, 5038, frozenset(range(12, 20))), (5893, 5893, frozenset(range(12, 20))),
    (6304, 6304, frozenset(range(12, 20))), (6759, 6759, frozenset(range(12, 20))),
    (6761, 6763, frozenset(range(12, 20))),  # Maestro
    (5041, 5041, frozenset({16})), (5067, 5067, frozenset({16})), (6062, 6062, frozenset({16})),
    (6362, 6363, frozenset({16})), (6500, 6509, frozenset({16})),  # Elo, Hipercard
)  # fmt: skip


def _known_range(digits: str) -> bool:
    size = len(digits)
    return any(low <= int(digits[: len(str(low))]) <= high and size in sizes for low, high, sizes in _RANGES)


def is_card(digits: str) -> bool:
    """Luhn-valid, of a known issuer range, and as long as that issuer's numbers are."""
    return luhn(digits) and _known_range(digits)


def _judge(text: str) -> int:
    digits = digits_of(text).replace("_", "")
    grouped = _GROUPS.fullmatch(text) is not None
    if not grouped or len(set(digits)) < 2:
        return 0
    if luhn(digits):
        # Twelve bare digits are too often something else.
        return CERTAIN if len(digits) > 12 and _known_range(digits) else POSSIBLE
    if digits[0] in "3456" and len(digits) in {15, 16}:
        return POSSIBLE
    return 0


def _find(text: str) -> Sequence[Candidate]:
    found: list[Candidate] = []
    for match in _PATTERN.finditer(text):
        verdict = _judge(match.group())
        if verdict:
            found.append((match.start(), match.end(), verdict))
    return found


DETECTOR = Detector(
    entity="CREDIT_CARD",
    trigger=EDGE + r"\d(?:[ ._-]?\d){11,18}" + EDGE,
    find=_find,
    shapes=("999999999999", "9999 9999 9999", "9999-9999-9999", "9999 999999 9", "9999-999999-9",
            "9999.9999.9999", "9999_9999_9999"),
    context=context_words(
        "cards?", "cc", "ccn", "credit", "debit", "visa", "mastercard", "amex", "maestro", "pan", "karte",
        "tarjeta",
        "carte", "cartao", "cartão", "carta", "kreditkarte", "kort",
        "payment method", "信用卡", "卡号", "カード",
    ),
)  # fmt: skip
