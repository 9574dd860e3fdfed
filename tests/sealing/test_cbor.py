import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceo.sealing import cbor

KEYS = st.integers(-(2**64), 2**64 - 1) | st.text(max_size=8)
VALUES = st.recursive(
    st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=300) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_written_is_read_back_and_is_what_cbor2_reads(value):
    data = cbor.encode(value)
    assert cbor.decode(data) == value
    assert cbor2.loads(data) == value


@given(
    st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=70000) | st.lists(st.text(max_size=3), max_size=30)
)
def test_scalars_and_lists_have_the_bytes_cbor2_gives_them(value):
    assert cbor.encode(value) == cbor2.dumps(value, canonical=True)


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused_and_have_one_form(data):
    try:
        value = cbor.decode(data)
    except cbor.CBORError:
        return
    assert cbor.encode(value) == data


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "nothing"),
        ("1801", "1 in two bytes"),
        ("190018", "24 in three bytes"),
        ("1b00000000ffffffff", "four bytes would do"),
        ("5f4101ff", "an indefinite byte string"),
        ("9f01ff", "an indefinite list"),
        ("5affffffff", "4 GiB that are not there"),
        ("9affffffff", "4 G items that are not there"),
        ("9b7fffffffffffffff", "items beyond any memory"),
        ("bb7fffffffffffffff", "entries beyond any memory"),
        ("a201000100", "the same key twice"),
        ("a202000100", "keys that descend"),
        ("a1410000", "a byte string as key"),
        ("a1f50000", "a simple value as key"),
        ("f5", "true"),
        ("f6", "null"),
        ("fb3ff0000000000000", "a float"),
        ("1c", "a reserved length"),
        ("61ff", "text that is not UTF-8"),
        ("0000", "bytes after the item"),
        ("81" * 100 + "00", "depth"),
        ("d8" + "60d860" * 100 + "00", "depth of tags"),
    ],
)
def test_malformed_cbor_is_refused(data, why):
    with pytest.raises(cbor.CBORError):
        cbor.decode(bytes.fromhex(data if len(data) % 2 == 0 else data + "0"))
