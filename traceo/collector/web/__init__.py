"""The web front end: its source, and the folder that ``npm run build`` fills with the files to serve."""

from pathlib import Path

__all__ = ["DIST"]

DIST = Path(__file__).parent / "dist"
"""Built files; the folder is absent until the front end has been built."""
