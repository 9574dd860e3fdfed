"""What a search may be asked, and how its parameters are read."""

import difflib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from traceo.collector.problems import Problem

__all__ = [
    "STATUSES",
    "Cursor",
    "TraceQuery",
    "attribute_from",
    "check_names",
    "single",
    "time_from",
    "trace_id_from",
    "trace_query",
    "wrong",
]

STATUSES = ("unset", "ok", "error")
_MAX_LIMIT = 1000
_INT64_MAX = 2**63 - 1
_CURSOR = re.compile(r"(\d{1,19})-([0-9a-f]{32})")
_HEX = re.compile(r"[0-9a-fA-F]{1,32}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Cursor(msgspec.Struct, frozen=True):
    """Where a page ended: the place of its last trace in the order."""

    at_ns: int
    trace_id: str

    def __str__(self) -> str:
        return f"{self.at_ns}-{self.trace_id}"


class TraceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A search for traces that have one span for which all of this holds (as in Jaeger).

    ``start_ns`` and ``end_ns`` bound the span's start, both inclusive; durations are the span's own. An
    attribute matches the span's or its resource's, compared as text.
    """

    service: str | None = None
    operation: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    min_duration_ns: int | None = None
    max_duration_ns: int | None = None
    status: int | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    limit: int = 20
    cursor: Cursor | None = None


def trace_query(given: Mapping[str, Sequence[str]]) -> TraceQuery:
    """Read a search from the query string's values by name.

    Raises:
        Problem: 400; says which parameter, what it is and what to give.
    """
    check_names(given, (*_NAMES, "attribute"))
    one = {name: single(name, given[name]) for name in _NAMES if name in given}
    query = TraceQuery(
        service=one.get("service"),
        operation=one.get("operation"),
        start_ns=time_from("start", one.get("start")),
        end_ns=time_from("end", one.get("end")),
        min_duration_ns=_milliseconds("min_duration_ms", one.get("min_duration_ms")),
        max_duration_ns=_milliseconds("max_duration_ms", one.get("max_duration_ms")),
        status=_status(one.get("status")),
        attributes=tuple(attribute_from(text) for text in given.get("attribute", ())),
        limit=_limit(one.get("limit")),
        cursor=_cursor(one.get("cursor")),
    )
    if query.start_ns is not None and query.end_ns is not None and query.start_ns > query.end_ns:
        raise wrong("start", "it is after end", "give a start that is not after end")
    return query


def trace_id_from(text: str) -> str:
    """Read a trace id; shorter ones are filled with zeros on the left (64-bit ids of older tracers).

    Raises:
        Problem: 400.
    """
    if not _HEX.fullmatch(text):
        raise wrong(
            "trace_id", "it is not 1 to 32 hexadecimal digits", "give the id as the list of traces shows it"
        )
    return text.lower().rjust(32, "0")


def check_names(given: Mapping[str, object], known: Sequence[str]) -> None:
    """Refuse parameters nobody reads: a misspelt filter must not look like a result.

    Raises:
        Problem: 400, with the nearest name.
    """
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise wrong(name[:64], "it is not known", hint)


_NAMES = (
    "service",
    "operation",
    "start",
    "end",
    "min_duration_ms",
    "max_duration_ms",
    "status",
    "limit",
    "cursor",
)


def wrong(name: str, what: str, fix: str) -> Problem:
    """A 400 about one parameter; ``fix`` says what to give."""
    return Problem(400, "parameter", "A parameter is wrong", f"query parameter {name}: {what}; {fix}")


def single(name: str, values: Sequence[str]) -> str:
    """The one value of a parameter that is given once.

    Raises:
        Problem: 400.
    """
    if len(values) != 1:
        raise wrong(name, f"it is given {len(values)} times", "give it once")
    return values[0]


def time_from(name: str, text: str | None) -> int | None:
    """Unix nanoseconds of a time as nanoseconds or RFC 3339; None when there is none.

    Raises:
        Problem: 400.
    """
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(int(text[:20]), _INT64_MAX)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        fix = "give unix nanoseconds or RFC 3339 with an offset, such as 2026-01-31T12:00:00Z"
        raise wrong(name, "it is not a time", fix)
    since = moment - _EPOCH
    return max(0, ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000)


def _milliseconds(name: str, text: str | None) -> int | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e12:
        raise wrong(name, "it is not a duration", "give milliseconds as a number from 0, such as 250 or 0.5")
    return int(number * 1e6)


def _status(text: str | None) -> int | None:
    if not text:
        return None
    if text not in STATUSES:
        raise wrong("status", "it is not a status", f"give one of {', '.join(STATUSES)}")
    return STATUSES.index(text)


def attribute_from(text: str) -> tuple[str, str]:
    """Key and value of ``key:value``.

    Raises:
        Problem: 400.
    """
    key, colon, value = text.partition(":")
    if not colon or not key:
        raise wrong("attribute", "it has no colon", "give key:value, such as http.response.status_code:500")
    return key, value


def _limit(text: str | None) -> int:
    if not text:
        return 20
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= _MAX_LIMIT:
        raise wrong("limit", "it is not a number of traces", f"give 1 to {_MAX_LIMIT}")
    return int(text)


def _cursor(text: str | None) -> Cursor | None:
    if not text:
        return None
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise wrong("cursor", "it is not one of ours", "give the value of next from the page before")
    return Cursor(min(int(match[1]), _INT64_MAX), match[2])
