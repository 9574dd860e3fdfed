"""What the files of the spool are called. Light, so that a start can look whether there are any."""

from pathlib import Path
from typing import Final

__all__ = ["FOLDER", "SUFFIX", "UNBORN", "has_leftovers"]

FOLDER: Final = "spool"
"""In the state folder, whose mode is the user's business."""
SUFFIX: Final = ".spool"
UNBORN: Final = ".new"
"""A file that is being made."""


def has_leftovers(state_dir: Path) -> bool:
    """Whether anything may wait there."""
    try:
        return any(path.suffix == SUFFIX for path in (state_dir / FOLDER).iterdir())
    except OSError:
        return False
