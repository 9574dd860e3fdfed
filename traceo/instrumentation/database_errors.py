"""What may be told of a database's error: its code, and of its message what holds no value.

A message names what is wrong in words of the database, names of the statement, and values: parameters too.
Names are told apart by looking them up in the statement, outside of its strings.
"""

import re
from typing import Final

__all__ = ["code_of", "message_of"]

_CODES: Final = ("sqlstate", "pgcode", "sqlite_errorname")
_MAX_CHARS: Final = 16_384
"""Of a statement, in which names are looked up."""

# What an application itself has a database say: RAISE and SIGNAL.
_SAID_BY_THE_APPLICATION: Final = frozenset({"P0001", "1644", "45000", "SQLITE_CONSTRAINT_TRIGGER"})
_VALUE_FIRST: Final = frozenset({"1062", "1064", "1292", "1366", "1411", "1525"})
"""MySQL's errors whose message begins with a value, in single quotes, or with a piece of the statement."""
_VALUES: Final = re.compile(r"22...|42601")
"""SQLSTATE of errors about values, and of those about the text of a statement."""
_INTEGRITY: Final = re.compile(r"23...")
# In PostgreSQL's own words names of tables, columns and constraints follow, no values.
_OF_INTEGRITY: Final = re.compile(
    r"duplicate key value |conflicting key value |null value in column |insert or update on table "
    r"|update or delete on table |new row for relation |no partition of relation |column \""
)

# Greedy, all of them: a value may hold what stands around it.
_QUOTE: Final = re.compile(r"\"|'(?!t )")
_NEAR: Final = re.compile(r"(?<=near )\".*\"")
_QUOTED_FIRST: Final = re.compile(r"'.*'(?= at line | for key | for column )|'.*")
_ARGUMENT: Final = re.compile(r"(\$\d{1,5}[^:]{0,80}:).*")
_PIECE: Final = re.compile(r"\"([^\"]*)(?:\"|$)|'(?!t )([^']*)(?:'|$)")
_NUMBER: Final = re.compile(
    r"(?<![\w.$\"'`(])(?<!line )(?<!row )(?<!column )(?<!position )(?<!argument )(?<!rrno )-?\d[\d.]*"
)
_PLAIN: Final = re.compile(r"[\w$.?\"' ]*")
_WORD: Final = re.compile(r"[\w$]+")
_LITERAL: Final = re.compile(
    r"'(?:[^']|'')*'?|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL
)
_DOUBLE_QUOTED: Final = re.compile(
    r"(?P<name>\b(?:from|join|into|update|table|exists)\s+\"[^\"]*\"|\.\"[^\"]*\"|\"[^\"]*\"(?=\.))|\"[^\"]*\"?",
    re.IGNORECASE,
)
# Where MySQL says that something is wrong.
_CLAUSES: Final = frozenset(
    {"field list", "where clause", "on clause", "order clause", "group statement", "having clause"}
)
# What redaction takes for a value.
_COMPARED: Final = re.compile(r"[=<>]\s*\"[^\"]*\"(?!\.)")
# SQLite's own words behind its colon.
_SQLITE_WORDS: Final = frozenset({"syntax", "error", "near", "main", "temp", "table", "column"})


def code_of(error: BaseException) -> str:
    """MySQL's number, SQLSTATE, or SQLite's name of the error; nothing where there is none."""
    match error.args:
        case (int(number), str()) if not isinstance(error, OSError):
            return str(number)
        case _:
            pass
    for name in _CODES:
        code = getattr(error, name, None)
        if isinstance(code, str):
            return code
    return ""


def message_of(error: BaseException, code: str, statement: str) -> str | None:
    """The first line, as below it databases repeat statement and row, without values; None: tell the type."""
    try:
        text = str(error.args[1] if code.isdigit() and len(code) == 4 else error)
    except Exception:  # an app's own class; its type has to do
        return None
    line = text.partition("\n")[0]
    if not code:
        return line
    if code in _SAID_BY_THE_APPLICATION:
        return None
    if code in _VALUE_FIRST:
        return _QUOTED_FIRST.sub("'?'", line, count=1)
    if len(code) == 5 and _VALUES.fullmatch(code):
        return _without_quotation(_ARGUMENT.sub(r"\1 ?", line))
    if len(code) == 5 and _INTEGRITY.fullmatch(code):
        return line if _OF_INTEGRITY.match(line) else None
    names = _names(statement, has_names_in_quotes=len(code) == 5)
    if not code.startswith("SQLITE_"):
        return _NUMBER.sub("?", _named(line, names))
    if code.startswith("SQLITE_CONSTRAINT"):
        return line
    head, colon, tail = _named(_NEAR.sub('"?"', line), names | {"?"}).partition(": ")
    if not _PLAIN.fullmatch(tail) or not _words(tail) <= names | _SQLITE_WORDS:
        tail = "?"
    return _NUMBER.sub("?", head) + colon + tail


def _named(line: str, names: frozenset[str]) -> str:
    """``line`` with those of its quotations that are names of the statement, up to the first that is none."""
    for piece in _PIECE.finditer(line):
        quoted = piece[1] if piece[1] is not None else piece[2]
        if quoted.rpartition(".")[2].lower() not in names and quoted not in _CLAUSES:
            return line[: piece.start()] + _without_quotation(line[piece.start() :])
    return line


def _without_quotation(text: str) -> str:
    """``text`` without what its first and last quote enclose; without the rest where one is not closed."""
    first = _QUOTE.search(text)
    if first is None:
        return text
    quote = first.group()
    places = [found.end() for found in _QUOTE.finditer(text) if found.group() == quote]
    rest = text[places[-1] :] if len(places) % 2 == 0 else ""
    return f"{text[: first.start()]}{quote}?{quote}{rest}"


def _names(statement: str, *, has_names_in_quotes: bool) -> frozenset[str]:
    """The words of a statement outside of its strings and comments, in lower case."""
    code = _LITERAL.sub(" ", statement[:_MAX_CHARS])
    if has_names_in_quotes:
        code = _COMPARED.sub(" ", code)
    else:
        code = _DOUBLE_QUOTED.sub(lambda found: found["name"] or " ", code)
    return _words(code)


def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(text))
