import os

import pytest

from traceo.exporters.outcome import Package
from traceo.exporters.spool.folder import Spool

ENDPOINT = "http://127.0.0.1:4318"
KID = b"k" * 16
COSE = 'application/cose; cose-type="cose-encrypt"'


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pack():
    """A sealed package; its body is as random as a real one."""

    def make(number: int = 1, size: int = 100, signal="traces", sealed_to=KID) -> Package:
        return Package(
            signal=signal,
            body=os.urandom(size),
            content_type=COSE,
            content_encoding="",
            raw_bytes=size * 8,
            batch_id=number.to_bytes(16),
            sealed_to=sealed_to,
        )

    return make


@pytest.fixture
def open_spool(tmp_path, clock):
    """Makes what different processes would make of the same folder; each has locks of its own."""
    made = []

    def make(endpoint=ENDPOINT, limit_bytes=1024 * 1024, folder=None) -> Spool:
        made.append(Spool(folder or tmp_path, endpoint, limit_bytes=limit_bytes, clock=clock))
        return made[-1]

    yield make
    for spool in made:
        spool.close()


@pytest.fixture
def drain():
    """All packages of a spool, in order, settled."""

    def take(spool) -> list[Package]:
        packages = []
        while (held := spool.oldest()) is not None:
            package = spool.read(held)
            if package is not None:
                packages.append(package)
                spool.settle(held)
        return packages

    return take
