import pytest

from traceo.sealing import BatchHeader, RecipientSecret


@pytest.fixture(scope="session")
def secret():
    return RecipientSecret.generate()


@pytest.fixture(scope="session")
def header():
    return BatchHeader(
        content_type="application/x-protobuf",
        content_encoding="zstd",
        batch_id=bytes(range(16)),
        tenant="acme",
        signal="traces",
        timestamp_ns=1_800_000_000_000_000_000,
    )
