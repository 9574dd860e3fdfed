"""SQL: literals become ``?``, comments go, in statements and in what databases say about rows.

Follows the lexical rules that the big databases share: quotes doubled or escaped, E'', N'', X'' and U&'' strings,
PostgreSQL's dollar quoting, MySQL's double-quoted strings are left alone where they can be identifiers, numbers in
all notations, ``IN (…)`` and ``VALUES`` lists shortened to one placeholder.
"""

import re

from .spans import Span

__all__ = ["DETAIL_GUARDS", "DETAIL_TRIGGER", "details", "literals", "normalise"]

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<comment>--[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z))
    |(?P<string>(?:[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z))|(?:[nNxXbB]|[uU]&|_[a-z0-9]+\s?)?'(?:[^'\\]|''|\\.)*(?:'|\\?\Z)
       |\$(?P<tag>(?:[A-Za-z_]\w*)?)\$[\s\S]*?(?:\$(?P=tag)\$|\Z))
    |(?P<quoted>"(?:[^"]|"")*(?:"|\Z)|`(?:[^`]|``)*(?:`|\Z)|\[[A-Za-z_][\w ]*\])
    |(?P<placeholder>\?|%s|%\(\w+\)s|\$\d{1,5}(?!\w)|(?<!:):[A-Za-z_]\w*(?!\w)|:\d+|@\w+)
    |(?P<number>(?<![\w.])(?:0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?!\w))
    |(?P<word>[A-Za-z_\u0080-\uffff][\w$#\u0080-\uffff]*)
    |(?P<glued>[0-9][\w$]*)
    |(?P<other>[\s\S])""",
    re.VERBOSE,
)
_LIST = re.compile(r"\((?:\s*\?\s*,)+\s*\?\s*\)")
_ROWS = re.compile(r"(\(\?\))(?:\s*,\s*\(\?\))+")
# After these a double-quoted text is a value in MySQL and SQLite, as it is when it does not look like a name.
_IDENTIFIER = re.compile(r"\"[A-Za-z_][\w$ .\-]{0,63}\"")
_VALUE_BEFORE = frozenset({"=", "<", ">", "like", "values", "in", "ilike", "regexp", "rlike"})


def normalise(statement: str) -> str:
    """The statement without literals and comments; the same object when it has none.

    Whether ``\\'`` ends a string depends on the database; after one, nothing of the statement is kept.

    >>> normalise("SELECT * FROM users WHERE email = 'ada@example.com' AND id IN (1, 2, 3) -- hi")
    'SELECT * FROM users WHERE email = ? AND id IN (?)'
    """
    parts: list[str] = []
    last = ""
    changed = False
    for match in _TOKEN.finditer(statement):
        kind, token = match.lastgroup, match.group()
        if kind == "comment":
            changed = True
            token = " " if parts and not parts[-1].endswith((" ", "\n")) else ""
        elif _is_literal(kind, token, last):
            changed = True
            if "\\'" in token and token[0] not in "eE":
                parts.append("? …")
                break
            token = "?"
        if kind not in {"space", "comment"}:
            last = token.lower()
        parts.append(token)
    if not changed:
        return statement
    return _ROWS.sub(r"\1", _LIST.sub("(?)", "".join(parts).strip()))


def literals(statement: str) -> list[Span]:
    """Where the literals stand that ``normalise`` removes."""
    spans: list[Span] = []
    last = ""
    for match in _TOKEN.finditer(statement):
        kind, token = match.lastgroup, match.group()
        if _is_literal(kind, token, last):
            spans.append(Span(match.start(), match.end(), "SQL_LITERAL", "sql_literal"))
        if kind not in {"space", "comment"}:
            last = token.lower()
    return spans


def _is_literal(kind: str | None, token: str, last: str) -> bool:
    return kind in {"string", "tag", "number"} or (kind == "quoted" and _is_value(token, last))


def _is_value(token: str, last: str) -> bool:
    if token[0] != '"':
        return False
    return last in _VALUE_BEFORE or _IDENTIFIER.fullmatch(token) is None


# What databases and their drivers write into error messages.
DETAIL_TRIGGER = r"\[parameters: |\)=\(|Failing row contains|Duplicate entry '|duplicate key value is|dup key: |\[SQL: |Key value: "
DETAIL_GUARDS = ("[parameters: ", ")=(", "failing row", "duplicate entry", "duplicate key", "dup key", "[sql: ")
_DETAILS = re.compile(
    r"\[parameters: (?P<parameters>[^\n]*?)\](?=\s*(?:\n|$|\(Background))"
    r"|Key \([^)\n]{1,256}\)=\((?P<key>[^\n]*?)\)(?= (?:already|is|conflicts|violates)|\.|\n|$)"
    r"|Failing row contains \((?P<row>[^\n]*)\)"
    r"|Duplicate entry '(?P<entry>[^\n]*?)' for key"
    r"|The duplicate key value is \((?P<value>[^\n]*)\)"
    r"|dup key: \{(?P<dup>[^}\n]*)\}"
)
_STATEMENT = re.compile(r"\[SQL: (?P<sql>[\s\S]*?)\](?=\n|$)")


def details(text: str) -> list[Span]:
    """Parameters and row values in the messages of PostgreSQL, MySQL, SQL Server, MongoDB and SQLAlchemy."""
    spans: list[Span] = []
    for match in _DETAILS.finditer(text):
        group = match.lastgroup or ""
        value = match.group(group)
        if value and value not in {"()", "[]", "{}", "[REDACTED]"}:
            spans.append(Span(match.start(group), match.end(group), "REDACTED", "sql_values"))
    for match in _STATEMENT.finditer(text):
        spans.extend(
            Span(match.start("sql") + token.start(), match.start("sql") + token.end(), "REDACTED", "sql_literal")
            for token in _TOKEN.finditer(match["sql"])
            if token.lastgroup in {"string", "tag"} and len(token.group()) > 2 and token.group()[1:-1] != "[REDACTED]"
        )
    return spans
