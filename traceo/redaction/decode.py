"""One more look at a text in disguise: percent-encoding, JSON escapes, base64 JSON.

Full-width and invisible characters.

Each decoder gives the plain text and, for each of its characters, where that began in the source, so that
what is found in the plain text can be cut out of the source.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable

from .spans import Span

__all__ = [
    "BASE64_STARTS",
    "BASE64_TRIGGER",
    "ESCAPE_TRIGGER",
    "PERCENT_TRIGGER",
    "Decoded",
    "base64_json",
    "fold",
    "percent",
    "unescape",
]

# The plain text, and for each of its characters and its end, the place in the source.
Decoded = tuple[str, list[int]]

PERCENT_TRIGGER = r"%[0-9A-Fa-f]{2}|[0-9A-Z]\+[0-9A-Z(]"
ESCAPE_TRIGGER = r"\\[\"'nrtu/x]"
BASE64_TRIGGER = r"(?:^|[^0-9A-Za-z+/_-])(?:ey[JABc]|ew[o0kp])[0-9A-Za-z+/_=-]{8}"

# A plus is a blank in forms. Only where it parts digits or capitals: it is itself in addresses and keys.
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+|(?<=[0-9A-Z])\+(?=[0-9A-Z(])")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([\\\"'/nrtbf]))")
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "b": " ", "f": " "}
_BASE64 = re.compile(r"(?<![0-9A-Za-z+/_.-])(?:ey[JABc]|ew[o0kp])[0-9A-Za-z+/_-]{8,}={0,2}(?![0-9A-Za-z+/_])")


BASE64_STARTS = ("eyj", "eya", "eyb", "eyc", "ewo", "ew0", "ewk", "ewp")


def percent(text: str) -> Decoded | None:
    """Undo percent-encoding (RFC 3986, 2.1) as UTF-8, and the plus of forms."""
    return _replaced(text, _PERCENT, _percent_run)


def _percent_run(match: re.Match[str]) -> list[tuple[str, int]]:
    run = match.group()
    if run == "+":
        return [(" ", 1)]
    raw = bytes.fromhex(run.replace("%", ""))
    try:
        chars = raw.decode()
    except UnicodeDecodeError:
        return [(char, 3) for char in raw.decode("latin-1")]
    return [(char, 3 * len(char.encode())) for char in chars]


def unescape(text: str) -> Decoded | None:
    r"""Undo one level of backslash escapes: ``\"``, ``\n``, ``\u0040``, ``\x40``."""
    return _replaced(text, _ESCAPE, _escape)


def _escape(match: re.Match[str]) -> list[tuple[str, int]]:
    code = match.group(1) or match.group(2)
    if code:
        return [(chr(int(code, 16)), len(match.group()))]
    char = match.group(3)
    return [(_SIMPLE.get(char, char), 2)]


def _replaced(
    text: str, pattern: re.Pattern[str], chars: Callable[[re.Match[str]], list[tuple[str, int]]]
) -> Decoded | None:
    parts: list[str] = []
    places: list[int] = []
    at = 0
    for match in pattern.finditer(text):
        parts.append(text[at : match.start()])
        places.extend(range(at, match.start()))
        at = match.start()
        for char, size in chars(match):
            parts.append(char)
            places.append(at)
            at += size
    if not parts:
        return None
    parts.append(text[at:])
    places.extend(range(at, len(text) + 1))
    return "".join(parts), places


class _Folding(dict[int, str]):
    """How each character is read by a person: ``str.translate`` asks for one that is missing once."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        folded = _folded(char) if code > 0x7F else char
        if len(self) < 4096:
            self[code] = folded
        return folded


def _folded(char: str) -> str:
    category = unicodedata.category(char)
    if category in {"Cf", "Mn", "Cs", "Me"}:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Pd":
        return "-"
    if category in {"Zs", "Zl", "Zp"}:
        return " "
    plain = unicodedata.normalize("NFKC", char)
    # A sign for a unit is a word by itself: its letters do not belong to the number beside it.
    return f" {plain} " if len(plain) > 1 and category in {"So", "No"} else plain


_FOLDING = _Folding()


def fold(text: str) -> Decoded | None:
    """Undo compatibility forms: full-width letters and digits, other scripts' digits.

    Invisible characters (NFKC).

    ``None`` when the text already is what it looks like.
    """
    folded = text.translate(_FOLDING)
    if folded == text:
        return None
    places: list[int] = []
    for at, char in enumerate(text):
        places.extend([at] * len(_FOLDING[ord(char)]))
    places.append(len(text))
    return folded, places


def base64_json(text: str, scan: Callable[[str], list[Span]]) -> list[Span]:
    """.

    The base64 runs (RFC 4648, both alphabets) that hold a JSON object in which ``scan`` finds something.
    """
    spans: list[Span] = []
    for match in _BASE64.finditer(text):
        run = match.group().rstrip("=").translate(_STANDARD)
        try:
            plain = base64.b64decode(run[: len(run) // 4 * 4] + _padded(run)).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            continue
        if not plain.startswith("{"):
            continue
        inner = scan(plain)
        if inner:
            spans.append(Span(match.start(), match.end(), inner[0].entity, inner[0].rule))
    return spans


_STANDARD = str.maketrans("-_", "+/")


def _padded(run: str) -> str:
    rest = run[len(run) // 4 * 4 :]
    return "" if len(rest) < 2 else rest + "=" * (4 - len(rest))
