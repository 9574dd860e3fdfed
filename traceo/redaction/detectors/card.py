"""CREDIT_CARD: primary account numbers of ISO/IEC 7812, 12 to 19 digits.

With the issuer ranges of the networks.

A Luhn-valid number of a known range and length counts alone; with a context word, a known first digit is
enough for a Luhn-valid number, and the usual grouping for others.
"""

import re
from collections.abc import Sequence

from .checksums import luhn
from .detector import (
    AFTER,
    CERTAIN,
    EDGE,
    NO,
    POSSIBLE,
    Candidate,
    Detector,
    context_words,
    digits_of,
    first_digit,
)

__all__ = ["DETECTOR", "is_card"]

_PATTERN = re.compile(
    first_digit("1-68")
    + r"(?:\d{11,18}|\d{3}([ ._-])\d{4}\1\d{4}(?:\1\d{1,7})?(?:\1\d{1,3})?|\d{3}([ -])\d{6}\2\d{4,5})"
    + rf"(?:{AFTER}|(?<=\d{{12}})(?=\.0{{1,2}}(?![\w.])))",  # what a column of floats makes of it
    re.ASCII,
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

_EAN_DIGITS = 13
_ARTICLE_CHARS = 24
_ARTICLE = re.compile(
    r"(?<![a-z])(?:ean|gtin|upc|barcode|article|artikel|artículo|isbn|jan)(?![a-z])", re.IGNORECASE
)


def _known_range(digits: str) -> bool:
    size = len(digits)
    return any(low <= int(digits[: len(str(low))]) <= high and size in sizes for low, high, sizes in _RANGES)


def is_card(digits: str) -> bool:
    """Luhn-valid, of a known issuer range, and as long as that issuer's numbers are."""
    return luhn(digits) and _known_range(digits)


def _is_article(text: str, start: int, digits: str) -> bool:
    """A valid article number (GS1 General Specifications, 7.9) that is called one."""
    return (
        len(digits) == _EAN_DIGITS
        and _ARTICLE.search(text, max(0, start - _ARTICLE_CHARS), start) is not None
        and sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0
    )


def _judge(text: str) -> int:
    digits = digits_of(text).replace("_", "")
    if len(digits) < 12 or (digits[0] in "18" and not digits.startswith(("1800", "81", "82"))):
        return NO
    if luhn(digits):
        # Twelve bare digits are too often something else.
        return CERTAIN if len(digits) > 12 and _known_range(digits) and len(set(digits)) > 1 else POSSIBLE
    return POSSIBLE if digits[0] in "3456" and len(digits) in {15, 16} else NO


def _find(text: str) -> Sequence[Candidate]:
    found: list[Candidate] = []
    for match in _PATTERN.finditer(text):
        start, end = match.span()
        if _is_article(text, start, match.group()):
            continue
        best = (start, end, _judge(match.group()))
        separator = match.group(1)
        # The groups after a number may be another one: a date, a security code.
        while separator and best[2] < CERTAIN and (end := text.rfind(separator, start, end)) > start + 13:
            verdict = _judge(text[start:end])
            if verdict > best[2]:
                best = (start, end, verdict)
        if best[2]:
            found.append(best)
    return found


DETECTOR = Detector(
    entity="CREDIT_CARD",
    trigger=EDGE + r"(?:[2-6]|1[ ._-]?8|8[ ._-]?[12])(?:[ ._-]?\d){10,18}" + EDGE,
    find=_find,
    digits=12,
    shapes=("<999999999999", "9999 9999 9999", "<9999-9999-9999", "9999 999999 9", "<9999-999999-9",
            "<9999.9999.9999", "<9999_9999_9999"),
    context=context_words(
        "cards?", "cc", "ccn", "credit", "debit", "visa", "mastercard", "amex", "maestro", "pan", "karte",
        "tarjeta",
        "carte", "cartao", "cartão", "carta", "kreditkarte", "kort",
        "payment method", "信用卡", "卡号", "カード",
    ),
)  # fmt: skip
