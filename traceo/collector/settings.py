from pathlib import Path

import msgspec

from traceo.collector.hosts import is_local
from traceo.errors import ConfigError

__all__ = ["MIB", "Settings"]

MIB = 1024 * 1024
_DAY_S = 86_400.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that a collector can be told. ``checked()`` before use.

    ``port`` 0 takes a free one. ``body_bytes`` bounds a request as it arrives, ``message_bytes`` what it
    may grow to when decompressed, ``pending_bytes`` what may wait in memory for the disk or the writer
    before senders are told to come back later. A hot tail becomes a segment at ``roll_rows`` rows,
    ``roll_bytes`` bytes or after ``roll_after_s``. A sealed batch that comes again within
    ``duplicate_window_s`` is answered as accepted and not stored again.

    ``keys`` names the place of the key set (see `traceo.sealing.providers`; "" is ``DATA/keys``) and
    ``passphrase`` where its passphrase comes from, ``env:NAME`` or ``fd:N``. A key is primary for
    ``key_rotate_s``; the next one is published ``key_notice_s`` before; the old one opens batches for
    ``key_retention_s`` and ``key_grace_s`` more and is then destroyed.

    With ``tls_cert`` and ``tls_key`` (PEM) the port speaks TLS 1.3 only, with ``tls_client_ca`` to clients
    with a certificate of that CA only. Without them it has to be loopback, or ``plain_http`` has to say that
    somebody in front of it ends TLS.
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
    duplicate_window_s: float = 7 * _DAY_S
    shutdown_s: float = 30.0
    keys: str = ""
    passphrase: str = ""
    key_rotate_s: float = 90 * _DAY_S
    key_notice_s: float = 14 * _DAY_S
    key_retention_s: float = 90 * _DAY_S
    key_grace_s: float = 7 * _DAY_S
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    plain_http: bool = False

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
        self._check_keys()
        self._check_tls()
        return self

    def _check_keys(self) -> None:
        if self.key_notice_s < 1 or self.key_rotate_s < self.key_notice_s + 1:
            raise ConfigError(
                "keys must be primary for longer than the notice of the next one "
                f"({self.key_notice_s / _DAY_S:g} days); give a larger --key-days"
            )
        if self.key_retention_s < 0 or self.key_grace_s < 0:
            raise ConfigError("the days that old keys are kept (from --key-retention-days) are 0 or more")

    def _check_tls(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            missing = "--tls-key" if self.tls_key is None else "--tls-cert"
            raise ConfigError(f"{missing} is missing; a certificate and its key are given together")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ConfigError("--tls-client-ca needs TLS: give --tls-cert and --tls-key too")
        if self.plain_http and self.tls_cert is not None:
            raise ConfigError("--plain-http and --tls-cert exclude each other; leave one out")
        if self.tls_cert is None and not self.plain_http and not is_local(self.host):
            raise ConfigError(
                f"{self.host} is not loopback (from --host), and there is no TLS; give --tls-cert and "
                "--tls-key, or --plain-http when a proxy in front of the collector ends TLS"
            )
