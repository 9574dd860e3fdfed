"""Values that stand next to their key inside a text: JSON, ``key=value`` and ``key.

Value`` lines, headers, tags, options.

The key table decides, as it does for attributes; here is only how far such a value reaches.
"""

import re

from .filter import words_of_text
from .harmless import BENIGN, SCHEME, Found, is_harmless
from .key_words import EXACT
from .keys import KeyTable
from .objects import names_of_persons
from .persons import LOGGER, NAME, Roles, listens
from .spans import MARKER, Span

__all__ = ["SAID", "Keyed", "closing_quote", "is_option"]

_KEYS_KEPT = 2048
# Keys of so few letters end too many other words.
_SHORT = 4
_BRACKETED_CHARS = 8192
_WORDS_CHARS = 52

# The last word of a key, what closes it, and the separator. A key starts where a word starts, so each text
# position is looked at a bounded number of times.
_KEY = re.compile(
    r"(?<![\w.\-])(?P<key>[\w.\-]{2,80}+)"
    r"(?:(?P<close>\\{0,3}[\"'`]\]?|\]|\*{1,2})?"
    r"(?P<sep>[ \t]{0,3}(?:=>|->|:=|=(?!=)|:(?![/:]))[ \t]{0,3})"
    r"|(?P<pair>\\{0,3}[\"'][ ]?,[ ]?(?=b?\\{0,3}[\"']))"
    r"|(?P<tag>>(?=[^<\s]))"
    r"|(?P<says> (?:is|was|to) (?=\S))"
    r"|(?P<code> (?=\d{3,8}(?!\w))))",
    re.ASCII,
)
# Up to three words before the last one.
_WORDS_BEFORE = re.compile(r"(?<![\w.\-])(?:[A-Za-z]{2,16} ){1,3}\Z", re.ASCII)
# Of a shell, or in a list; what looks like an option is no value.
_OPTION = re.compile(
    r"(?<![\w\-])(?P<option>--[\w\-]{2,60})"
    r"(?: (?=[^\s\-])(?P<open>\\{0,3}[\"'])?|(?P<quote>\\{0,3}[\"']),\s{0,24}b?(?P<item>\\{0,3}[\"'])(?!--))"
)
# A block scalar of YAML: the lines that are indented.
_BLOCK = re.compile(
    r"[|>][\d+\-]{0,2}[ \t]{0,8}\r?\n[ \t]{1,40}(?P<block>[^\n]{1,8192}(?:\n[ \t]+[^\n]{1,8192}){0,256})"
)
_QUOTE = re.compile(r"(?:rb|br|[bfru])?(\\{0,3})([\"'`])")
# As JSON has it, behind a key in quotes.
_NUMBER_VALUE = re.compile(r"-?\d[\d.eE+\-]{0,40}(?=\s*(?:[,}\]]|\Z))")
_BARE = re.compile(r"[^\s,;&\"'<>)\]}|\\]+")
# Secrets hold any character; they end where the next pair begins.
_BARE_SECRET = re.compile(r"(?:(?![,;][ ]?[\w.\-]+[ ]?[=:]|[)\]},;.]*(?:\s|$)|\\[nrt\"'])[^\s&\"'<>])+")
_BARE_COOKIE = re.compile(r"[^\s=;,\"']+=[^;\s\"']*(?:;[ ]?[^\s=;,\"']+(?:=[^;\s\"']*)?)*|[^\s;,\"']+")
_BARE_NAME = re.compile(r"[^\s,;&\"'<>)\]}|\\=:]+(?: [^\W\da-z_][^\s,;&\"'<>)\]}|\\=:]*(?![\w]*[=:])){0,4}")
_BARE_ADDRESS = re.compile(r"(?:(?![ ,;]+[\w.\-]+[=:])[^\n;&\"'<>)\]}|\\])+")
# What stands for a value in SQL. A name may have several words, and would take the next keyword along.
_PLACEHOLDER = re.compile(r"(?:\?|%s|%\(\w{1,64}\)s|\$\d{1,4})(?=[\s,;)]|\Z)")
_CLOSING = {"[": "]", "{": "}"}
_SECRETS = frozenset(
    {"PASSWORD", "SECRET", "TOKEN", "API_KEY", "CREDENTIALS", "SESSION", "OTP", "PIN", "CVV"}
)
_CODE_WORDS = frozenset({"cvv", "cvv2", "cvc", "cvc2", "otp", "pin", "passcode"})
_SAID = frozenset({"password", "passwd", "passcode", "pin", "otp", "key", "secret"})
# Words that tell of a value without a separator.
SAID = _SAID | _CODE_WORDS
_KEY_CHARS = 40
_HARMLESS: set[int | None] = {0}
# The words of a text in lower case, with an equals sign for what can part a key from its value.
_PIECES = bytes(
    ord(chr(c).lower()) if c < 128 and chr(c).isalnum() else ord("=") if c in b"=:" else ord(" ")
    for c in range(256)
)
_AMBIGUOUS = frozenset(
    f"key:{name}" for marker, names in EXACT.items() if marker != "PASSWORD" for name in names.split()
)
_CODES = frozenset({"PIN", "OTP", "CVV"})
_SAYS = frozenset({"PASSWORD", "PIN", "OTP", "API_KEY", "SECRET"})


class Keyed:
    """Finds keyed values by a ``KeyTable``; remembers what keys mean."""

    def __init__(self, keys: KeyTable) -> None:
        self._keys = keys
        self._roles = Roles(keys)
        self._known: dict[str, tuple[str, str]] = {}
        known = keys.names()
        long = "|".join(_loosely(name) for name in known if len(name) > _SHORT)
        short = "|".join(name for name in known if len(name) <= _SHORT)
        names = rf"{long}|(?:^|[^a-z])(?:{short})"
        self.trigger = (
            rf"(?i)(?:{names})(?:\\*[\"'`]\]?|\]|\*\*?)?[ \t]*(?:=|:|->)|"
            rf"(?:{names})\\*[\"'] ?,\s{{0,24}}b?\\*[\"']|"
            rf"<(?:\w+:)?(?:{names})>|--[\w-]*(?:{names}) |(?:password|passwd|passcode|pin|otp|key|"
            rf"secret) (?:is|was|to) |(?:cvv2?|cvc2?|otp|pin|passcode) \d{{3}}"
        )
        self._names = frozenset(keys.names())
        self._compact = tuple(sorted({name.replace("_", "") for name in self._names if len(name) > 4}))
        self._endings = tuple(sorted({name.rsplit("_", 1)[-1] for name in self._names} - {"1", "2", "no"}))
        self._last_words: dict[bytes, int] = {}

    def probe(self, text: str, words: frozenset[str]) -> bool:
        """Whether a sensitive key seems to stand before a separator; the filter where RE2 is missing."""
        if not words.isdisjoint(SAID) and (
            not words.isdisjoint(_CODE_WORDS) or " is " in text or " was " in text or " to " in text
        ):
            return True
        if ("<" in text or "--" in text or _has_pair(text)) and any(
            word.endswith(self._endings) for word in words_of_text(text)
        ):
            return True
        if "->" in text:
            text = text.replace("->", "=")
        if ":" not in text and "=" not in text:
            return False
        pieces = text.encode("ascii", "replace").translate(_PIECES).split(b"=")
        last_words = [piece.rstrip().rpartition(b" ")[2] for piece in pieces[:-1]]
        if set(map(self._last_words.get, last_words)) <= _HARMLESS:
            return False
        return any(map(self._ends_sensitive, pieces, last_words))

    def _ends_sensitive(self, piece: bytes, last: bytes) -> bool:
        """Whether the words before a separator end in a sensitive key, as far as the last few tell."""
        judged = self._last_words.get(last)
        if judged is None:
            if len(self._last_words) >= _KEYS_KEPT:
                self._last_words.clear()
            word = last.decode()
            judged = 2 if word.endswith(self._compact) else 1 if word.endswith(self._endings) else 0
            if len(last) <= _KEY_CHARS:
                self._last_words[last] = judged
        if judged != 1:
            return judged == 2
        words = piece[-_KEY_CHARS:].decode().split()
        return any("_".join(words[-count:]) in self._names for count in (1, 2, 3, 4))

    def find(self, text: str, *, about: bool = False) -> list[Span]:
        """The values of sensitive keys in ``text``; ``about``: all of it is about a person."""
        spans: list[Span] = []
        names: list[re.Match[str]] = []
        at = 0
        match = _KEY.search(text)
        while match is not None:
            start = _key_start(text, at, match)
            at = match.end()
            key = text[start : match.end("key")]
            marker, rule = self._means(key)
            if marker is NAME:
                if match["tag"] is not None or (
                    match["sep"] is not None and (" " not in key or "=" in match["sep"])
                ):
                    names.append(match)
            elif marker and _is_pair(text, start, match, marker, rule):
                start, end = _value(text, match, marker)
                found = Found(marker, rule, quoted=start > match.end())
                if end > start and not is_harmless(text[start:end], match, found):
                    spans.append(Span(start, end, marker, rule))
                    at = end
            match = _KEY.search(text, at)
        if names:
            self._find_names(text, names, spans, about=about)
        if "--" in text:
            self._find_options(text, spans)
        return spans

    def _find_names(self, text: str, names: list[re.Match[str]], spans: list[Span], *, about: bool) -> None:
        """Of the bare names those that are a person's."""
        persons = names_of_persons(text, self._roles, (match.end("key") for match in names), about=about)
        for match in names:
            logs = persons.get(match.end("key"))
            if logs is None:
                continue
            start, end = _value(text, match, "NAME")
            found = Found("NAME", "key:name", quoted=start > match.end())
            value = text[start:end]
            if value and not (logs and LOGGER.fullmatch(value)) and not is_harmless(value, match, found):
                spans.append(Span(start, end, "NAME", "key:name"))

    def _find_options(self, text: str, spans: list[Span]) -> None:
        """Command lines: ``--password hunter2``, ``['--password', 'hunter2']``."""
        for match in _OPTION.finditer(text):
            marker, rule = self._means(match["option"])
            start = match.end()
            if not marker or marker is NAME or MARKER.match(text, start):
                continue
            quote = match["open"] or match["item"]
            if quote:
                end = closing_quote(text, start, quote)
            else:
                bare = _BARE_SECRET.match(text, start)
                end = bare.end() if bare else start
            value = text[start:end]
            if (
                value
                and not (rule == "key:address" and listens("address", value))
                and (match["item"] or value.lower() not in BENIGN)
            ):
                spans.append(Span(start, end, marker, rule))

    def _means(self, key: str) -> tuple[str, str]:
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _KEYS_KEPT:
                self._known.clear()
            known = self._keys.sensitive(key.replace(" ", "_"))
            if not known[0] and self._roles.of(key.rpartition(" ")[2].rpartition(".")[2]) is NAME:
                known = NAME, ""
            self._known[key] = known
        return known


def _has_pair(text: str) -> bool:
    """Whether the text could hold ``('key', 'value')`` or ``["key", "value"]``."""
    return ("'" in text and ("('" in text or "['" in text or "(b'" in text)) or (
        '"' in text and ('("' in text or '["' in text)
    )


def _loosely(name: str) -> str:
    return r"[_\-. ]?".join(re.escape(part) for part in name.split("_"))


def _key_start(text: str, at: int, match: re.Match[str]) -> int:
    """Where the key begins, at ``at`` or after it."""
    start = match.start("key")
    if text[start - 1 : start] != " ":
        return start
    before = _WORDS_BEFORE.search(text[max(at, start - _WORDS_CHARS) : start])
    return start - len(before.group()) if before else start


def _is_pair(text: str, start: int, match: re.Match[str], marker: str, rule: str) -> bool:
    """Whether what follows the key makes it one: prose has commas, blanks and ``is`` too."""
    before = text[max(0, start - 3) : start]
    if match["pair"] is not None:
        return before.lstrip("b").endswith(('"', "'")) and before[:2].lstrip("b\\").startswith(("(", "["))
    if match["tag"] is not None:
        return before.endswith(("<", ":"))
    if match["close"] == "]" and before.endswith("[") and match["key"].isupper() and marker not in _SECRETS:
        return False  # a marker, and what stood behind the value
    if before.endswith("/") and (match["sep"] == ":" or rule in _AMBIGUOUS):
        return False  # an image and its tag, or the end of a path
    if match["code"] is not None:
        return marker in _CODES
    return match["says"] is None or marker in _SAYS


def _value(text: str, match: re.Match[str], marker: str) -> tuple[int, int]:
    at = match.end()
    if match["tag"] is not None:
        end = text.find("<", at)
        return at, len(text) if end < 0 else end
    if MARKER.match(text, at):
        return at, at
    quote = _QUOTE.match(text, at)
    if quote is not None:
        return quote.end(), closing_quote(text, quote.end(), quote[1] + quote[2])
    block = _BLOCK.match(text, at)
    if block is not None:
        return block.start("block"), block.end()
    if text[at : at + 1] in _CLOSING:
        return at, _closing_bracket(text, at)
    number = _NUMBER_VALUE.match(text, at) if match["close"] else None
    if number is not None:
        return at, number.end()
    if marker in {"NAME", "ADDRESS"} and _PLACEHOLDER.match(text, at):
        return at, at
    scheme = SCHEME.match(text, at)
    bare = _bare(marker).match(text, scheme.end() if scheme else at)
    return (at, bare.end()) if bare else (at, at)


def _bare(marker: str) -> re.Pattern[str]:
    if marker == "COOKIE":
        return _BARE_COOKIE
    if marker in _SECRETS:
        return _BARE_SECRET
    if marker == "NAME":
        return _BARE_NAME
    return _BARE_ADDRESS if marker == "ADDRESS" else _BARE


def is_option(argument: str) -> bool:
    """Whether an argument of a command can be the name of the next one: ``--password``."""
    return argument.startswith("-") and "=" not in argument


def closing_quote(text: str, at: int, quote: str) -> int:
    """Where the quoted value ends: before its quote, or at the end of the text."""
    while True:
        end = text.find(quote, at)
        if end < 0:
            return len(text)
        if len(quote) > 1:
            return end
        slashes = end - len(text[:end].rstrip("\\")) if text[end - 1 : end] == "\\" else 0
        if slashes % 2 == 0:
            return end
        at = end + 1


def _closing_bracket(text: str, at: int) -> int:
    opening, closing = text[at], _CLOSING[text[at]]
    depth = 0
    limit = min(len(text), at + _BRACKETED_CHARS)
    for place in range(at, limit):
        if text[place] == opening:
            depth += 1
        elif text[place] == closing:
            depth -= 1
            if depth == 0:
                return place + 1
    return limit
