"""The real `hvac` client against an HTTP server that speaks KV version 2 and Transit."""

import importlib.util
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from traceo.cli import main
from traceo.collector.keys import Keys
from traceo.errors import ConfigError, KeyFileError
from traceo.sealing.hidden import HiddenText
from traceo.sealing.providers import load, load_or_create, open_store, update
from traceo.sealing.providers.envelope import Passphrase
from traceo.sealing.rotation import Schedule, rotate

KV = "vault-kv:///secret/traceo/keys"
TRANSIT = "vault-transit:///transit/traceo"


def again(key_set):
    return rotate(key_set, now_s=1_800_000_000)


def _vault_server():
    spec = importlib.util.spec_from_file_location("vault_server", Path(__file__).parent / "vault_server.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SERVER = _vault_server()


@pytest.fixture
def vault(monkeypatch, tmp_path):
    server = started(monkeypatch, tmp_path)
    yield server
    server.close()


def started(monkeypatch, tmp_path, context=None):
    server = SERVER.VaultServer(context)
    monkeypatch.setenv("VAULT_ADDR", server.url)
    monkeypatch.setenv("VAULT_TOKEN", SERVER.TOKEN)
    monkeypatch.setenv("HOME", str(tmp_path))
    return server


def at(place, folder, passphrase=None):
    envelope = None if passphrase is None else Passphrase(lambda: passphrase)
    return open_store(place, directory=folder, envelope=envelope)


def test_a_key_set_lives_in_kv(vault, tmp_path):
    store = at(KV, tmp_path)
    assert (store.version(), store.read()) == ("", None)
    made = load_or_create(store)
    assert load(at(KV, tmp_path)) == made
    assert store.version() == "1"
    assert list(tmp_path.iterdir()) == []


def test_a_change_destroys_the_versions_before_it(vault, tmp_path):
    store = at(KV, tmp_path)
    made = load_or_create(store)
    update(store, again)
    turned = update(store, again)
    assert load(store) == turned
    versions = vault.secrets["traceo/keys"]
    assert [content is None for content in versions] == [True, True, False]
    assert made.root.hex() not in str(versions[:-1])
    assert store.complaints() == []


def test_two_writers_take_turns_by_check_and_set(vault, tmp_path):
    store = at(KV, tmp_path)
    serial = load_or_create(store).serial
    vault.before_write.append(lambda: update(at(KV, tmp_path), again))
    assert update(store, again).serial == serial + 2


def test_of_two_that_start_together_one_makes_the_key_set(vault, tmp_path):
    others = []
    vault.before_write.append(lambda: others.append(load_or_create(at(KV, tmp_path))))
    assert [load_or_create(at(KV, tmp_path))] == others


def test_a_token_that_may_not_destroy_is_named_and_the_leftovers_are_complained_about(vault, tmp_path):
    store = at(KV, tmp_path)
    load_or_create(store)
    vault.denied.add("secret/destroy/")
    with pytest.raises(
        KeyFileError, match=r"destroying earlier versions of Vault's secret .* after writing the new one"
    ):
        update(store, again)
    assert load(store).serial == 2
    [complaint] = store.complaints()
    assert complaint == (
        "earlier versions of Vault's secret secret/traceo/keys still hold keys; run: "
        "vault kv destroy -mount=secret -versions=1 traceo/keys"
    )


def test_a_passphrase_locks_what_vault_keeps(vault, tmp_path):
    passphrase = HiddenText("correct horse — battery staple")
    made = load_or_create(at(KV, tmp_path, passphrase))
    assert vault.secrets["traceo/keys"][0]["key_set"].startswith("eyJ")
    assert load(at(KV, tmp_path, passphrase)) == made


def test_a_secret_of_something_else_is_refused(vault, tmp_path):
    vault.secrets["traceo/keys"] = [{"password": "hunter2"}]
    with pytest.raises(KeyFileError, match="has no field key_set") as caught:
        load(at(KV, tmp_path))
    assert "hunter2" not in str(caught.value)


def test_transit_wraps_the_content_key_of_the_file(vault, tmp_path):
    store = at(TRANSIT, tmp_path / "keys")
    made = load_or_create(store)
    raw = (tmp_path / "keys" / "keys.json").read_bytes()
    assert raw.startswith(b"eyJ")
    assert made.root.hex().encode() not in raw
    assert load(at(f"{TRANSIT}?dir={tmp_path}/keys", tmp_path / "other")) == made
    with pytest.raises(KeyFileError, match="it is protected by a key service; name it: vault-transit://"):
        load(at("", tmp_path / "keys"))


def test_a_file_outlives_the_rotation_of_its_transit_key_and_moves_to_the_new_one(vault, tmp_path):
    store = at(TRANSIT, tmp_path)
    load_or_create(store)
    vault.transit_keys.append(type(vault.transit_keys[0])(bytes(32)))
    turned = update(store, again)
    vault.transit_keys[0] = vault.transit_keys[1]
    assert load(store) == turned


def test_an_altered_file_and_a_lost_transit_key_are_refused(vault, tmp_path):
    store = at(TRANSIT, tmp_path)
    load_or_create(store)
    path = tmp_path / "keys.json"
    whole = path.read_text()
    protected, wrapped, nonce, body, tag = whole.split(".")
    path.write_text(".".join([protected, wrapped, nonce, body[:-4] + "AAAA", tag]))
    with pytest.raises(KeyFileError, match="is damaged"):
        load(store)
    path.write_text(whole)
    vault.transit_keys[0] = type(vault.transit_keys[0])(bytes(32))
    with pytest.raises(
        KeyFileError, match=r"unwrapping with Vault's key transit/traceo: .*unable to decrypt"
    ):
        load(store)


@pytest.mark.parametrize("place", [KV, TRANSIT])
def test_a_wrong_token_and_an_absent_vault_are_named_without_the_token(vault, tmp_path, monkeypatch, place):
    monkeypatch.setenv("VAULT_TOKEN", "hvs.wrong")
    with pytest.raises(KeyFileError, match=r"answered Forbidden \(permission denied\); see what the token"):
        load_or_create(at(place, tmp_path))
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
    with pytest.raises(
        KeyFileError, match=r"cannot be reached \(ConnectionError\); see VAULT_ADDR"
    ) as caught:
        load_or_create(at(place, tmp_path))
    assert "hvs.wrong" not in str(caught.value)
    assert caught.value.__context__ is None


def test_the_token_is_read_from_a_file_each_time(vault, tmp_path, monkeypatch):
    monkeypatch.delenv("VAULT_TOKEN")
    with pytest.raises(ConfigError, match="there is no token for Vault; set VAULT_TOKEN or VAULT_TOKEN_FILE"):
        load_or_create(at(KV, tmp_path))
    (tmp_path / "token").write_text("hvs.old\n")
    monkeypatch.setenv("VAULT_TOKEN_FILE", str(tmp_path / "token"))
    store = at(KV, tmp_path)
    with pytest.raises(KeyFileError, match="Forbidden"):
        load_or_create(store)
    (tmp_path / "token").write_text(SERVER.TOKEN + "\n")
    assert load_or_create(store).serial == 1


def test_a_vault_elsewhere_without_tls_is_refused(vault, tmp_path, monkeypatch):
    monkeypatch.setenv("VAULT_ADDR", "http://vault.test:8200")
    with pytest.raises(ConfigError, match=r"is not on this machine and without TLS \(VAULT_ADDR\)"):
        at(KV, tmp_path)


def test_the_command_puts_a_key_file_under_transit_and_takes_it_out_again(vault, tmp_path, capsys):
    folder = tmp_path / "keys"
    made = load_or_create(at("", folder))
    place = f"{TRANSIT}?dir={folder}"
    assert main(["keys", "lock", place]) == 0
    assert f"a collector that uses it needs --keys {place} from its next start on" in capsys.readouterr().out
    assert load(at(place, tmp_path)) == made
    for words in (["list"], ["doctor"], ["pin"], ["rotate"]):
        assert main(["keys", *words, place]) == 0
    assert main(["keys", "list", str(folder)]) == 1
    assert "it is protected by a key service; name it: vault-transit://" in capsys.readouterr().err
    assert main(["keys", "unlock", place]) == 0
    assert load(at("", folder)).serial == 2


def test_a_collector_turns_keys_that_live_in_vault(vault, tmp_path, capsys):
    now_s = [1_800_000_000.0]
    keys = Keys(at(KV, tmp_path), schedule=Schedule(), clock=lambda: now_s[0])
    for day in (76, 90, 187):
        now_s[0] = 1_800_000_000 + day * 86_400
        keys.refresh()
    assert [str(key.state) for key in load(at(KV, tmp_path)).keys] == ["destroyed", "primary", "pending"]
    assert [content is None for content in vault.secrets["traceo/keys"]] == [True, True, True, False]
    update(at(KV, tmp_path), again)
    now_s[0] += 300
    keys.refresh()
    assert load(at(KV, tmp_path)).recipient().kid in keys.ring
    vault.denied.add("secret/data/")
    now_s[0] += 300
    keys.refresh()
    assert "reading Vault's secret secret/traceo/keys: Vault at" in capsys.readouterr().err
    assert keys.fingerprint == load_fingerprint(vault, tmp_path)


def load_fingerprint(vault, folder):
    vault.denied.clear()
    return load(at(KV, folder)).fingerprint


def elsewhere(monkeypatch, tmp_path, newest):
    """Vault as vault.test, which leads to this machine, with TLS up to `newest`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    authority.issue_cert("vault.test").configure_cert(context)
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **options: real("127.0.0.1", *more, **options)
    )
    monkeypatch.setenv("VAULT_CACERT", str(tmp_path / "ca.pem"))
    return started(monkeypatch, tmp_path, context)


@pytest.mark.parametrize(("newest", "works"), [("TLSv1_3", True), ("TLSv1_2", False)])
def test_a_vault_elsewhere_is_spoken_to_over_tls_1_3_only(monkeypatch, tmp_path, newest, works):
    server = elsewhere(monkeypatch, tmp_path, ssl.TLSVersion[newest])
    store = at(f"vault-kv://vault.test:{server.port}/secret/traceo", tmp_path)
    try:
        if works:
            assert load_or_create(store).serial == 1
        else:
            with pytest.raises(KeyFileError, match=r"cannot be reached \(SSLError\)"):
                load_or_create(store)
    finally:
        server.close()
