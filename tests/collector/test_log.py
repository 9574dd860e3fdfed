import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traceo.collector.batch import Batch, Decoded, Encoding, Media, Signal
from traceo.collector.store.logfile import MAGIC, LogFile, record
from traceo.collector.store.wal import FileLog
from traceo.errors import StoreError

batches = st.builds(
    Batch,
    st.sampled_from(Signal),
    st.sampled_from(Media),
    st.sampled_from(Encoding),
    st.integers(0, 2**63),
    st.binary(max_size=60),
    st.just(b"") | st.binary(min_size=16, max_size=16).filter(any),
)


def written(entries):
    return MAGIC + b"".join(part for number, batch in enumerate(entries, 1) for part in record(number, batch))


@given(st.lists(batches, max_size=5), st.data())
@settings(max_examples=200)
def test_a_file_cut_anywhere_gives_back_every_record_before_the_cut(entries, data):
    whole = written(entries)
    cut = data.draw(st.integers(0, len(whole)))
    file = LogFile(whole[:cut])
    found = list(file)
    assert found == list(enumerate(entries, 1))[: len(found)]
    assert cut == 0 or len(written(entries[: len(found)])) <= max(cut, len(MAGIC))
    assert len(found) == len(entries) or cut < len(written(entries[: len(found) + 1]))
    assert (file.end, file.damaged) == (min(cut, len(written(entries[: len(found)]))), 0)


@given(st.lists(batches, min_size=1, max_size=4), st.data())
@settings(max_examples=200)
def test_a_changed_byte_is_never_taken_for_a_record(entries, data):
    whole = bytearray(written(entries))
    at = data.draw(st.integers(len(MAGIC), len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    assert all(found in list(enumerate(entries, 1)) for found in LogFile(bytes(whole)))


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_any_bytes_after_the_first_line_are_read_or_cut(junk):
    file = LogFile(MAGIC + junk)
    list(file)
    assert len(MAGIC) <= file.end <= len(MAGIC) + len(junk)


def test_what_is_no_log_file_is_refused():
    with pytest.raises(StoreError, match="not a log file of this version"):
        LogFile(b"something else")


def test_entries_come_back_in_order_until_a_checkpoint_passes_them(tmp_path):
    entries = [Batch(Signal.TRACES, Media.PROTOBUF, Encoding.IDENTITY, n, b"x" * n) for n in range(1, 41)]
    applied, done = [], threading.Semaphore(0)
    log = FileLog(tmp_path, file_bytes=200)
    assert list(log.replay(0)) == []
    log.start(after=0, sink=lambda number, batch, decoded: applied.append((number, batch, decoded.size)))
    for entry in entries:
        log.append(
            entry, Decoded(None, b"", len(entry.body)), lambda error: done.release() if not error else None
        )
    for _ in entries:
        assert done.acquire(timeout=10)
    assert applied == [(number, entry, number) for number, entry in enumerate(entries, 1)]
    assert (log.committed, log.size) == (40, sum(path.stat().st_size for path in tmp_path.iterdir()))
    log.checkpoint(30)
    log.close()
    again = FileLog(tmp_path, file_bytes=200)
    assert list(again.replay(30)) == list(enumerate(entries, 1))[30:]
    assert again.committed == 40


def test_a_closed_log_takes_nothing_more(tmp_path):
    log = FileLog(tmp_path, file_bytes=200)
    log.start(after=0, sink=lambda *_: None)
    log.close()
    entry = Batch(Signal.LOGS, Media.JSON, Encoding.ZSTD, 1, b"x")
    with pytest.raises(StoreError, match="closed"):
        log.append(entry, Decoded(None, b"", 1), lambda _: None)
