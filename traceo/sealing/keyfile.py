"""Files that hold a secret: mode 0600, replaced as a whole, refused when others may read them.

What a file held before is overwritten once the new one is on the disk, so that a destroyed key does not lie
about in free blocks. That is as far as a program can go: a disk that writes elsewhere (SSD, copy-on-write
file system) and a backup keep what they have. Lock the file, or let a key service protect it, where that
matters.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final

from traceo.errors import KeyFileError
from traceo.sealing.hidden import HiddenBytes

__all__ = [
    "leftovers",
    "locked_for_writing",
    "read_secret_file",
    "remove_leftovers",
    "version_of",
    "write_secret_file",
]

_MAX_BYTES: Final = 1024 * 1024
_LOCK: Final = ".lock"
# A write takes milliseconds; what is older was left by one that never ended.
_LEFT_AFTER_S: Final = 60.0


def read_secret_file(path: Path) -> HiddenBytes:
    """The content of `path`.

    Raises `KeyFileError` when it is missing, is not a regular file, is larger than 1 MiB, or when group or
    others may read it. A symbolic link is followed: secrets mounted by an orchestrator are links.
    """
    while True:
        data, replaced = _read(path)
        if len(data) > _MAX_BYTES:
            raise KeyFileError(f"the key file {path} is larger than {_MAX_BYTES} bytes")
        # Replaced under our eyes, and perhaps overwritten already: the new one is there.
        if not replaced:
            return data


def write_secret_file(path: Path, data: bytes, *, replace: bool = True) -> bool:
    """Write `data` to `path` with mode 0600, whole or not at all, on the disk before it returns.

    With `replace=False` an existing file wins and the answer is False. What was replaced is overwritten,
    unless it has another name too. Raises `KeyFileError` when it cannot be written.
    """
    try:
        # Through a link, so that the file stays where an administrator has put it.
        path = path.resolve() if replace else path
        _make_folder(path.parent)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
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
    except OSError as error:
        raise KeyFileError(f"the key file {path} cannot be written: {error.strerror}") from error
    return True


@contextlib.contextmanager
def locked_for_writing(path: Path) -> Generator[None]:
    """Keep other writers of `path` out (`flock` on a file beside it) until the end of the ``with`` block."""
    try:
        _make_folder(path.parent)
        descriptor = os.open(path.parent / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise KeyFileError(f"the key file {path} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def leftovers(path: Path) -> list[Path]:
    """Half-made files beside `path`, left by a writer that was killed; they may hold the secret."""
    before_s = time.time() - _LEFT_AFTER_S
    found: list[Path] = []
    for file in path.parent.glob(f".{path.name}.*"):
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_mtime <= before_s:
                found.append(file)
    return sorted(found)


def remove_leftovers(path: Path) -> None:
    """Overwrite and remove the `leftovers` of `path`; what cannot be removed stays."""
    for file in leftovers(path):
        with contextlib.suppress(OSError):
            descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                file.unlink()
                _overwrite(descriptor)
            finally:
                os.close(descriptor)


def version_of(path: Path) -> str:
    """Changes whenever `path` is replaced; "" when there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"


def _make_folder(folder: Path) -> None:
    # `mkdir(parents=True)` would leave the ones above it open to others.
    missing = [folder, *folder.parents]
    for each in reversed(missing):
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def _read(path: Path) -> tuple[HiddenBytes, bool]:
    """The content, at most a byte too long, and whether another file has taken its name meanwhile."""
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
        data = HiddenBytes(file.read(_MAX_BYTES + 1))
        return data, os.fstat(descriptor).st_nlink == 0


def _put(temporary: Path, path: Path, *, replace: bool) -> bool:
    if not replace:
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
        _sync_directory(path.parent)
        return True
    with contextlib.ExitStack() as stack:
        old: int | None = None
        with contextlib.suppress(OSError):
            old = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            stack.callback(os.close, old)
        temporary.replace(path)
        _sync_directory(path.parent)
        if old is not None:
            _overwrite(old)
    return True


def _overwrite(descriptor: int) -> None:
    status = os.fstat(descriptor)
    # A hard link is somebody's copy: theirs to keep or to destroy.
    if status.st_nlink == 0 and stat.S_ISREG(status.st_mode):
        # The new file is in place; a disk that refuses now takes nothing from it.
        with contextlib.suppress(OSError):
            os.pwrite(descriptor, bytes(status.st_size), 0)
            os.fsync(descriptor)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
