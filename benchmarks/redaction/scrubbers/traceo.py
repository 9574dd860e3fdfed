"""Traceo, as the value of the attribute ``message``."""

import os

from traceo.redaction import Engine, Policy

_engine = Engine(Policy.default(), pure=os.environ.get("BENCH_PURE") == "1")


def redact(text):
    return _engine.text(text, "message", [])


def find(text):
    return [(span.start, span.end, span.entity) for span in _engine.spans(text, "message")]
