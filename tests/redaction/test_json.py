"""Redacted JSON is still JSON, however deep it stands in other JSON."""

import json

import pytest

BODY = {
    "cvv": 123,
    "card": 4111111111111111,
    "cards": [4111111111111111, "x", 378282246310005],
    "pin": 1234,
    "latitude": 12.5,
    "has_password": True,
    "n": 3,
}
CLEAN = {
    "cvv": "[CVV]",
    "card": "[CREDIT_CARD]",
    "cards": ["[CREDIT_CARD]", "x", "[CREDIT_CARD]"],
    "pin": "[PIN]",
    "latitude": "[GEO]",
    "has_password": True,
    "n": 3,
}


@pytest.mark.parametrize("style", [{}, {"separators": (",", ":")}, {"indent": 2}])
def test_the_marker_of_a_number_is_a_string(engine, style):
    assert json.loads(engine.text(json.dumps(BODY, **style), "body", [])) == CLEAN


def test_the_marker_of_a_number_is_quoted_as_the_json_around_it(engine):
    text = json.dumps({"event": json.dumps({"body": json.dumps(BODY)})})
    clean = engine.text(text, "message", [])
    assert json.loads(json.loads(json.loads(clean)["event"])["body"]) == CLEAN
    assert engine.text(clean, "message", []) is clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("[4111111111111111, 2]", '["[CREDIT_CARD]", 2]'),
        ("{'cvv': 123, 'n': 1}", "{'cvv': '[CVV]', 'n': 1}"),
        ("paid with 4111111111111111, then", "paid with [CREDIT_CARD], then"),
        ("cvv: 123, n: 1", "cvv: [CVV], n: 1"),
        ("7,4111111111111111,378282246310005,x", "7,[CREDIT_CARD],[CREDIT_CARD],x"),
    ],
)
def test_only_a_bare_json_value_gets_quotes(engine, text, clean):
    assert engine.text(text, "message", []) == clean
