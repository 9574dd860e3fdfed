import errno
import fcntl
import os
from pathlib import Path
from typing import Self

from traceo.errors import StoreError

__all__ = ["DataFolder"]


class DataFolder:
    """The collector's folder (mode 0700), locked until the end of the ``with`` block.

    The lock is the kernel's (``flock``): it is gone when the process is, however it ended.
    """

    def __init__(self, path: Path) -> None:
        """Make the folder when needed and lock it.

        Raises:
            StoreError: it cannot be made, written or locked; says which and what to do.
        """
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"the data folder {path} cannot be used: {error.strerror} (from --data); "
                "give a folder that this user may write"
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                raise StoreError(f"the data folder {path} cannot be locked: {error.strerror}") from error
            raise StoreError(
                f"the data folder {path} is in use by another collector (process {holder or 'unknown'}); "
                "stop it or give another --data"
            ) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        os.close(self._fd)
