import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from traceo.cli.demo.evidence import Exhibit
from traceo.cli.demo.leaks import masked, search
from traceo.cli.demo.ledger import Plant
from traceo.cli.demo.needles import Needles

EMAIL = Plant("EMAIL", "anna.müller+tea@beispiel.de", ("URL path",))
CARD = Plant("CREDIT_CARD", "5412 5801 7432 4832", ("URL path",))
SSN = Plant("US_SSN", "129-28-0778", ("URL path",))
NAME = Plant("NAME", "罗红梅", ("URL query",))


def found_in(plant, haystack):
    return Needles([plant]).find(haystack) == {plant}


ENCODINGS = {
    "plain": str.encode,
    "upper case": lambda value: value.encode().upper(),
    "percent-encoded": lambda value: quote(value, safe="").encode(),
    "percent-encoded, lower case": lambda value: quote(value, safe="").lower().encode(),
    "percent-encoded but for @ and +": lambda value: quote(value, safe="/").encode(),
    "as a form": lambda value: quote_plus(value).encode(),
    "JSON, ASCII": lambda value: json.dumps({"k": value}).encode(),
    "JSON": lambda value: json.dumps({"k": value}, ensure_ascii=False).encode(),
    "JSON in JSON": lambda value: json.dumps({"k": json.dumps({"k": value})}).encode(),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@given(
    value=st.text(st.characters(exclude_categories=["Cs"]), min_size=9, max_size=40),
    before=st.binary(max_size=17),
    after=st.binary(max_size=17),
)
@settings(max_examples=60)
def test_a_value_is_found_wherever_it_lies_in_whatever_encoding(encode, value, before, after):
    assert found_in(Plant("PASSWORD", value, ()), before + encode(value) + after)


@given(before=st.binary(max_size=20), after=st.binary(max_size=20))
@settings(max_examples=60)
def test_base64_of_a_text_around_the_value_is_seen_through(before, after):
    text = before + EMAIL.value.encode() + after
    assert found_in(EMAIL, base64.b64encode(text))
    assert found_in(EMAIL, base64.urlsafe_b64encode(text))


def test_separators_may_be_gone():
    assert found_in(CARD, b'{"card":5412580174324832}')
    assert found_in(SSN, b"ssn=129280778;")


def test_an_integer_in_otlp_is_found():
    assert found_in(CARD, AnyValue(int_value=5412580174324832).SerializeToString())


def test_a_few_digits_inside_a_longer_number_are_chance():
    assert not found_in(SSN, b'"start_unix_nano":"1791292807780000000"')


def test_a_name_in_another_script_is_found_escaped():
    assert found_in(NAME, b'{"name": "\\u7f57\\u7ea2\\u6885"}')


def test_a_part_of_a_secret_is_enough():
    token = Plant("JWT", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ", ())
    block = Plant("PRIVATE_KEY", "-----BEGIN X-----\nTUlJRXZRSUJBREFOQmdr\n-----END X-----", ())
    assert found_in(token, b"sub eyJzdWIiOiJhbm5hIn0 ...")
    assert found_in(block, b"... TUlJRXZRSUJBREFOQmdr ...")


def test_a_value_too_short_to_search_for_is_refused():
    with pytest.raises(ValueError, match="a planted NAME has less than 9 bytes"):
        Needles([Plant("NAME", "Li Wei", ())])


@given(st.binary(max_size=3000))
@settings(max_examples=100)
def test_what_was_not_planted_is_not_found(noise):
    assert Needles([EMAIL, CARD, NAME]).find(noise) == set()


def test_a_finding_names_every_place_and_no_value():
    findings = search(
        [EMAIL, CARD, SSN],
        [Exhibit("wire", b"nothing"), Exhibit("segment", b"129-28-0778"), Exhibit("wire", b"n=129280778")],
    )
    assert findings.leaks == {SSN: ("segment", "wire")}
    assert findings.searched == {"wire": 18, "segment": 11}
    assert str(findings) == "1 of 3 planted values found"
    assert not findings.has_proved_itself


@given(st.text(min_size=1, max_size=60))
def test_a_masked_value_keeps_four_characters_at_most(value):
    shown = masked(value)
    assert len(shown) <= 40
    kept = min(2, len(value) // 8)
    assert all(
        not character.isalnum() or character in "a9" for character in shown[kept : len(shown) - kept - 1]
    )
