"""URLs: every query value is redacted unless its key is known to be harmless; user info always.

Detectors look at the rest (host, path segments, fragment) as they look at any text, percent-decoded.
"""

import re
from collections.abc import Iterator

from .key_words import words_in
from .keys import KeyTable, words_of
from .spans import MARKER, Span

__all__ = ["QUERY_TRIGGER", "Queries"]

QUERY_TRIGGER = r"\?[0-9A-Za-z_.%\[\]$+~-]+="
# A query inside a text: it follows a path or a host, and ends where a URL ends.
_IN_TEXT = re.compile(r"(?<=[\w/.\-~\]%+)*])\?([0-9A-Za-z_.%\[\]$+~\-]+=[^\s\"'<>`\\^{|}]*)", re.ASCII)
# Connection strings: their options configure a driver, and only secrets among them matter.
_DRIVER = re.compile(
    r"(?:jdbc:[a-z\d:+]+|postgres(?:ql)?|mysql|mariadb|mongodb|redis|rediss|valkey|amqps?|kafka|sqlite|mssql|sqlserver|"
    r"oracle|clickhouse|cockroachdb|snowflake|bigquery|nats|mqtts?|memcached?|cassandra|neo4j|bolt|ldaps?|s3|gs|abfss?|"
    r"hdfs|file|unix|ssh|git)(?:\+[a-z\d]+)*://[^\s\"'<>?]*\Z",
    re.IGNORECASE,
)
_URL_CHARS = 300
_PAIR = re.compile(r"(?:^|[&;?])([^=&;?#]{1,128})=([^&;#]*)")
_KEYS_KEPT = 4096
# Counts and switches say nothing about a person.
_HARMLESS_VALUE = re.compile(
    r"-?\d{1,5}(?:\.\d{1,4})?|true|false|yes|no|on|off|null|none|asc|desc|v\d{1,3}|[a-z]{1,2}|", re.IGNORECASE
)
_SAFE = words_in(
    """
    page pages per_page page_size pagesize limit offset start end from to since until before after cursor
    sort sort_by sortby order order_by orderby direction dir fields include exclude expand embed select
    format output pretty indent lang language locale hl gl v ver version api_version apiversion view mode
    type kind category categories tag tags status state filter level size width height quality w h q_f dpr
    fit crop theme tab section step interval window range period granularity resolution unit units currency
    timezone tz date start_date end_date start_time end_time year month week day hour minute time timestamp
    ts count total depth max min top skip utm_source utm_medium utm_campaign utm_term utm_content ref
    feature flag flags env environment region zone cluster namespace service operation method route protocol
    encoding charset content_type accept action event metric aggregation group_by groupby bucket index shard
    partition wait timeout retry retries dry_run force verbose debug trace explain profile cache nocache
    refresh async sync recursive watch follow stream platform os browser device channel source medium
    variant color brand model sku product product_id item item_id plan tier role scope response_type
    grant_type prompt code_challenge_method response_mode x_amz_algorithm x_amz_expires x_amz_date
    x_amz_signedheaders x_id list_type delimiter max_keys part_number uploads
    """
)


class Queries:
    """Finds the values of URL queries by a ``KeyTable``; remembers what their keys mean."""

    def __init__(self, keys: KeyTable) -> None:
        self._keys = keys
        self._known: dict[str, tuple[str, str]] = {}

    def in_text(self, text: str) -> list[Span]:
        """Query values of the URLs and request targets that stand in ``text``."""
        spans: list[Span] = []
        for match in _IN_TEXT.finditer(text):
            found = self._values(match.group(1).rstrip(".,)]"), match.start(1))
            if _DRIVER.search(text[max(0, match.start() - _URL_CHARS) : match.start()]):
                found = (span for span in found if span.rule != "url_query")
            spans.extend(found)
        return spans

    def raw(self, query: str) -> list[Span]:
        """Values of a query that stands alone, as in ``url.query``."""
        return list(self._values(query, 0))

    def _values(self, query: str, offset: int) -> Iterator[Span]:
        for match in _PAIR.finditer(query):
            marker, rule = self._means(match.group(1))
            value = match.group(2)
            if (
                not marker
                or MARKER.fullmatch(value)
                or (marker == "REDACTED" and _HARMLESS_VALUE.fullmatch(value))
            ):
                continue
            if value:
                yield Span(offset + match.start(2), offset + match.end(2), marker, rule)

    def _means(self, key: str) -> tuple[str, str]:
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _KEYS_KEPT:
                self._known.clear()
            known = self._known[key] = self._judge(key)
        return known

    def _judge(self, key: str) -> tuple[str, str]:
        marker, rule = self._keys.sensitive(key)
        if marker:
            return marker, rule
        return ("", "") if words_of(key) in _SAFE else ("REDACTED", "url_query")
