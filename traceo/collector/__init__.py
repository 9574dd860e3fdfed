"""The collector: receives OTLP, plain and sealed, stores it, answers queries, shows a page."""

from traceo.collector.server import check, serve
from traceo.collector.settings import Settings

__all__ = ["Settings", "check", "serve"]
