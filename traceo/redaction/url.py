"""URLs: every query value is redacted unless its key is known to be harmless; user info always.

What stands in a query without a key counts as a value too. Detectors look at the rest (host, path segments,
fragment) as they look at any text, percent-decoded.
"""

import re
from collections.abc import Iterator

from .keys import KeyTable, words_of
from .spans import MARKER, Span
from .url_keys import FLAGS, SAFE
from .url_text import QUERY_TRIGGER, places

__all__ = ["QUERY_TRIGGER", "URL_ROOMS", "Queries", "room_of"]

# The kinds of keys whose values are a query, a URL, or perhaps only the pairs of one.
URL_ROOMS = frozenset({"query", "url", "pairs"})
# Connection strings: their options configure a driver, and only secrets among them matter.
_DRIVER = re.compile(
    r"(?:jdbc:[a-z\d:+]+|postgres(?:ql)?|mysql|mariadb|mongodb|redis|rediss|valkey|amqps?|kafka|sqlite|mssql|sqlserver|"
    r"oracle|clickhouse|cockroachdb|snowflake|bigquery|nats|mqtts?|memcached?|cassandra|neo4j|bolt)"
    r"(?:\+[a-z\d]+)*://[^\s\"'<>?]*\Z",
    re.IGNORECASE,
)
_URL_CHARS = 300
_TOKEN = re.compile(r"[^&;#]+")
_KEYS_KEPT = 4096
_KEY_CHARS = 128
# Counts and switches say nothing about a person.
_HARMLESS_VALUE = re.compile(
    r"-?\d{1,5}(?:\.\d{1,4})?|true|false|yes|no|on|off|null|none|asc|desc|v\d{1,3}|[a-z]{1,2}|", re.IGNORECASE
)
# A key without a value looks like this; a token that ends in the padding of base64 does not.
_NAME = re.compile(r"[A-Za-z][a-z]*(?:[A-Z_.\[\]-][a-z]+)*\d{0,2}\]?", re.ASCII)
# Another query inside of a value, and the padding of base64, which is none.
_NESTED = re.compile(r"[=?]|%3[DF]", re.IGNORECASE)
_PADDING = re.compile(r"(?:=|%3D){1,2}\Z", re.IGNORECASE)
_MARK = re.compile(r"[?#]")
_BLANK = re.compile(r"\s")
_STARTS = re.compile(r"/(?!\*)|[a-z][a-z\d+.\-]*://", re.IGNORECASE)
_ALONE = re.compile(r"[\w.\-\[\]%+~$:@]+=\S+")


def room_of(room: str, words: str) -> str:
    """The kind of a key: of those with URLs, some have a query or a fragment without its mark."""
    return "pairs" if room == "url" and words.rsplit("_", 1)[-1] in {"query", "fragment"} else room


class Queries:
    """Finds the values of URL queries by a ``KeyTable``; remembers what their keys mean."""

    def __init__(self, keys: KeyTable) -> None:
        self._keys = keys
        self._known: dict[str, tuple[str, str]] = {}

    def in_text(self, text: str) -> list[Span]:
        """Query values of the URLs and request targets that stand in ``text``."""
        spans: list[Span] = []
        for place in places(text):
            spans += self._behind(text, place.start, place.mark, place.end)
        return spans

    def under(self, room: str, text: str) -> list[Span]:
        """Query values of a text that is nothing but a query or a URL, by the kind of its key."""
        if room == "query":
            return self.raw(text)
        mark = _MARK.search(text)
        if mark is None:
            is_query = room == "pairs" and _ALONE.fullmatch(text) is not None
            return list(self._values(text, 0, len(text), is_keyed=True)) if is_query else []
        if _BLANK.search(text, 0, mark.start()) and not _STARTS.match(text):
            return []  # prose
        if room == "pairs" and _ALONE.fullmatch(text, 0, mark.start()):
            return self.raw(text)
        return self._behind(text, 0, mark.start(), len(text))

    def raw(self, query: str) -> list[Span]:
        """Values of a query that stands alone, as in ``url.query``."""
        return list(self._values(query, 0, len(query)))

    def _behind(self, text: str, start: int, mark: int, end: int) -> list[Span]:
        """The values behind ``text[mark]``, a question mark or the hash of a fragment."""
        spans: list[Span] = []
        if text[mark] == "#":
            # An anchor is no value; the pairs of a fragment are, and what the pages of one address ask.
            query = text.find("?", mark, end)
            fragment_end = end if query < 0 else query
            spans += self._values(text, mark + 1, fragment_end, is_keyed=True)
            mark = fragment_end
        spans += self._values(text, mark + 1, end)
        if spans and _DRIVER.search(text[max(start, mark - _URL_CHARS) : mark]):
            return [span for span in spans if span.rule != "url_query"]
        return spans

    def _values(self, text: str, at: int, end: int, *, is_keyed: bool = False) -> Iterator[Span]:
        """The values in ``text[at:end]``; with ``is_keyed`` not those without a key."""
        for token in _TOKEN.finditer(text, at, end):
            pair = token.group().lstrip("?")
            start = token.end() - len(pair)
            key, equals, value = pair.partition("=")
            if not equals or not value.strip("="):
                if not is_keyed and not _is_harmless(key, equals + value):
                    yield Span(start, token.end(), "REDACTED", "url_query")
                continue
            marker, rule = self._means(key)
            if not marker and _NESTED.search(_PADDING.sub("", value)):
                marker, rule = "REDACTED", "url_query"
            if (
                not marker
                or MARKER.fullmatch(value)
                or (marker == "REDACTED" and _HARMLESS_VALUE.fullmatch(value))
            ):
                continue
            yield Span(start + len(key) + 1, token.end(), marker, rule)

    def _means(self, key: str) -> tuple[str, str]:
        known = self._known.get(key)
        if known is None:
            if len(key) > _KEY_CHARS:
                marker, rule = self._keys.sensitive(key)
                return (marker, rule) if marker else ("REDACTED", "url_query")
            if len(self._known) >= _KEYS_KEPT:
                self._known.clear()
            known = self._known[key] = self._judge(key)
        return known

    def _judge(self, key: str) -> tuple[str, str]:
        marker, rule = self._keys.sensitive(key)
        if marker:
            return marker, rule
        return ("", "") if words_of(key) in SAFE else ("REDACTED", "url_query")


def _is_harmless(token: str, equals: str) -> bool:
    """Whether what stands in a query without a value is a flag or a name and not a value itself."""
    if equals == "=" and _NAME.fullmatch(token):
        return True
    return (
        token in FLAGS
        or not any(map(str.isalnum, token))
        or _HARMLESS_VALUE.fullmatch(token) is not None
        or MARKER.fullmatch(token) is not None
    )
