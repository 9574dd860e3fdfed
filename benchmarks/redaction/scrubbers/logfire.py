"""Logfire's scrubber with its default patterns: a value with one of its words is replaced whole."""

from logfire._internal.scrubbing import Scrubber

_scrubber = Scrubber([])


def redact(text):
    return _scrubber.scrub_value(("attributes", "message"), text)[0]


def find(text):
    return [(0, len(text), "ANY")] if redact(text) != text else []
