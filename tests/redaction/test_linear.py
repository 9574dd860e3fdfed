import pytest

from traceo.redaction import Engine, Policy

ENGINE = Engine(Policy.default())
SIZE = 1_000_000


@pytest.mark.parametrize(
    "unit",
    [
        "a", "1", "1 ", "@", "a@", "password=", '"password":"', "%41", "\\", '\\"', "eyJ", "a.", "?a=", "+1 ", "é1", "\u200b",
        "-----BEGIN RSA PRIVATE KEY-----", "://a:", "(x) Key (a)=(", "[SQL: ", "[parameters: ", "x@y.com ", "password={",
        "4111111111111111 ", "call 123 4567 ", "bearer ", "12:", "2001:", "sk-", "SELECT ", "UPDATE ", "['a', ", "token is ",
        'name="a"\n\n', "curl -u ", "password x1 ", '"name": "a", ', "<a b>", "姓名：", "1234 is your ", "name=a b=c ", "{(name=",
        "name=a email=b ", "mysql -", "value=", "phone 1234567 ", "name name name value ",
    ],
)  # fmt: skip
def test_pathological_texts_end_and_lose_their_tail(unit):
    hits = []
    clean = ENGINE.text(unit * (SIZE // len(unit)), "message", hits)
    assert clean.endswith("[TRUNCATED]")
    assert not [hit for hit in hits if hit.startswith("error")]
