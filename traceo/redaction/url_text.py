"""Where URLs that stand in a text have their queries and fragments.

A blank ends a URL, and the quote that it stands in. Other signs do not: clients send quotes, braces and
backslashes as they are, and servers log them so.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["QUERY_TRIGGER", "Place", "places"]

# Of ASCII only: servers log the bytes of a request as Latin-1, and some of those would be blanks.
_BLANKS = " \t\n\r\f\v"
QUERY_TRIGGER = rf"\?[^{_BLANKS}]|#[^{_BLANKS}]*="
_MARK = re.compile(rf"[?#](?=[^{_BLANKS}])")
_END = re.compile(rf"[{_BLANKS}]|\Z")
# How a URL begins, perhaps in brackets; and how a text does in which one stands in no quote.
_BEGINS = r"[(\[{<]*(?:[A-Za-z][A-Za-z\d+.\-]*:)?\.{0,2}/"
_DIRECT = re.compile(_BEGINS)
_BARE = re.compile(rf"(?:[^\"'`]*=)?{_BEGINS}")
_OPENING = re.compile(r"(?:^|[=:,;(\[{<>|+]|(?<![A-Za-z])[bBfFrRuU])(\\{0,8}[\"'`])")
# What stands before a question mark is a URL for certain: a scheme, a path from the root, a host with a path.
_CERTAIN = re.compile(r"://|(?:^|[=:,;|>(\[{<\\])\.{0,2}/|(?:\.[A-Za-z]{2,24}|:\d{1,5}|localhost|\])/")
# Otherwise a key must follow, and what asks in SQL or in a regular expression is no question mark of a URL.
_KEY = re.compile(r"[^\s\"'`<>{}()\\|^=?#]+=")
_NO_URL = frozenset("=,(<>{|\\^")
_JSON = re.compile(r"\s*(?:\{\s*\"|\[\s*[\[{\"])")
_MORE = r"(?![\w%=.+~@!*$\-])"
_CLOSING = {'"': re.compile(rf'(?<!\\)"{_MORE}')}
_TRAILING = ".,:;)]}>\"'`\\"


class Place(NamedTuple):
    """``text[mark]`` is the question mark or the hash, and ``text[start:mark]`` what stands before it."""

    start: int
    mark: int
    end: int


def places(text: str) -> Iterator[Place]:
    """The queries and fragments in ``text``, each once, in order; in linear time."""
    taken = word_end = 0
    outer = '"' if _JSON.match(text) else ""
    for match in _MARK.finditer(text):
        mark = match.start()
        if mark < taken:
            continue
        if mark >= word_end:
            word_end = _end_of_word(text, mark)
            taken = max(taken, max(text.rfind(blank, taken, mark) for blank in _BLANKS) + 1)
        start, taken = taken, mark + 1
        quote, is_certain = _judge(text[start:mark])
        if not is_certain and (
            text[mark] == "#"
            or mark == 0
            or text[mark - 1] in _NO_URL
            or text[mark - 1].isspace()
            or _KEY.match(text, mark + 1, word_end) is None
        ):
            continue
        taken = _close(text, mark, word_end, quote or outer)
        end = mark + 1 + len(text[mark + 1 : taken].rstrip(_TRAILING))
        if end > mark + 1:
            yield Place(start, mark, end)


def _end_of_word(text: str, at: int) -> int:
    found = _END.search(text, at)
    return found.start() if found else len(text)


def _judge(head: str) -> tuple[str, bool]:
    """The quote in which a URL stands that ``head`` ends with, and whether it is one for certain."""
    if _BARE.match(head):
        return "", True
    quote, at = "", 0
    while found := _OPENING.search(head, at):
        at = found.end()
        # The last double one, as in JSON; a single one may be a part of what stands in another.
        if not quote or found.group(1)[-1] == '"':
            quote = found.group(1)
            if _DIRECT.match(head, at):
                closed = _closing(quote).search(head, at)
                if closed is None:
                    return quote, True
                at = closed.end()
    return quote, _CERTAIN.search(head, at if quote else 0) is not None


def _closing(quote: str) -> re.Pattern[str]:
    """Where ``quote`` closes: more of a value would follow in the middle of one."""
    return _CLOSING.get(quote) or re.compile(rf"(?<!\\){re.escape(quote)}{_MORE}")


def _close(text: str, mark: int, end: int, quote: str) -> int:
    """Where the quote closes; the end of the word when it does not."""
    if not quote:
        return end
    if quote[-1] != '"':
        # No JSON: what stands in it is not escaped, and the last one closes.
        last = text.rfind(quote, mark, end)
        return end if last < 0 or text[last + len(quote) : last + len(quote) + 1].isalnum() else last
    found = _closing(quote).search(text, mark, end)
    return found.start() if found else end
