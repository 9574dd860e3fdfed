"""Small durable steps on a local file system."""

import os
from pathlib import Path

__all__ = ["make_folder", "sync_folder", "write_all"]


def make_folder(path: Path) -> Path:
    """Make a folder only this user may enter, unless it is there."""
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte; a short write goes on."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
