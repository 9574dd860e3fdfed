from pathlib import Path

import msgspec

from traceo.errors import ConfigError

__all__ = ["MIB", "Settings"]

MIB = 1024 * 1024


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that a collector can be told. ``checked()`` before use.

    ``port`` 0 takes a free one. ``body_bytes`` bounds a request as it arrives, ``message_bytes`` what it
    may grow to when decompressed, ``pending_bytes`` what may wait in memory for the disk or the writer
    before senders are told to come back later. A hot tail becomes a segment at ``roll_rows`` rows,
    ``roll_bytes`` bytes or after ``roll_after_s``. A sealed batch that comes again within
    ``duplicate_window_s`` is answered as accepted and not stored again.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 4318
    workers: int = 1
    body_bytes: int = 16 * MIB
    message_bytes: int = 64 * MIB
    pending_bytes: int = 64 * MIB
    wal_file_bytes: int = 16 * MIB
    roll_rows: int = 100_000
    roll_bytes: int = 128 * MIB
    roll_after_s: float = 300.0
    duplicate_window_s: float = 7 * 86_400.0
    shutdown_s: float = 30.0

    def checked(self) -> "Settings":
        """Return itself.

        Raises:
            ConfigError: a value cannot work; names it, where it came from and the fix.
        """
        if not 0 <= self.port <= 65_535:
            raise ConfigError(f"port is {self.port} (from --port); give a number from 0 to 65535")
        if not self.host:
            raise ConfigError("host is empty (from --host); give an address, such as 127.0.0.1")
        if self.workers != 1:
            raise ConfigError(
                f"workers is {self.workers} (from --workers); this version runs one process: give 1"
            )
        for name in (
            "body_bytes",
            "message_bytes",
            "pending_bytes",
            "wal_file_bytes",
            "roll_rows",
            "roll_bytes",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a number above 0")
        return self
