"""What stands beside a sensitive key and is no value of it: placeholder, code, prose, schema, complaint."""

import re
from typing import NamedTuple

from .key_words import words_in
from .keys import words_of
from .persons import listens
from .spans import MARKER

__all__ = ["BENIGN", "SCHEME", "Found", "is_harmless"]

_NUMBER = re.compile(r"-?[\d.]{1,6}")
_WORDY = frozenset({"TOKEN", "SESSION", "COOKIE", "EMAIL", "PHONE"})
# No number of up to three digits is one of these: they count fields.
_LETTERED = frozenset({"EMAIL", "NAME"})
_ORDINAL_DIGITS = 3
# Fewer digits than this are no such value.
_DIGITS: dict[str, int] = {
    marker: least
    for least, markers in (
        (1, "GEO BIRTH_DATE"),
        (3, "CVV PIN OTP"),
        (4, "PHONE US_SSN PASSPORT DRIVER_LICENSE NATIONAL_ID BANK_ACCOUNT IN_PAN CARD_EXPIRY"),
        (7, "SG_NRIC IN_AADHAAR BR_CPF IBAN CN_RESIDENT_ID CREDIT_CARD"),
    )
    for marker in markers.split()
}
_FIELD = re.compile(r"[a-z_]+")
_VARIABLE = re.compile(r"[A-Za-z_][\w.]*", re.ASCII)
# Said about a value instead of it.
BENIGN = words_in(
    """
    none null nil true false undefined missing invalid expired required empty incorrect wrong failed ok yes
    no unset set not is was has must should cannot can unknown redacted masked hidden filtered omitted
    removed changed updated reset mismatch accepted rejected revoked valid verified present absent found
    string str int bool bytes float optional any text number object default n/a na nan disabled enabled
    error denied forbidden unauthorized authentication refresh too short long blank the a an for in on at of
    to and or with was/were please deleted created added sent received
    """
)
_PLACEHOLDER = re.compile(
    r"[*•xX.\-_#]{3,}|\$\{\w+\}?|\$[A-Z_]+|\$\d{1,3}|%\(\w+\)s|%[sdr]|\{\{? ?[a-z_][\w.!:\[\]'\" ]*\}\}?|"
    r"\{\}|<[A-Za-z_ \-]+>|:[a-z_]+|\?|\[[A-Za-z_ ]*\]|…"
)
# A line of source code in a traceback passes a variable on.
_CODE = re.compile(
    r"(?:self|cls|settings|config|conf|os|env|environ|request|req|response|args|kwargs|form|data|user|params|payload|body|options|"
    r"context|ctx|this|app|model|obj|row|record|get|lambda|await|not|f|r|rf)[.\[(\"']|[A-Za-z_][\w.]*\(|[A-Za-z_]\w*\["
)
# A JSON schema, or what a validation says of a field, in the place of its value.
_SCHEMA = re.compile(r"\{\s*\\*[\"'](?:type|\$ref|format|title|description)\\*[\"']\s*:\s*\\*[\"']", re.ASCII)
_STRINGS = re.compile(r"\\*[\"']([^\"'\\]*)\\*[\"']")
_COMPLAINT = re.compile(
    r"\b(?:is|are|must|can ?not|can|may|has|have|should|does|required|invalid|already|least|most|too|not)\b",
    re.IGNORECASE,
)
SCHEME = re.compile(r"(?i)(?:bearer|basic|digest|token|negotiate|apikey|aws4-hmac-sha256)[ +]+")


class Found(NamedTuple):
    """What the key of a value says, and whether the value stands in quotes."""

    marker: str
    rule: str
    quoted: bool


def is_harmless(value: str, match: re.Match[str], found: Found) -> bool:
    """Whether ``value``, found behind the key of ``match``, is none that the key's type has."""
    folded = value.strip(" .,;:!()").lower()
    bare = SCHEME.sub("", value, count=1)
    if not folded or folded in BENIGN or _PLACEHOLDER.fullmatch(bare) or MARKER.fullmatch(value):
        return True
    if value[0] in "[{" and _is_about(value):
        return True
    if found.marker in _LETTERED and value.isdigit() and len(value) <= _ORDINAL_DIGITS:
        return True
    digits = sum(map(str.isdigit, value))
    if digits < _DIGITS.get(found.marker, 0) or (
        not digits and found.rule.endswith(("zip", "code", "zipcode"))
    ):
        return True
    if match["pair"] is not None:
        return _FIELD.fullmatch(value) is not None
    if found.marker == "ADDRESS" and listens(match["key"], value):
        return True
    if match["says"] is not None or match["code"] is not None:
        return not digits
    if found.marker == "REDACTED":
        return _NUMBER.fullmatch(value) is not None
    if found.quoted:
        return False
    # A bare word beside a quoted key is code, beside a plain one perhaps prose.
    if _CODE.match(value) or (not digits and _is_name_of(value, match)):
        return True
    if match["close"] is None and folded.isalpha() and found.marker in _WORDY:
        return ":" in match["sep"] or match["sep"].strip() == "->" or len(folded) < 4
    return False


def _is_about(value: str) -> bool:
    """Whether an object or a list says something of a field: its schema, or what is wrong with it."""
    if _SCHEMA.match(value):
        return True
    strings = _STRINGS.findall(value)
    return bool(strings) and all(" " in text and _COMPLAINT.search(text) for text in strings)


def _is_name_of(value: str, match: re.Match[str]) -> bool:
    """A variable passed on: ``session = session``, ``"token": a_token``, ``sig = inspect.signature``."""
    if _VARIABLE.fullmatch(value) is None:
        return False
    last = words_of(match["key"]).rsplit("_", 1)[-1]
    joined = "_" in value or "." in value
    return (len(last) > 3 and value.lower().endswith(last)) or (joined and match["sep"] == " = ")
