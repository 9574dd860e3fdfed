import base64

import pytest

from traceo.errors import ConfigError
from traceo.pipeline.seal_settings import SealSettings, parse_seal, read_key
from traceo.policy import armed, choose
from traceo.sealing.pseudonym import Pseudonyms

KEY = bytes(range(32))


@pytest.fixture
def reveal(tmp_path):
    path = tmp_path / "reveal.jws"
    path.write_text("{}")
    return str(path)


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "pseudonym.key"
    path.write_bytes(base64.b64encode(KEY) + b"\n")
    path.chmod(0o600)
    return str(path)


def ready(table):
    return armed(choose(table, source="here"), source="here")


def test_a_policy_that_seals_has_its_key_and_its_readers(reveal, key_file):
    seal = {"reveal_keys": [reveal], "pseudonym_key": key_file, "key_table": "https://traceo:4318"}
    chosen = ready({"keys": {"user.email": "seal"}, "seal": seal})
    assert chosen.policy.secret == KEY
    assert chosen.seal == SealSettings((reveal,), key_file, "https://traceo:4318")
    assert repr(KEY)[2:-1] not in repr(chosen)


@pytest.mark.parametrize("rules", [{"keys": {"user.email": "seal"}}, {"types": {"EMAIL": "seal"}}])
def test_what_seals_needs_somebody_who_reveals_and_a_key_to_erase_by(rules, reveal):
    with pytest.raises(ConfigError, match=r"names nobody who can reveal them; publish a key set"):
        ready(rules)
    with pytest.raises(
        ConfigError, match=r"has no seal\.pseudonym_key, without which nobody could be erased"
    ):
        ready({**rules, "seal": {"reveal_keys": [reveal]}})
    with pytest.raises(ConfigError, match=r"seal\.reveal_keys names /none, which is no file"):
        ready({**rules, "seal": {"reveal_keys": ["/none"], "pseudonym_key": "env:X"}})


def test_the_same_policy_can_be_looked_at_where_its_keys_are_not():
    assert choose({"keys": {"user.email": "seal"}}, source="here").policy.keys[0].action == "seal"


def test_tokens_without_a_key_compare_within_the_process_only():
    first, second = (ready({"keys": {"user.id": "pseudonymise"}}).policy.secret for _ in range(2))
    assert len(first) == 32
    assert first != second
    assert ready({"keys": {"user.id": "mask"}}).policy.secret == b""


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ([], "seal must be a table"),
        ({"reveal_key": []}, "unknown setting 'seal.reveal_key'; did you mean 'reveal_keys'?"),
        ({"reveal_keys": "x"}, r"seal: Expected `array`, got `str`"),
        ({"key_table": "traceo"}, "seal.key_table must be a URL"),
    ],
)
def test_a_wrong_table_says_what_is_wrong(table, words):
    with pytest.raises(ConfigError, match=words):
        parse_seal(table, source="here")


def test_the_key_comes_from_a_file_or_a_variable(key_file, monkeypatch, tmp_path):
    assert read_key(key_file, source="here") == KEY
    monkeypatch.setenv("TOKENS", base64.urlsafe_b64encode(KEY).decode().rstrip("="))
    assert read_key("env:TOKENS", source="here") == KEY
    assert Pseudonyms(read_key("env:TOKENS", source="here"))("x") == Pseudonyms(KEY)("x")
    for value in ("", "c2hvcnQ=", "é"):
        monkeypatch.setenv("TOKENS", value)
        with pytest.raises(ConfigError, match=r"env:TOKENS is not base64 of at least 32 bytes \(from here\)"):
            read_key("env:TOKENS", source="here")
    (tmp_path / "pseudonym.key").chmod(0o644)
    with pytest.raises(ConfigError, match=r"chmod 600 .* \(from here\)"):
        read_key(key_file, source="here")
