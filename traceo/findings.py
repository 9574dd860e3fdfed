"""What the test fixture tells about redaction: places and rules, never values."""

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from traceo.records import Attributes
from traceo.redaction import Engine
from traceo.semconv import TRACEO_REDACTED

__all__ = ["LooksIntoSql", "Redaction", "found_among", "found_in", "is_allowed"]

_LITERAL = re.compile(r"(?:(\w+)\s*=\s*)?'((?:[^']|'')*)'")  # of SQL, with the column it is compared to
# Rules that are no sign of personal data: a long or deep value, and the literals of SQL, which are looked at
# on their own.
_NEUTRAL = frozenset({"too_long", "depth", "sql_literal"})


class Redaction(msgspec.Struct, frozen=True, order=True):
    """One place where redaction found something to replace."""

    record: str
    """``span 'pay'`` or ``log line``, redacted like all else."""
    place: str
    """Where in the record: ``attributes.customer.note``, ``events.0.attributes.exception.message``."""
    rule: str
    """The type, such as ``EMAIL``, or ``key:…`` when the key alone decided."""

    def __str__(self) -> str:
        """For people."""
        return f"{self.record}: {self.place}: {self.rule}"


class LooksIntoSql:
    """An engine that also tells what was in the SQL literals it normalised away."""

    def __init__(self, engine: Engine, probe: Engine, tell: Callable[[Redaction], object]) -> None:
        self._engine = engine
        self._probe = probe
        self._tell = tell
        self.field = engine.field

    def attributes(self, attributes: Attributes | None, path: str, found: list[str]) -> Attributes | None:
        """See `Engine.attributes`."""
        before = len(found)
        clean = self._engine.attributes(attributes, path, found)
        for entry in found[before:]:
            place, _, rule = entry.rpartition("=")
            statement = (attributes or {}).get(place.removeprefix(path))
            if rule == "sql_literal" and isinstance(statement, str):
                hits: list[str] = []
                for column, literal in _LITERAL.findall(statement):
                    self._probe.text(literal, column or "value", hits)
                for hit in set(hits) - _NEUTRAL:
                    self._tell(Redaction("SQL statement", place, hit))
        return clean


def is_allowed(redaction: Redaction, allow: Sequence[str]) -> bool:
    """Whether one of the globs is for its type, its place, or both as ``place=RULE``."""
    forms = (redaction.rule, redaction.place, f"{redaction.place}={redaction.rule}")
    return any(fnmatchcase(form, glob) for glob in allow for form in forms)


def found_in(record: str, attributes: Attributes | None) -> set[Redaction]:
    """What the pipeline listed in a record, without what is no sign of personal data."""
    listed: Any = (attributes or {}).get(TRACEO_REDACTED, ())
    return found_among(record, listed)


def found_among(record: str, listed: Iterable[object]) -> set[Redaction]:
    """The same of a list ``"place=RULE"``."""
    entries = [str(entry).rpartition("=") for entry in listed]
    return {Redaction(record, place, rule) for place, _, rule in entries if rule not in _NEUTRAL}
