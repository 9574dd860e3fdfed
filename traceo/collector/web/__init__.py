"""The web front end: its source, and the folder ``npm run build`` fills with the files the collector serves."""

from pathlib import Path

__all__ = ["DIST"]

DIST = Path(__file__).parent / "dist"
"""Built files; the folder is absent until the front end has been built."""
