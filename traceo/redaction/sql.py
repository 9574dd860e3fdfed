"""SQL: literals become ``?``, comments go, in statements and in what databases say about rows.

Follows the lexical rules that the big databases share: quotes doubled or escaped, E'', N'', X'' and U&''
strings, PostgreSQL's dollar quoting, MySQL's double-quoted strings are left alone where they can be
identifiers, numbers in all notations, ``IN (…)`` and ``VALUES`` lists shortened to one placeholder.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from .spans import Span

__all__ = ["DETAIL_TRIGGER", "DETAIL_WORDS", "STRINGS_IN_DOUBLE_QUOTES", "details", "literals", "normalise"]

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<comment>--[^\n]*|\#(?![>\-#=\w])[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z))
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
_TOUCHING = re.compile(r"(?P<word>\w+)[^'\n]*'?")
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_BLANK = frozenset({"space", "comment"})
_LIST = re.compile(r"\((?:\s*\?\s*,)+\s*\?\s*\)")
_ROWS = re.compile(r"(\(\?\))(?:\s*,\s*\(\?\))+")
# After these a double-quoted text is a value in MySQL and SQLite, as it is when it does not look like a name.
_IDENTIFIER = re.compile(r"\"[A-Za-z_][\w$ .\-]{0,63}\"")
_VALUE_BEFORE = frozenset(
    {"=", "<", ">", "like", "ilike", "regexp", "rlike", "glob", "match", "between", "identified by"}
)
# In the parentheses behind these, too.
_LISTS = frozenset({"values", "value", "in"})
STRINGS_IN_DOUBLE_QUOTES = frozenset({"mysql", "mariadb"})
# What may follow a string.
_AFTER_STRING = frozenset(
    """
    after and as asc at auto_increment begin between by check collate comment constraint create cross csv
    day default delete delimiter desc div do drop else enclosed encoding end engine escape except explain
    fetch fields first following for format from full generated glob go group having header hour identified
    if ilike in inner insert intersect into is isnull join key language left like limit lines match minute
    minus mod month natural not notnull null nulls offset on or order over preceding primary quote references
    regexp require returning right rlike second select separator set similar starting strict table
    terminated then to unbounded union unique update using values volatile when where window with within
    without xor year , ) ] } ; | = < > + - * / % & ^ ~ ! @ #
    """.split()  # noqa: SIM905  a wall of quotes otherwise
)


def normalise(statement: str, system: str = "") -> str:
    r"""The statement without literals and comments; the same object when it has none.

    ``system`` is the ``db.system.name``, where it is known: MySQL has strings in double quotes, others have
    names in them. Whether ``\'`` ends a string depends on the database; from there on nothing is kept. Nor is
    anything from the first string on when a quote inside of a value has ended it too early.

    >>> normalise("SELECT * FROM users WHERE email = 'ada@example.com' AND id IN (1, 2, 3) -- hi")
    'SELECT * FROM users WHERE email = ? AND id IN (?)'
    >>> normalise("SELECT * FROM users WHERE name = 'Pat O'Hara' AND age = 7")
    'SELECT * FROM users WHERE name = ? …'
    """
    tokens, is_cut = _tokens(statement, system)
    parts: list[str] = []
    changed = is_cut
    for match, is_literal in tokens:
        if is_literal:
            changed = True
            parts.append("?")
        elif match.lastgroup == "comment":
            changed = True
            parts.append(" " if parts and not parts[-1].endswith((" ", "\n")) else "")
        else:
            parts.append(match.group())
    if is_cut:
        parts.append("? …")
    if not changed:
        return statement
    return _ROWS.sub(r"\1", _LIST.sub("(?)", "".join(parts).strip()))


def literals(statement: str, system: str = "") -> list[Span]:
    """Where the literals and comments stand that ``normalise`` removes."""
    tokens, is_cut = _tokens(statement, system)
    spans = _spans(tokens)
    if is_cut:
        start = tokens[-1][0].end() if tokens else 0
        spans.append(Span(start, len(statement), "SQL_LITERAL", "sql_literal"))
    return spans


_Token: TypeAlias = tuple[re.Match[str], bool]  # and whether it is a literal


def _spans(tokens: Iterable[_Token]) -> list[Span]:
    return [
        Span(match.start(), match.end(), "SQL_LITERAL", "sql_literal")
        for match, is_literal in tokens
        if is_literal or match.lastgroup == "comment"
    ]


def _tokens(statement: str, system: str) -> tuple[list[_Token], bool]:
    """What the statement is made of, and whether that is not all: its quotes are not what they seem.

    What cannot stand behind a string in SQL, or a string that never ends, tells of a quote in a value.
    """
    tokens: list[_Token] = []
    first = -1  # the first string's place among them
    is_after_string = False
    for match, is_literal in _judged(statement, system):
        kind = match.lastgroup
        if kind == "string" or (kind == "quoted" and statement[match.start()] == '"'):
            text = match.group()
            if "\\'" in text and text[0] not in "eE":
                return tokens, True
            if first < 0:
                first = len(tokens)
            elif (is_after_string and kind == "quoted") or (match.end() == len(statement) and _is_open(text)):
                return tokens[:first], True
            is_after_string = is_literal
        elif kind == "comment":
            if "/*" in match.group()[2:]:  # PostgreSQL nests them
                return tokens, True
        elif kind != "space" and is_after_string:
            is_cast = statement.startswith("::", match.start())
            if match.group().lower() not in _AFTER_STRING and kind != "number" and not is_cast:
                return tokens[:first], True
            is_after_string = False
        tokens.append((match, is_literal))
    return tokens, False


def _judged(statement: str, system: str = "") -> Iterator[_Token]:
    """Its tokens, each with whether it is a literal."""
    has_names = system not in STRINGS_IN_DOUBLE_QUOTES
    last = ""
    lists: list[bool] = []  # for each open parenthesis, whether values stand in it
    was_list = False
    for match in _TOKEN.finditer(statement):
        kind = match.lastgroup
        if kind in _BLANK:
            yield match, False
            continue
        text = match.group()
        if kind == "other":
            if text == "(":
                lists.append(last in _LISTS or (was_list and last == ",") or (bool(lists) and lists[-1]))
            elif text == ")" and lists:
                was_list = lists.pop()
        elif kind == "word" and lists and text.lower() == "select":
            lists[-1] = False
        is_literal = kind in {"string", "tag", "number"}
        if kind == "quoted" and text[0] == '"':
            is_name = statement.startswith(".", match.end()) or last == "."
            is_in_list = bool(lists) and lists[-1]
            is_literal = not has_names or (
                _IDENTIFIER.fullmatch(text) is None
                or (not is_name and (is_in_list or last in _VALUE_BEFORE or last.startswith("_")))
            )
        yield match, is_literal
        last = f"identified {text.lower()}" if last == "identified" else text.lower()


def _is_open(string: str) -> bool:
    """Whether the statement's end is all that ends it."""
    if string[0] == "$":
        tag = string[: string.index("$", 1) + 1]
        return len(string) < 2 * len(tag) or not string.endswith(tag)
    quote = '"' if string[0] == '"' else "'"
    return _ESCAPED.sub("", string).count(quote) % 2 == 1


# What databases and their drivers write into error messages.
_ECHO = r"\[(?:generated in|cached since|raw sql|no key|caching disabled|insertmanyvalues)[^\]\n]{0,80}\] "
# Capitals tell a statement from prose.
_VERB = r"\b(?:INSERT\s+INTO|DELETE\s+FROM|UPDATE\s+\S{1,128}\s+SET|SELECT)\s"
DETAIL_TRIGGER = (
    r"\[parameters: |\)=\(|Failing row contains|Duplicate entry '|duplicate key value is|dup key: |\[SQL: "
    r"|[Nn]ear ['\"][^\n]*(?:syntax|at line \d)|syntax[^\n]* near ['\"]|LINE \d+: \.\.\."
    r"|invalid input (?:syntax for|value for|for query argument)|out of range: \""
    r"|[Ii]ncorrect [a-zA-Z]+ value: '"
    rf"|; args=|{_ECHO}|(?:INSERT\s+INTO|DELETE\s+FROM|UPDATE\s+\S+\s+SET|SELECT)\s[^']*'"
)
DETAIL_WORDS = frozenset(
    {"parameters", "failing", "duplicate", "dup", "sql", "args", "generated", "cached", "key", "caching"}
    | {"insertmanyvalues", "insert", "delete", "update", "select", "syntax", "line", "invalid", "range"}
    | {"incorrect"}
)
_OPENING = re.compile(
    r"(?P<parameters>\[parameters: )|(?P<key>Key \([^\n]{1,256}?\)=\()|(?P<row>Failing row contains \()"
    r"|(?P<entry>Duplicate entry ')|(?P<value>duplicate key value is \()|(?P<dup>dup key: \{)"
    r"|(?:\bsyntax error at or|^|[\s)])near \"(?P<near>)(?=[^\n]*\"(?:: syntax error|[^\w\n]{0,2}(?:\n|$)))"
    r"|\bsyntax\b[^\n']* near '(?P<piece>)|\bLINE \d+: (?P<echo>)(?=\.\.\.)"
    r"|\b(?:invalid input (?:syntax for type|value for enum) [\w. ]{1,64}|\bout of range): \"(?P<input>)"
    r"|\b[Ii]ncorrect [a-zA-Z]+ value: '(?P<incorrect>)"
    r"|\binvalid input for query argument \$\d{1,5}[\w #.()]{0,64}: (?P<argument>)"
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
    "near": re.compile(r"\"(?=: syntax error|[^\w\n]{0,2}(?:\n|$))|\n"),
    "piece": re.compile(r"'(?= at line \d)|\n"),
    "echo": re.compile(r"\n"),
    "input": re.compile(r"\"(?=[^\w\n]{0,2}(?:\n|$))|\n"),
    "argument": re.compile(r"\n"),
    "incorrect": re.compile(r"'(?= for (?:column|function))|'(?=[^\w\n]{0,2}(?:\n|$))|\n"),
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
    spans: list[Span] = []
    for literal in _spans(_judged(statement)):
        start, end = literal.start, literal.end
        goes_on = bool(spans) and start < spans[-1].end
        if statement[start] != "'" or (statement[start - 1 : start].isalnum() and not goes_on):
            continue
        touching = _TOUCHING.match(statement, end)
        if touching is not None and touching["word"].lower() not in _AFTER_STRING:
            end = touching.end()  # a quote inside of the value: it goes on to the next one
        if goes_on:
            start = spans.pop().start
        spans.append(Span(start, end, "SQL_LITERAL", "sql_literal"))
    return spans


def _shifted(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by, span.entity, span.rule)
