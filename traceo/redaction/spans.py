"""Marked places in a text: joining them and writing the markers."""

import re
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["MARKER", "Span", "join", "render"]

# What redaction writes, and therefore never redacts again.
# No digit in the name, so that no id in brackets passes for a marker.
MARKER = re.compile(r"\[[A-Z][A-Z_]{1,30}(?::(?:h_[0-9a-f]{32}|pn_[0-9A-Za-z_-]{43}))?\]")


class Span(NamedTuple):
    """``text[start:end]`` is of type ``entity``; ``rule`` says which rule found it."""

    start: int
    end: int
    entity: str
    rule: str


def join(spans: list[Span]) -> list[Span]:
    """Sorted and free of overlap: spans that touch become one, named by the longest of them."""
    if len(spans) < 2:
        return spans
    spans.sort(key=_place)  # stable: of equal places the first found names the type
    joined: list[Span] = []
    longest = 0
    for span in spans:
        if joined and span.start < joined[-1].end:
            last = joined[-1]
            size = span.end - span.start
            name = span if size > longest else last
            longest = max(longest, size)
            joined[-1] = Span(last.start, max(last.end, span.end), name.entity, name.rule)
        else:
            joined.append(span)
            longest = span.end - span.start
    return joined


def _place(span: Span) -> tuple[int, int]:
    return span.start, span.end


# A bare number in JSON: what it is, what stands before it (the quote of its key), and what after.
_BARE = re.compile(r"-?\d[\d.eE+\-]{0,40}|true|false")
_KEY_BEFORE = re.compile(r"(?:[^\s\\]|^)(\\{0,7}[\"'])\s{0,8}:\s{0,8}(?:\[[^\[\]{}]*)?\Z")
_LIST_BEFORE = re.compile(r"\[[^\[\]{}]*\Z")
_VALUE_AFTER = re.compile(r"\s{0,8}(?:[,}\]]|\Z)")
_NEAR_CHARS = 512


def render(text: str, spans: list[Span], mark: Callable[[Span, str], str]) -> str:
    """The text with ``mark(span, its text)`` in the place of each of the joined ``spans``.

    The marker of a bare number in JSON stands in quotes, so that the text is still JSON.
    """
    parts: list[str] = []
    at = 0
    for span in spans:
        value = text[span.start : span.end]
        quote = _quote(text, span) if _BARE.fullmatch(value) else ""
        parts += (text[at : span.start], quote, mark(span, value), quote)
        at = span.end
    parts.append(text[at:])
    return "".join(parts)


def _quote(text: str, span: Span) -> str:
    """The quote in which a string would stand in the place of a bare number; none outside of objects."""
    if _VALUE_AFTER.match(text, span.end) is None:
        return ""
    before = text[max(0, span.start - _NEAR_CHARS) : span.start]
    key = _KEY_BEFORE.search(before)
    if key is not None:
        return key.group(1)
    return '"' if text[0] == "[" and _LIST_BEFORE.match(before) else ""
