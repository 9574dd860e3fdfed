import hashlib
import hmac
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OctKey

from traceo.errors import OpenError, TrustError
from traceo.sealing import PrivateKeys, RecipientSecret, base64url
from traceo.sealing.field import field_attribute, field_kid, is_json, open_field, seal_field
from traceo.sealing.keyring import FieldKeys, RevealKeys, WrappedKey, decode_rows, encode_rows
from traceo.sealing.pseudonym import Pseudonyms, pseudonym

KEY = bytes(range(32))
DAY_S = 86_400


@pytest.fixture
def clock():
    class Clock:
        now_s = 1_800_000_000.0

        def __call__(self):
            return self.now_s

    return Clock()


@pytest.fixture
def sealer(secret, clock):
    return FieldKeys(lambda: [secret.recipient()], clock=clock)


@pytest.fixture
def reveal(secret):
    return lambda rows: RevealKeys(PrivateKeys([secret]), rows)


def refuses(call):
    with pytest.raises(OpenError) as caught:
        call()
    assert str(caught.value) == "the sealed data does not open"
    return True


@given(st.text(), st.text(max_size=20))
def test_a_pseudonym_is_the_hmac_of_domain_and_value(value, domain):
    mac = hmac.new(KEY, f"{domain}\x00{value}".encode(), hashlib.sha256).digest()
    assert pseudonym(value, key=KEY, domain=domain) == "pn_" + base64url.encode(mac)


def test_pseudonyms_differ_by_value_domain_and_key():
    tokens = {
        pseudonym("1", key=KEY),
        pseudonym("2", key=KEY),
        pseudonym("1", key=KEY, domain="PHONE"),
        pseudonym("1", key=bytes(32)),
        pseudonym("\ud800", key=KEY),
    }
    assert len(tokens) == 5
    assert {len(token) for token in tokens} == {46}
    with pytest.raises(ValueError, match="at least 32 bytes"):
        pseudonym("1", key=b"short")


def test_one_value_has_one_token_wherever_it_stands():
    make = Pseudonyms(KEY)
    assert make(" Ada@Example.com") == make("ada@example.com") == pseudonym("ada@example.com", key=KEY)
    assert make("user-A1") != make("user-a1")
    assert "secret" not in repr(make)
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Pseudonyms(b"short")


@given(st.binary(max_size=200), st.text(max_size=40))
def test_a_sealed_value_comes_back_on_its_attribute(value, attribute):
    token = seal_field(value, key=KEY, kid="k1", attribute=attribute)
    assert open_field(token, key=KEY, attribute=attribute) == value
    assert field_kid(token) == "k1"


def test_a_token_says_its_attribute_and_whether_it_holds_json():
    token = seal_field(b"[1,2]", key=KEY, kid="k1", attribute="user.roles", json=True)
    assert (field_attribute(token), is_json(token), is_json(TOKEN)) == ("user.roles", True, False)
    assert open_field(token, key=KEY, attribute="user.roles") == b"[1,2]"
    assert json.loads(base64url.decode(token.split(".")[0]))["cty"] == "json"


def test_a_token_is_a_jwe_that_joserfc_opens_and_the_other_way_round():
    token = seal_field(b"ada@example.com", key=KEY, kid="k1", attribute="user.email")
    header = {"alg": "dir", "attr": "user.email", "enc": "A256GCM", "kid": "k1"}
    assert json.loads(base64url.decode(token.split(".")[0])) == header
    registry = jwe.JWERegistry(algorithms=["dir", "A256GCM"], strict_check_header=False)
    key = OctKey.import_key(KEY)
    assert jwe.decrypt_compact(token, key, registry=registry).plaintext == b"ada@example.com"
    theirs = jwe.encrypt_compact(header, b"theirs", key, registry=registry)
    assert open_field(theirs, key=KEY, attribute="user.email") == b"theirs"


TOKEN = seal_field(b"ada@example.com", key=KEY, kid="k1", attribute="user.email")


@given(st.data())
def test_an_altered_token_does_not_open(data):
    at = data.draw(st.integers(0, len(TOKEN) - 1))
    letter = data.draw(st.characters().filter(lambda letter: letter != TOKEN[at]))
    altered = TOKEN[:at] + letter + TOKEN[at + 1 :]
    assert refuses(lambda: open_field(altered, key=KEY, attribute="user.email"))
    assert refuses(lambda: open_field(TOKEN[:at], key=KEY, attribute="user.email"))


def test_a_token_moved_to_another_attribute_or_key_does_not_open():
    assert refuses(lambda: open_field(TOKEN, key=KEY, attribute="enduser.id"))
    assert refuses(lambda: open_field(TOKEN, key=bytes(32), attribute="user.email"))
    moved = seal_field(b"", key=KEY, kid="k1", attribute="enduser.id").split(".")[0]
    assert refuses(lambda: open_field(moved + TOKEN[TOKEN.index(".") :], key=KEY, attribute="enduser.id"))


@given(st.text(max_size=50))
def test_noise_is_no_token(noise):
    assert refuses(lambda: open_field(noise, key=KEY, attribute=""))
    assert refuses(lambda: field_kid(noise))


def test_the_holder_of_a_reveal_key_opens_values_with_the_key_table(sealer, reveal):
    token = sealer.seal(b"ada@example.com", attribute="user.email", subject="pn_ada")
    again = sealer.seal(b"+44 20 7946 0958", attribute="user.phone", subject="pn_ada")
    nobody = sealer.seal(b"x", attribute="note")
    rows = sealer.drain()
    assert [(row.parent != "", row.subject) for row in rows] == [(False, ""), (True, "pn_ada"), (True, "")]
    holder = reveal(rows)
    assert holder.open(token, attribute="user.email") == b"ada@example.com"
    assert holder.open(again, attribute="user.phone") == b"+44 20 7946 0958"
    assert holder.open(nobody, attribute="note") == b"x"
    assert sealer.drain() == []


def test_deleting_a_subjects_keys_makes_every_copy_unreadable(sealer, reveal, clock):
    tokens = []
    for _ in range(3):
        tokens += [
            sealer.seal(b"ada", attribute="a", subject="pn_ada"),
            sealer.seal(b"bob", attribute="a", subject="pn_bob"),
        ]
        clock.now_s += DAY_S
    rows = sealer.drain()
    before, after = reveal(rows), reveal([row for row in rows if row.subject != "pn_ada"])
    assert [before.open(token, attribute="a") for token in tokens] == [b"ada", b"bob"] * 3
    for ada, bob in zip(tokens[::2], tokens[1::2], strict=True):
        assert refuses(lambda ada=ada: after.open(ada, attribute="a"))
        assert after.open(bob, attribute="a") == b"bob"


def test_someone_elses_key_or_a_shuffled_table_opens_nothing(sealer, reveal, secret):
    token = sealer.seal(b"ada", attribute="a", subject="pn_ada")
    sealer.seal(b"bob", attribute="a", subject="pn_bob")
    process, ada, bob = sealer.drain()
    stranger = RevealKeys(PrivateKeys([RecipientSecret.generate()]), [process, ada])
    assert refuses(lambda: stranger.open(token, attribute="a"))
    for rows in (
        [],
        [ada],
        [process],
        [process, WrappedKey(ada.kid, ada.parent, ada.subject, 0, bob.wrapped)],
        [process, WrappedKey(ada.kid, ada.parent, ada.subject, 0, b"")],
        [WrappedKey(process.kid, "", "", 0, b"noise"), ada],
        [WrappedKey("other", "", "", 0, process.wrapped), WrappedKey(ada.kid, "other", "", 0, ada.wrapped)],
        [process, WrappedKey(ada.kid, "", "", 0, ada.wrapped)],
        [process, bob, WrappedKey(ada.kid, bob.kid, "", 0, ada.wrapped)],
    ):
        assert refuses(lambda rows=rows: reveal(rows).open(token, attribute="a"))


def test_a_key_is_not_used_for_more_than_a_day_or_after_the_clock_jumped(sealer, clock):
    kids = []
    for step_s in (0, DAY_S - 1, 1, -10, DAY_S * 30):
        clock.now_s += step_s
        kids.append(field_kid(sealer.seal(b"x", attribute="a")))
    assert kids[0] == kids[1]
    assert len(set(kids)) == 4


def test_a_key_is_not_used_for_more_than_its_number_of_values(sealer, monkeypatch):
    monkeypatch.setattr("traceo.sealing.keyring._MAX_USES", 3)
    kids = [field_kid(sealer.seal(b"x", attribute="a")) for _ in range(7)]
    assert [kids.count(kid) for kid in dict.fromkeys(kids)] == [3, 3, 1]


def test_many_subjects_do_not_grow_without_bound(sealer, monkeypatch):
    monkeypatch.setattr("traceo.sealing.keyring._MAX_SUBJECTS", 2)
    for subject in "abcab":
        sealer.seal(b"x", attribute="a", subject=subject)
    assert list(sealer._current.subjects) == ["a", "b"]
    assert [row.subject for row in sealer.drain()] == ["", "a", "b", "c", "a", "b"]


def test_a_forked_child_seals_under_keys_of_its_own(sealer, reveal):
    sealer.seal(b"before", attribute="a", subject="pn_ada")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            token = sealer.seal(b"child", attribute="a", subject="pn_ada")
            rows = [[row.kid, row.parent, row.subject, 0, row.wrapped.hex()] for row in sealer.drain()]
            os.write(writer, json.dumps([token, rows]).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        token, rows = json.loads(pipe.read())
    os.waitpid(child, 0)
    ours = sealer.drain()
    theirs = [WrappedKey(*row[:4], bytes.fromhex(row[4])) for row in rows]
    assert len(theirs) == 2
    assert not {row.kid for row in ours} & {row.kid for row in theirs}
    assert reveal(theirs).open(token, attribute="a") == b"child"
    assert refuses(lambda: reveal(ours).open(token, attribute="a"))


def test_rows_travel_as_json_and_nothing_else_is_taken_for_them(sealer):
    sealer.seal(b"x", attribute="a", subject="pn_ada")
    rows = sealer.drain()
    assert decode_rows(encode_rows(rows)) == rows
    row = {"kid": "k" * 16, "parent": "", "subject": "", "created_s": 1, "wrapped": "AA=="}
    assert decode_rows(json.dumps([row]).encode()) == [WrappedKey("k" * 16, "", "", 1, b"\x00")]
    for change in (
        {"kid": "short"},
        {"parent": "short"},
        {"subject": "s" * 65},
        {"created_s": -1},
        {"wrapped": ""},
        {"wrapped": "A" * 100_000},
        {"kid": None},
    ):
        assert refuses(lambda change=change: decode_rows(json.dumps([{**row, **change}]).encode()))
    assert refuses(lambda: decode_rows(b"\xff"))
    assert refuses(lambda: decode_rows(b"{}"))


def test_a_process_without_a_reveal_key_seals_nothing(clock):
    def nobody():
        raise TrustError("no reveal key")

    sealer = FieldKeys(nobody, clock=clock)
    for _ in range(2):
        with pytest.raises(TrustError):
            sealer.seal(b"x", attribute="a")
    assert sealer.drain() == []


def test_no_secret_shows_in_a_repr(sealer, secret):
    sealer.seal(b"ada@example.com", attribute="a", subject="pn_ada")
    current = sealer._current
    shown = repr(sealer) + repr(current) + repr(sealer.drain()) + repr(RevealKeys(PrivateKeys([secret]), []))
    assert repr(bytes(current.key))[2:-1] not in shown + repr(current.key)
    assert "ada@example.com" not in shown
