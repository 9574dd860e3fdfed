import pytest

from traceo.sealing import BatchHeader


@pytest.fixture(scope="session")
def header():
    return BatchHeader(
        content_type="application/x-protobuf",
        content_encoding="gzip",
        batch_id=bytes(range(16)),
        tenant="acme",
        signal="traces",
        timestamp_ns=1_800_000_000_000_000_000,
    )
