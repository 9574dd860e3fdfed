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


def render(text: str, spans: list[Span], mark: Callable[[Span, str], str]) -> str:
    """The text with ``mark(span, its text)`` in the place of each of the joined ``spans``."""
    parts: list[str] = []
    at = 0
    for span in spans:
        parts.append(text[at : span.start])
        parts.append(mark(span, text[span.start : span.end]))
        at = span.end
    parts.append(text[at:])
    return "".join(parts)
