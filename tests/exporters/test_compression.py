import gzip
import subprocess
import sys

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from traceo.exporters.compression import compress, preferred


@given(st.binary(max_size=2000))
def test_what_is_compressed_is_what_comes_out_again(data):
    assert zstd.decompress(compress(data, "zstd")) == data
    assert gzip.decompress(compress(data, "gzip")) == data


def test_the_same_input_has_the_same_bytes_at_any_time():
    assert compress(b"x", "gzip") == compress(b"x", "gzip")
    assert compress(b"x" * 100, "gzip")[4:8] == bytes(4)


@pytest.mark.parametrize(
    ("announced", "encoding"),
    [
        ("", "gzip"),
        ("gzip", "gzip"),
        ("zstd, gzip", "zstd"),
        ("gzip;q=0.5 , ZSTD;q=1.0", "zstd"),
        ("zstd;q=0", "gzip"),
        ("zstd; q=0.000, gzip", "gzip"),
        ("zstd;q=0.001", "zstd"),
        ("x-zstd", "gzip"),
        (";;,,=", "gzip"),
    ],
)
def test_zstd_is_used_where_the_peer_announces_it(announced, encoding):
    assert preferred(announced) == encoding


def test_a_destination_imports_nothing_heavy_until_it_delivers():
    code = """
import sys
from traceo.exporters.destination import Destination
destination = Destination("http://127.0.0.1:9", state_dir="/nonexistent")
heavy = {"http.client", "ssl", "cryptography", "backports.zstd", "urllib.request", "traceo.sealing", "gzip"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
assert destination.deliver("traces", b"", bytes(16)).kind == "retry"
assert heavy - {"backports.zstd"} <= set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
