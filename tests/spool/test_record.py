"""The file format: whatever happens to the bytes, only what was hit is lost, and nothing raises."""

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from traceo.exporters.outcome import Package
from traceo.exporters.spool.record import DONE, STATE_AT, Found, encode, read, scan

packages = st.builds(
    Package,
    signal=st.sampled_from(["traces", "logs", "metrics", "keys"]),
    body=st.binary(max_size=300),
    content_type=st.text(st.characters(codec="ascii"), max_size=60),
    content_encoding=st.just(""),
    raw_bytes=st.integers(0, 2**32 - 1),
    batch_id=st.binary(min_size=16, max_size=16),
    sealed_to=st.binary(min_size=16, max_size=16),
)
files = st.lists(packages, min_size=1, max_size=6)


def record(package: Package, count: int = 1) -> bytes:
    return encode(package, counted_as=package.signal, count=count, endpoint=b"endpoint")


def scanned(data: bytes) -> Found:
    return scan(lambda at, size: data[at : at + size], len(data))


def held(data: bytes) -> list[Package | None]:
    return [read(data[entry.offset : entry.offset + entry.length]) for entry in scanned(data).entries]


@settings(max_examples=100)
@given(files)
def test_what_was_written_is_read(packages):
    data = b"".join(record(package, count) for count, package in enumerate(packages, 1))
    found = scanned(data)
    assert held(data) == packages
    assert [entry.count for entry in found.entries] == list(range(1, len(packages) + 1))
    assert [entry.counted_as for entry in found.entries] == [package.signal for package in packages]
    assert (found.damaged, found.lost_count) == (0, 0)


@settings(max_examples=200)
@given(files, st.data())
def test_a_file_cut_anywhere_loses_only_what_was_cut(packages, data):
    records = [record(package, 7) for package in packages]
    whole = b"".join(records)
    at = data.draw(st.integers(0, len(whole)))
    ends = [sum(map(len, records[: n + 1])) for n in range(len(records))]
    kept = [package for package, end in zip(packages, ends, strict=True) if end <= at]
    assert held(whole[:at]) == kept
    found = scanned(whole[:at])
    assert found.damaged == (0 if at in {0, *ends} else 1)
    assert found.lost_count in {0, 7}


@settings(max_examples=300)
@given(files, st.data())
def test_a_flipped_bit_costs_at_most_the_record_it_is_in(packages, data):
    records = [record(package) for package in packages]
    whole = bytearray(b"".join(records))
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[bit // 8] ^= 1 << bit % 8
    starts = [sum(map(len, records[:n])) for n in range(len(records))]
    hit = max(n for n, start in enumerate(starts) if start <= bit // 8)
    survivors = [package for n, package in enumerate(packages) if n != hit]
    found = [package for package in held(bytes(whole)) if package is not None]
    assert found in (survivors, packages)
    if bit // 8 - starts[hit] != STATE_AT:
        assert found == survivors, "damage is noticed"


@settings(max_examples=200)
@given(files, st.binary(max_size=200), st.data())
def test_bytes_of_somebody_elses_in_between_cost_at_most_the_record_they_cut(packages, foreign, data):
    records = [record(package) for package in packages]
    whole = b"".join(records)
    at = data.draw(st.integers(0, len(whole)))
    found = [package for package in held(whole[:at] + foreign + whole[at:]) if package is not None]
    assert len(found) >= len(packages) - 1
    assert all(package in packages for package in found)


@given(st.binary(max_size=2000))
def test_no_bytes_at_all_make_it_raise(data):
    scanned(data)
    read(data)


def test_a_delivered_record_is_known_by_one_byte():
    data = bytearray(
        record(
            Package(
                signal="traces",
                body=b"x",
                content_type="t",
                content_encoding="",
                raw_bytes=1,
                batch_id=b"i" * 16,
                sealed_to=b"k" * 16,
            )
        )
    )
    assert [entry.is_done for entry in scanned(bytes(data)).entries] == [False]
    data[STATE_AT : STATE_AT + 1] = DONE
    assert [entry.is_done for entry in scanned(bytes(data)).entries] == [True]


def test_a_large_stretch_of_nonsense_is_passed_over():
    one = record(
        Package(
            signal="logs",
            body=os.urandom(70_000),
            content_type="t",
            content_encoding="",
            raw_bytes=1,
            batch_id=b"i" * 16,
            sealed_to=b"k" * 16,
        )
    )
    damaged = b"\x00" * 20 + one[20:]
    assert len(scanned(damaged + one + damaged).entries) == 1
    assert scanned(damaged + one + damaged).damaged == 2
