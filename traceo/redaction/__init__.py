"""Redaction: text or mapping in, text or mapping and a report out. No I/O, no thread, no OpenTelemetry.

Importing this package is light; the detectors and RE2 load with the first ``Engine``.
"""

from .engine import DROPPED, Engine
from .load import load_policy, parse_policy
from .policy import Action, KeyRule, Policy
from .redact import Finding, Redacted, redact

__all__ = [
    "DROPPED",
    "Action",
    "Engine",
    "Finding",
    "KeyRule",
    "Policy",
    "Redacted",
    "load_policy",
    "parse_policy",
    "redact",
]
