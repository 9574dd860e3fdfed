"""Batches that stay in the process: a destination for tests."""

import gzip
import os

from traceo.exporters.outcome import Outcome, Package, Signal

__all__ = ["Memory"]


class Memory:
    """Keeps every package; answers with ``outcome``, which a test may change between batches."""

    def __init__(self) -> None:
        self.packages: list[Package] = []
        """What was accepted."""
        self.attempts = 0
        self.outcome = Outcome.accepted()
        self.is_closed = False
        self.kid = b""
        """The key that packages are said to be sealed to; none are by default."""

    def package(self, signal: Signal, payload: bytes, batch_id: bytes) -> Package:
        """Compressed, not sealed."""
        return Package(
            signal=signal,
            body=gzip.compress(payload, 1, mtime=0),
            content_type="application/x-protobuf",
            content_encoding="gzip",
            raw_bytes=len(payload),
            batch_id=batch_id or os.urandom(16),
            sealed_to=self.kid,
        )

    def seal(self, signal: Signal, payload: bytes, batch_id: bytes) -> Package | None:
        """The same if there is a key."""
        return self.package(signal, payload, batch_id) if self.kid else None

    def send(self, package: Package) -> Outcome:
        """Keep it if the outcome is to be accepted."""
        self.attempts += 1
        if self.outcome.kind == "accepted":
            self.packages.append(package)
        return self.outcome

    def close(self) -> None:
        """Nothing is ever under way."""
        self.is_closed = True

    def payloads(self, signal: Signal) -> list[bytes]:
        """The OTLP messages of one signal, as they would have been sent."""
        return [gzip.decompress(package.body) for package in self.packages if package.signal == signal]
