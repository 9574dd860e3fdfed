"""Sensitive values that stand next to their name in another way than behind a separator.

Prose (``wrong password 'x1y2z3'``), name and value in two fields (``{"name": "password", "value": …}``, as
forms, environments and headers have), XML with attributes, options of commands (``curl -u ada:…``), and words
of languages whose letters no key has.
"""

# ruff: noqa: RUF001  full-width signs are what some languages write

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from .harmless import BENIGN, SCHEME
from .keyed import closing_quote
from .keys import KeyTable
from .spans import MARKER, Span

__all__ = ["PHRASE_WORDS", "Phrases", "secrets_among"]

_PASSWORD = (
    "password", "passwd", "passphrase", "passcode", "passwort", "kennwort", "senha", "contrasena",
    "requirepass", "masterauth", "securestring", "identified by",
)  # fmt: skip
_NAMES = ("name", "key", "field", "param", "parameter", "header", "attribute")
_VALUES = ("value", "val", "content", "stringvalue")
_COMMANDS = (
    "curl", "wget", "sshpass", "docker", "podman", "mysql", "mysqldump", "mysqladmin", "mariadb", "mongo",
    "mongosh", "mongodump", "oracle", "redis",
)  # fmt: skip
_CODES = ("code", "otp", "pin", "passcode")
PHRASE_WORDS = frozenset((*_PASSWORD, "identified", *_VALUES, *_COMMANDS, *_CODES))

_SAID = re.compile(
    rf"(?<![\w\-])(?:convertto-)?(?:{'|'.join(_PASSWORD)})[ \t]{{1,3}}"
    r"(?:(?:is|was|lautet|ist|es|est|é)[ \t]{1,3})?(?P<quote>[\"'`]?)(?P<value>[^\s\"'`]{4,128})(?P=quote)",
    re.IGNORECASE,
)
_TAIL = ".,;:!?)]}"
_ALGORITHM = re.compile(
    r"(?:sha|md|aes|rsa|des|oauth|http|utf|base|argon|pbkdf|scrypt|bcrypt|ipv|tls|v|pkcs|saml|step|user)[\d_-]+\w{0,4}",
    re.IGNORECASE,
)
_QUOTE = r"\\{0,3}[\"']"
_FIELD = re.compile(
    rf"(?<![\w\-])(?:{'|'.join(_NAMES)})(?:{_QUOTE})?\s{{0,2}}[:=]\s{{0,2}}(?P<quote>{_QUOTE})?(?P<key>[\w.\-\[\]]{{2,60}})"
    rf"(?(quote)(?P=quote))\s{{0,2}},?\s{{0,24}}"
    rf"(?:(?:{_QUOTE})?\w{{1,20}}(?:{_QUOTE})?\s?[:=]\s?(?:{_QUOTE})?[\w\-./]{{0,40}}(?:{_QUOTE})?\s?,?\s{{0,24}}){{0,2}}?"
    rf"(?:{_QUOTE})?(?:{'|'.join(_VALUES)})(?:{_QUOTE})?\s{{0,2}}[:=]\s{{0,2}}"
    rf"(?:\{{\s{{0,2}}{_QUOTE}\w{{1,12}}Value{_QUOTE}\s{{0,2}}:\s{{0,2}})?"
    rf"(?:(?P<open>{_QUOTE})(?P<quoted>[^\"'\\]{{1,8192}})|(?P<bare>[^\s,;}}\"'\\]{{1,8192}}))",
    re.ASCII | re.IGNORECASE,
)
_PART = re.compile(
    r"name=\"(?P<key>[\w.\-\[\]]{2,60})\"(?:\r?\n[^\n]{1,128}){0,3}\r?\n\r?\n(?P<quoted>[^\r\n]{1,8192})",
    re.ASCII,
)
_TAG = re.compile(
    r"<(?:\w{1,40}:)?(?P<key>[\w.\-]{2,60})[ \t][^<>]{0,256}>(?P<quoted>[^<]{1,8192})</", re.ASCII
)
# Between two arguments: a blank, or in a list what parts its items.
_GAP = rf"(?:[ \t]{{1,8}}|{_QUOTE},\s{{0,24}}b?{_QUOTE})"
_REST = r"(?:[^\n|;]|(?<=,)\n){0,256}?[ \t\"']"
_COMMAND = re.compile(
    rf"(?<![\w\-])(?:(?:curl|wget)\b{_REST}(?:-u|--user|--proxy-user)(?:=|{_GAP})?[\"']?[^\s:\"',]{{1,64}}:"
    rf"|sshpass{_GAP}-p{_GAP}?"
    rf"|(?:docker|podman){_GAP}login\b{_REST}-p{_GAP}?"
    rf"|(?:mysql|mysqldump|mysqladmin|mariadb)\b{_REST}-p(?=\S)(?!{_QUOTE}(?:[\s,;:.)\]}}]|\Z))"
    rf"|(?:mongo|mongosh|mongodump)\b{_REST}-p{_GAP}?"
    rf"|redis-cli\b{_REST}-a{_GAP}?)(?:{_QUOTE})?"
)
_IN_QUOTES = re.compile(rf"({_QUOTE})[^\s\"']*\Z")
_ARGUMENT = re.compile(r"[^\s\"']{3,128}")
_VARIABLE = re.compile(r"\$[A-Z_][A-Z0-9_]*|\$\{.*\}|\$\(.*\)|%\w+%|<.*>", re.DOTALL)
_NO_END = str.maketrans("\n|;", "   ")
_ORACLE = re.compile(
    r"(?<![\w\-])jdbc:oracle:thin:[^\s/@]{1,64}/[\"']?(?P<value>[^\s\"'@$<][^\s\"'@]{2,127})"
)
_ONE_TIME = re.compile(
    r"(?<![\w.\-])(?P<value>\d{4,8}|\d{3}[ \-]\d{3}) (?:is|as) (?:your|the|my)"
    rf"(?: [\w\-]{{1,20}}){{0,4}} (?:{'|'.join(_CODES)})\b",
    re.IGNORECASE,
)
# In letters that no ASCII key has.
_FOREIGN = {
    "PASSWORD": (
        "contraseña", "密码", "密碼", "口令", "パスワード", "暗証番号", "пароль", "비밀번호", "كلمة المرور",
    ),
    "NAME": ("姓名", "氏名", "お名前", "фио", "성명"),
    "ADDRESS": ("住址", "住所", "адрес проживания"),
}  # fmt: skip
_MARKERS = {word: marker for marker, words in _FOREIGN.items() for word in words}
_FOREIGN_VALUE = re.compile(
    rf"(?P<key>{'|'.join(_MARKERS)})[ \t]{{0,2}}(?:[:：=是为は]|es|is)[ \t]{{0,2}}[「『\"'“]?"
    r"(?P<value>[^\s,，;；。、」』\"'”]{1,128})",
    re.IGNORECASE,
)


class Phrases:
    """Finds them by a ``KeyTable``."""

    def __init__(self, keys: KeyTable) -> None:
        self._keys = keys
        # No open repetitions: each would double the states of the automaton that runs all triggers at once.
        self.trigger = (
            rf"(?i)(?:{'|'.join(_PASSWORD)})[ \t]+[^ \t]"
            rf"|(?:{'|'.join(_VALUES)})(?:\\*[\"'])?\s?[:=]"
            rf"|\"\r?\n\r?\n|</|(?:^|[^a-z])(?:{'|'.join(_COMMANDS)})[ \t\\\"']|redis-cli|oracle:thin:"
            rf"|\d (?:is|as) (?:your|the|my) |{'|'.join(_MARKERS)}"
        )
        self._foreign = re.compile("|".join(_MARKERS), re.IGNORECASE)

    def probe(self, text: str, words: frozenset[str]) -> bool:
        """Whether ``find`` could find something; the filter where RE2 is missing."""
        if words and (
            not words.isdisjoint(_PASSWORD)
            or "identified" in words
            or not words.isdisjoint(_VALUES)
            or (not words.isdisjoint(_COMMANDS) and (_has_option(text) or "oracle:thin:" in text))
            or (not words.isdisjoint(_CODES) and (" is " in text or " as " in text))
        ):
            return True
        return "</" in text or (not text.isascii() and self._foreign.search(text) is not None)

    def find(self, text: str) -> list[Span]:
        """The values that such phrases give away in ``text``."""
        spans: list[Span] = []
        folded = text.lower()
        if _has_option(text):
            spans += _given(text)
        if "oracle:thin:" in folded:
            spans += _marked(text, _ORACLE, "CREDENTIALS", "command")
        if " is " in folded or " as " in folded:
            spans += _marked(text, _ONE_TIME, "OTP", "one_time_code")
        if any(word in folded for word in _PASSWORD):
            spans += _said(text)
        if ("val" in folded or "content" in folded) and any(word in folded for word in _NAMES):
            spans += self._named(text, _FIELD)
        if 'name="' in text:
            spans += self._named(text, _PART)
        if "</" in text:
            spans += self._named(text, _TAG)
        if not text.isascii():
            spans += [
                Span(match.start("value"), match.end("value"), marker, f"key:{marker.lower()}")
                for match in _FOREIGN_VALUE.finditer(text)
                if (marker := _MARKERS[match["key"].lower()])
            ]
        return [span for span in spans if not MARKER.match(text, span.start)]

    def _named(self, text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
        for match in pattern.finditer(text):
            marker, rule = self._keys.sensitive(match["key"])
            if not marker:
                continue
            group = "quoted" if match["quoted"] is not None else "bare"
            if match[group].strip().lower() not in BENIGN:
                yield Span(match.start(group), match.end(group), marker, rule)


def secrets_among(arguments: Sequence[str]) -> dict[int, int]:
    """Which arguments of a command hold a secret, and where in each it starts: ``mysql -u ada -p…``.

    >>> secrets_among(["mysql", "-u", "ada", "-phunter2"])
    {3: 2}
    """
    starts = list(accumulate((len(argument) + 4 for argument in arguments), initial=1))
    places: dict[int, int] = {}
    for span in _given("'" + "', '".join(arguments).translate(_NO_END) + "'"):
        index = bisect_right(starts, span.start) - 1
        argument, at = arguments[index], span.start - starts[index]
        if at < len(argument) and not any(map(str.isspace, argument[:at])):
            places[index] = at
    return places


def _has_option(text: str) -> bool:
    return " -" in text or "'-" in text or '"-' in text


def _given(text: str) -> Iterator[Span]:
    """What is given to commands as a password, up to the end of the argument."""
    for match in _COMMAND.finditer(text):
        start = match.end()
        quote = _IN_QUOTES.search(match.group())
        if quote is not None:
            end = closing_quote(text, start, quote[1])
        else:
            bare = _ARGUMENT.match(text, start)
            end = bare.end() if bare else start
        if end > start and not _VARIABLE.fullmatch(text, start, end):
            yield Span(start, end, "CREDENTIALS", "command")


def _marked(text: str, pattern: re.Pattern[str], marker: str, rule: str) -> Iterator[Span]:
    return (Span(match.start("value"), match.end("value"), marker, rule) for match in pattern.finditer(text))


def _said(text: str) -> Iterator[Span]:
    """What prose calls a password and looks like one."""
    for match in _SAID.finditer(text):
        value = match["value"] if match["quote"] else match["value"].rstrip(_TAIL)
        if _is_secret(value):
            yield Span(match.start("value"), match.start("value") + len(value), "PASSWORD", "password")


def _is_secret(value: str) -> bool:
    """Letters with digits or signs among them: no word, no path, no name of an algorithm."""
    if len(value) < 4 or "/" in value or "=" in value or ":" in value or SCHEME.match(value):
        return False
    letters = any(map(str.isalpha, value))
    others = any(map(str.isdigit, value)) or any(sign in value for sign in "!@#$%^&*+?~")
    return letters and others and value[0] not in "$%{<(*" and _ALGORITHM.fullmatch(value) is None
