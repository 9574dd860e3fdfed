"""Files that hold a secret: mode 0600, replaced as a whole, refused when others may read them."""

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from traceo.errors import KeyFileError

__all__ = ["read_secret_file", "write_secret_file"]

_MAX_BYTES: Final = 1024 * 1024


def read_secret_file(path: Path) -> bytes:
    """The content of `path`.

    Raises `KeyFileError` when it is missing, is not a regular file, is larger than 1 MiB, or when group or
    others may read it. A symbolic link is followed: secrets mounted by an orchestrator are links.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise KeyFileError(f"the key file {path} cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        # On the open descriptor, so that nobody can swap the file between the check and the read.
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KeyFileError(f"the key file {path} is not a regular file")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            mode = stat.S_IMODE(status.st_mode)
            raise KeyFileError(
                f"the key file {path} is open to others (mode {mode:04o}); run: chmod 600 {path}"
            )
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise KeyFileError(f"the key file {path} is larger than {_MAX_BYTES} bytes")
    return data


def write_secret_file(path: Path, data: bytes, *, replace: bool = True) -> bool:
    """Write `data` to `path` with mode 0600, whole or not at all, on the disk before it returns.

    With `replace=False` an existing file wins and the answer is False. Raises `KeyFileError` when it cannot
    be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            if not _put(temporary, path, replace=replace):
                return False
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
        _sync_directory(path.parent)
    except OSError as error:
        raise KeyFileError(f"the key file {path} cannot be written: {error.strerror}") from error
    return True


def _put(temporary: Path, path: Path, *, replace: bool) -> bool:
    if replace:
        temporary.replace(path)
        return True
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return False
    return True


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
