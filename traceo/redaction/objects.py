"""The objects that stand in a text, as far as it takes to tell whose a ``name`` in them is.

Reads JSON at any level of escaping, reprs, forms, XML, ``key=value`` and ``key: value`` lines in one pass,
without knowing which it is: brackets nest, and keys that are written alike belong together.
"""

import re
from collections.abc import Iterable, Iterator

from .keys import words_of
from .persons import LOG, NAME, PERSONAL, Roles, is_person, listens

__all__ = ["names_of_persons"]

_TOKEN = re.compile(
    r"\[(?P<field>[\w\-]{2,40})\](?=[ \t]?=)|(?P<open>[{(\[])|(?P<close>[})\]])|(?P<gap>\n[ \t]*\n)"
    r"|<(?P<tag>[A-Za-z][\w:.\-]{1,59})>"
    r"|(?<![\w.\-])(?P<key>[\w.\-]{2,80})(?P<quote>\\{0,3}[\"'`]?)[ \t]{0,3}(?P<sep>[:=])(?![/:=])",
    re.ASCII,
)
_CALLED = re.compile(r"[A-Za-z][\w.]*\Z", re.ASCII)
_CALLED_CHARS = 60
_BETWEEN = " \t\n:=>\\\"'`"

# Also what services are called.
_SERVICES = frozenset({"billing", "shipping"})

_Style = tuple[str, str, str]  # quote, separator, and what stands before the last dot of the key


class _Object:
    """What is known of one object: whether it is called a person, its names, the styles of personal keys."""

    __slots__ = ("called", "logs", "names", "opening", "personal")

    def __init__(self, opening: str, *, called: bool) -> None:
        self.opening = opening
        self.called = called
        self.logs = False
        self.names: list[tuple[int, _Style, bool]] = []
        self.personal: set[_Style] = set()

    def persons(self) -> Iterator[tuple[int, bool]]:
        """The names of persons, and whether the object looks like a log record."""
        for end, style, called in self.names:
            if called or (self.called and not style[2]) or style in self.personal:
                yield end, self.logs


class _Reader:
    """One pass over one text."""

    def __init__(self, text: str, roles: Roles, names: Iterable[int], *, about: bool) -> None:
        self._text = text
        self._roles = roles
        self._names = frozenset(names)
        self._about = about
        self._open = [_Object("", called=about)]
        self._closed: list[_Object] = []
        self._tag = (-1, "")
        self.found: dict[int, bool] = {}

    def read(self) -> None:
        steps = {
            "field": self._field, "open": self._opening, "close": self._closing, "gap": self._gap,
            "tag": self._tagged, "sep": self._key,
        }  # fmt: skip
        for match in _TOKEN.finditer(self._text):
            steps[match.lastgroup or ""](match)
        whole = self._open[0]
        # Cut off, or a bracket in a value: nobody can say what belongs together, so all of it does.
        for item in [*self._open[1:], *self._closed] if len(self._open) > 1 else ():
            whole.names += item.names
            whole.personal |= item.personal
            whole.called |= item.called
            whole.logs |= item.logs
        self.found.update(whole.persons())

    def _opening(self, match: re.Match[str]) -> None:
        outer = self._open[-1]
        before = self._called(match.start())
        if before:
            called = is_person(words_of(before))
        else:  # an item of a list, or the whole text
            called = outer.called and (outer.opening == "[" or len(self._open) == 1)
        self._open.append(_Object(match.group(), called=called))
        self._open[-1].logs = before.lower() in _SERVICES

    def _closing(self, _match: re.Match[str]) -> None:
        if len(self._open) > 1:
            self._closed.append(self._open.pop())
            self.found.update(self._closed[-1].persons())

    def _gap(self, _match: re.Match[str]) -> None:
        if len(self._open) == 1:
            self.found.update(self._open[0].persons())
            self._open[0] = _Object("", called=self._about)

    def _tagged(self, match: re.Match[str]) -> None:
        end, outer = self._tag
        inside = outer if self._text[end : match.start()].isspace() or end == match.start() else ""
        self._tag = (match.end(), match["tag"])
        self._note(
            match["tag"].rpartition(":")[2],
            ("<", "", ""),
            match.end("tag"),
            called=is_person(words_of(inside)),
        )

    def _field(self, match: re.Match[str]) -> None:
        of = self._called(match.start()) if self._text[match.start() - 1 : match.start()].isalnum() else ""
        self._note(match["field"], ("]", "", of), match.end("field"), called=is_person(words_of(of)))

    def _key(self, match: re.Match[str]) -> None:
        prefix, _, last = match["key"].rpartition(".")
        if not listens(last, self._text, match.end()):
            self._note(last, (match["quote"], match["sep"], prefix), match.end("key"))

    def _note(self, key: str, style: _Style, end: int, *, called: bool = False) -> None:
        role = self._roles.of(key)
        if role is PERSONAL:
            self._open[-1].personal.add(style)
        elif role is LOG:
            self._open[-1].logs = True
        elif role is NAME and end in self._names:
            self._open[-1].names.append((end, style, called))

    def _called(self, at: int) -> str:
        """The word before a bracket: the key of an object, the class of a repr."""
        match = _CALLED.search(self._text[max(0, at - _CALLED_CHARS) : at].rstrip(_BETWEEN))
        return match.group() if match else ""


def names_of_persons(text: str, roles: Roles, names: Iterable[int], *, about: bool) -> dict[int, bool]:
    """Of the keys that end at ``names``, those that are a person's.

    The value says whether they stand where a ``name`` can also be that of a logger or a service.
    ``about``: the whole text is known to be about a person.
    """
    reader = _Reader(text, roles, names, about=about)
    reader.read()
    return reader.found
