"""What an attribute limit leaves of a text is nothing that redaction would have known as a whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceo.tracing.attributes import clean_value


@pytest.mark.parametrize(
    ("value", "limit", "head"),
    [
        ("http://bob:Hunter2walrus9@h/", 24, "http://"),
        ("mail ada@example.com now", 12, "mail "),
        ("mail ada@example.com now", 20, "mail ada@example.com"),
        ("ghp_abcdefghijklmnopqrstuvwxyz012345", 18, ""),
        ("ada.lovelace@example.com", 12, ""),
        ("adalovelace@example.com", 6, ""),
        ("AKIAIOSFODNNEXAMPLEX", 15, ""),
        ("card 4111 1111 1111 1111 ok", 22, "card "),
        ("card 4111 1111 1111 1111 ok", 19, "card "),
        ("from DE89 3704 0044 0532 0130 00", 25, "from "),
        ("took 12 ms of 40", 10, "took 12 ms"),
        ("checkout", 5, "check"),
        ("a plain sentence goes on", 9, "a plain "),
        ("a plain sentence goes on", 7, "a plain"),
    ],
)
def test_a_cut_leaves_no_piece_of_a_word(value, limit, head):
    assert clean_value(value, limit) == head


@given(st.text(max_size=40), st.integers(0, 48))
def test_a_cut_is_a_head_of_the_text_within_the_limit(value, limit):
    head = clean_value(value, limit)
    assert value.startswith(head)
    assert len(head) <= limit
    if len(value) <= limit:
        assert head == value
