"""PHONE: E.164 with a plus, North American 3-3-4, and national formats next to a context word.

A plus with a country code, and the North American grouping with dashes, dots or parentheses, count alone.
Everything else that has 7 to 15 digits in groups needs a word such as *phone*, *fax*, *call* near by.
"""

import re
from collections.abc import Sequence

from .detector import CERTAIN, EDGE, NAMED, NO, POSSIBLE, Candidate, Detector, context_words, digits_of

__all__ = ["ALSO", "DETECTOR"]

_INTERNATIONAL = r"\+[1-9]\d{0,2}(?:[ .\-/]{0,2}(?:\(\d{1,5}\)|\d{1,12})){1,6}"
_NANP = r"(?:\+?1[ .\-]?)?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[.\-])[2-9]\d{2}[.\- ]\d{4}"
_GROUPS = r"(?:\(\d{1,5}\)[ \-]?|\d{1,5}[ .\-/])(?:\d{1,8}[ .\-/]){0,5}\d{2,8}|\d{7,15}"
_EXTENSION = r"(?:\s?(?:x|ext\.?|#)\s?\d{1,6})?"
_PATTERN = re.compile(
    rf"(?<![0-9A-Za-z])(?<!\d[.\-])(?:(?P<plus>{_INTERNATIONAL})|(?P<nanp>{_NANP})|(?P<groups>{_GROUPS}))"
    rf"{_EXTENSION}(?![0-9A-Za-z])(?![.\-/]\d)",
    re.ASCII,
)
_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ]\d\d?[-./ ]\d\d?|\d\d?[-./ ]\d\d?[-./ ](?:19|20)\d\d"
    r"|(?:\d{1,3}\.){3}\d{1,3}(?![.\d])|\d+\.\d+\Z",
    re.ASCII,
)


def _judge(text: str, *, plus: bool, nanp: bool) -> int:
    digits = len(digits_of(re.split(r"[x#e]", text, maxsplit=1)[0]))
    if plus:
        return CERTAIN if 8 <= digits <= 15 else NO
    if nanp:
        return CERTAIN
    return POSSIBLE if 7 <= digits <= 15 and not _DATE.match(text) else NO


def _find(text: str) -> Sequence[Candidate]:
    found: list[Candidate] = []
    for match in _PATTERN.finditer(text):
        start, end = match.span()
        # A date, an address, or the version of a product (RFC 9110, 10.1.5).
        if _DATE.match(match.group()) or (text[start - 1 : start] == "/" and "." in match.group()):
            continue
        plus, nanp = match["plus"] is not None, match["nanp"] is not None
        verdict = _judge(match.group(), plus=plus, nanp=nanp)
        # Too long: other numbers follow the telephone number.
        while not verdict and (cut := max(text.rfind(c, start, end) for c in " .-/")) > start + 7:
            end = cut
            verdict = _judge(text[start:end], plus=plus, nanp=nanp)
        if verdict:
            found.append((start, end, verdict))
    return found


# Every Python traceback says "most recent call last".
_CALL = "call(?:ed|ing| me| us)?(?! last)"
_WORDS = (
    "phones?", "telephone", "tel", "mobile", "cell", "cellphone", "fax", _CALL, "caller",
    "dial(?:ed)?", "sms", "whatsapp", "msisdn", "contact", "text me", "ring", "reach (?:me|us|him|her)",
    "answering", "messages? (?:to|on)", "registered", "desk", "office", "home", "hotline", "voicemail",
    "phone number", "number is", "telefon", "handy", "mobil", "teléfono", "telefono", "móvil", "téléphone",
    "portable", "telefone", "celular", "cellulare", "telefoon", "puhelin",
    "電話", "电话", "手机", "携帯", "फोन",
)  # fmt: skip

# A bare number must follow its word, with nothing between but what people say there. Some words lead to other
# numbers too: those need more than a blank, or a number as long as one with an area code.
_WEAK = (
    "cell", _CALL, "caller", "dial(?:ed)?", "sms", "contact", "ring", "registered", "desk",
    "office", "home", "portable", "answering",
)  # fmt: skip
_STRONG = tuple(word for word in _WORDS if word not in _WEAK)
_LINKS = (
    "number|numbers|no|nr|num|is|are|was|me|us|him|her|them|at|on|to|under|now|please|the|my|your|his|their|our|a|new|"
    "old|direct|line|landline|personal|work|home|office|cell|mobile|phone|user|customer|client|wife|husband|mother|"
    "father|mom|dad|son|daughter|brother|sister|boss|friend|doctor|assistant|de|do|du|der|die|das|ist|es|est|s|and|or|"
    "with|from|sent|send|code|number is|nummer|número|numéro|numero|номер|é|è"
)
_SIGN = r"(?:[^\w/]|_)"  # no slash: in a path, a number behind a word is a key
_BARE_BEFORE = re.compile(
    rf"(?:^|[^\w]|_)(?:(?P<strong>{'|'.join(_STRONG)})|(?:{'|'.join(_WEAK)}))"
    rf"(?P<link>(?:{_SIGN}+(?:{_LINKS})(?={_SIGN}))*{_SIGN}*)\Z"
)
_BARE_AFTER = re.compile(
    rf"[\W_]{{0,3}}(?:\(|is |was |as |\bis my |ist )[\W_]*(?:(?:{_LINKS})[\W_]+)*(?:{'|'.join(_WORDS)})(?!\w)"
)
_BEFORE_CHARS, _AFTER_CHARS = 48, 28
_AREA_DIGITS = 10


def _is_linked(text: str, start: int, end: int) -> bool:
    before = _BARE_BEFORE.search(text[max(0, start - _BEFORE_CHARS) : start].lower())
    if before is not None and (
        before["strong"] is not None
        or before["link"].strip()
        or _AREA_DIGITS <= end - start <= _AREA_DIGITS + 1
    ):
        return True
    return _BARE_AFTER.match(text[end : end + _AFTER_CHARS].lower()) is not None


def _near_words(text: str) -> Sequence[Candidate]:
    """Numbers that need a word near by; bare ones are judged here, with the words between."""
    return [
        (
            start,
            end,
            (CERTAIN if _is_linked(text, start, end) else NAMED) if text[start:end].isdigit() else POSSIBLE,
        )
        for start, end, verdict in _find(text)
        if verdict == POSSIBLE
    ]


# The first word of each, for the filter without RE2.
_FIRST = frozenset(
    {"phone", "phones", "message", "messages", "call", "called", "calling", "dial", "dialed", "text", "reach"}
    | {re.split(r"[^\w]", word)[0] for word in _WORDS if word.isascii()}
)
_SHAPES = (
    "+9",
    *(f"999{a}999{b}9999" for a in "-." for b in "-. "),
    *(f"){a}999{b}9999" for a in ("", " ") for b in "-. "),
)

# What counts alone, and what needs a word near by: two filters, so that dates do not wake the second one.
DETECTOR = Detector(
    entity="PHONE",
    trigger=r"\+\d[\d ().\-/]{6}|" + EDGE + r"(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[.\-])[2-9]\d{2}[.\- ]\d{4}",
    find=lambda text: [found for found in _find(text) if found[2] == CERTAIN],
    shapes=_SHAPES,
    digits=8,
)
_CONTEXTUAL = Detector(
    entity="PHONE",
    trigger=r"(?i)(?:^|[^a-z])(?:(?:"
    + "|".join(word for word in _WORDS if word != _CALL)
    + r")(?:[^a-z]|$)|call(?:ed|ing)?(?:[^a-z ]|$| [^l]))",
    find=_near_words,
    words=_FIRST,
    guards=tuple(word for word in _WORDS if not word.isascii()),
    digits=7,
    context=context_words(*_WORDS),
)
ALSO = (_CONTEXTUAL,)
