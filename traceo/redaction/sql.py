"""SQL: literals become ``?``, comments go, in statements and in what databases say about rows.

Follows the lexical rules that the big databases share: quotes doubled or escaped, E'', N'', X'' and U&''
strings, PostgreSQL's dollar quoting, MySQL's double-quoted strings are left alone where they can be
identifiers, numbers in all notations, ``IN (…)`` and ``VALUES`` lists shortened to one placeholder.
"""

import re

from .spans import Span

__all__ = ["DETAIL_TRIGGER", "DETAIL_WORDS", "details", "literals", "normalise"]

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
    r"""The statement without literals and comments; the same object when it has none.

    Whether ``\'`` ends a string depends on the database; after one, nothing of the statement is kept.

    >>> normalise("SELECT * FROM users WHERE email = 'ada@example.com' AND id IN (1, 2, 3) -- hi")
    'SELECT * FROM users WHERE email = ? AND id IN (?)'
    """
    parts: list[str] = []
    last = ""
    changed = False
    for match in _TOKEN.finditer(statement):
        kind, text = match.lastgroup, match.group()
        if kind == "comment":
            changed = True
            text = " " if parts and not parts[-1].endswith((" ", "\n")) else ""
        elif _is_literal(kind, text, last):
            changed = True
            if "\\'" in text and text[0] not in "eE":
                parts.append("? …")
                break
            text = "?"
        if kind not in {"space", "comment"}:
            last = text.lower()
        parts.append(text)
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
_ECHO = r"\[(?:generated in|cached since|raw sql|no key|caching disabled|insertmanyvalues)[^\]\n]{0,80}\] "
# Capitals tell a statement from prose.
_VERB = r"\b(?:INSERT\s+INTO|DELETE\s+FROM|UPDATE\s+\S{1,128}\s+SET|SELECT)\s"
DETAIL_TRIGGER = (
    r"\[parameters: |\)=\(|Failing row contains|Duplicate entry '|duplicate key value is|dup key: |\[SQL: "
    rf"|; args=|{_ECHO}|(?:INSERT\s+INTO|DELETE\s+FROM|UPDATE\s+\S+\s+SET|SELECT)\s[^']*'"
)
DETAIL_WORDS = frozenset(
    {"parameters", "failing", "duplicate", "dup", "sql", "args", "generated", "cached", "key", "caching"}
    | {"insertmanyvalues", "insert", "delete", "update", "select"}
)
_OPENING = re.compile(
    r"(?P<parameters>\[parameters: )|(?P<key>Key \([^\n]{1,256}?\)=\()|(?P<row>Failing row contains \()"
    r"|(?P<entry>Duplicate entry ')|(?P<value>duplicate key value is \()|(?P<dup>dup key: \{)"
    rf"|(?P<sql>\[SQL: )|(?P<line>(?:; args=|{_ECHO})(?=[(\[{{]))|(?P<statement>{_VERB})"
)
# What ends a value; where nothing does, it reaches to the end of the text.
_CLOSING = {
    "parameters": re.compile(r"\](?=\s*\(Background|\s*$)|\](?=\n)|\n"),
    "key": re.compile(r"\)(?= (?:already|is|conflicts|violates|still|does)|\.|$|\n)|\n"),
    "row": re.compile(r"\)\.?(?=\n|$)|\n"),
    "entry": re.compile(r"' for key|\n"),
    "value": re.compile(r"\)\.?(?=\n|$)|\n"),
    "dup": re.compile(r"\}|\n"),
    "sql": re.compile(r"\](?=\n|$)"),
    "line": re.compile(r"; alias=|\n"),
    "statement": re.compile(r"\n\[|; args=|\[parameters: "),
}


def details(text: str) -> list[Span]:
    """Parameters, row values and literals in statements that stand in log lines and error messages.

    Knows the messages of PostgreSQL, MySQL, SQL Server and MongoDB, and the echo of SQLAlchemy and Django.
    """
    spans: list[Span] = []
    opening = _OPENING.search(text)
    while opening is not None:
        kind, start = opening.lastgroup or "", opening.end()
        closing = _CLOSING[kind].search(text, start)
        end = closing.start() if closing else len(text)
        value = text[start:end]
        if kind == "sql":
            spans += [_shifted(literal, start) for literal in literals(value)]
        elif kind == "statement":
            spans += [_shifted(literal, start) for literal in (_quoted(value) if "'" in value else ())]
        elif value not in {"", "()", "[]", "{}", "[REDACTED]"}:
            spans.append(Span(start, end, "REDACTED", "sql_values"))
        opening = _OPENING.search(text, end)
    return spans


def _quoted(statement: str) -> list[Span]:
    """Its string literals only: in a text around it, numbers and apostrophes have other meanings."""
    return [
        literal
        for literal in literals(statement)
        if statement[literal.start] == "'" and not statement[literal.start - 1 : literal.start].isalnum()
    ]


def _shifted(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by, span.entity, span.rule)
