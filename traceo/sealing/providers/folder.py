"""``DIR/keys.json``."""

import stat
from pathlib import Path

from traceo.errors import KeyFileError
from traceo.sealing.hidden import HiddenBytes
from traceo.sealing.keyfile import (
    leftovers,
    locked_for_writing,
    read_secret_file,
    remove_leftovers,
    version_of,
    write_secret_file,
)
from traceo.sealing.keyset import FILE_NAME
from traceo.sealing.providers.envelope import Envelope
from traceo.sealing.providers.store import ChangedError, Stored

__all__ = ["FolderStore"]


class FolderStore:
    """A key file in a folder, in an envelope or plain; writers take turns by a lock beside it."""

    writable = True
    look_every_s = 5.0

    def __init__(self, directory: Path, envelope: Envelope) -> None:
        self.path = directory / FILE_NAME
        self.place = f"the key file {self.path}"
        self._envelope = envelope

    def version(self) -> str:
        """Inode, time and size: a replaced file is another one."""
        return version_of(self.path)

    def read(self) -> Stored | None:
        """The file, opened."""
        # Before the content: a change in between makes this version stale, never wrong.
        version = self.version()
        if not version and not self.path.is_symlink():
            return None
        raw = read_secret_file(self.path)
        try:
            return Stored(self._envelope.open(raw), version)
        except KeyFileError as error:
            message = str(error)
        # Outside of `except`: the first error's frames may hold what was read.
        raise KeyFileError(f"{self.place} does not open: {message}")

    def write(self, data: HiddenBytes, *, replaces: str) -> None:
        """Replace the file and overwrite the old one; see `traceo.sealing.keyfile`."""
        with locked_for_writing(self.path):
            if self.version() != replaces:
                raise ChangedError(f"{self.place} was changed by somebody else")
            remove_leftovers(self.path)
            if not write_secret_file(self.path, self._envelope.seal(data), replace=replaces != ""):
                raise ChangedError(f"{self.place} was made by somebody else")

    def complaints(self) -> list[str]:
        """The folder's mode, other names of the file, and what killed writers left behind."""
        found: list[str] = []
        folder = self.path.parent.stat()
        if folder.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            found.append(
                f"the folder {self.path.parent} is open to others; run: chmod 700 {self.path.parent}"
            )
        if self.path.stat().st_nlink > 1:
            found.append(
                f"{self.path} has another name (a hard link), which keeps destroyed keys; find it with: "
                f"find / -xdev -samefile {self.path}"
            )
        found += [f"{path} may hold private keys; remove it" for path in leftovers(self.path)]
        return found
