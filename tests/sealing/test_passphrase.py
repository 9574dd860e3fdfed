import json
import stat

import pytest
from joserfc import jwe
from joserfc._rfc7518.jwe_algs import PBES2HSAlgKeyEncryption
from joserfc.jwk import OctKey
from joserfc.registry import HeaderParameter

from traceo.errors import KeyFileError
from traceo.sealing import KeySet, base64url
from traceo.sealing.passphrase import is_locked, lock, unlock

PASSPHRASE = "correct horse — battery staple"


@pytest.fixture(scope="module")
def locked():
    return lock(b"the private keys", PASSPHRASE)


def test_a_locked_file_opens_with_its_passphrase_only(locked):
    assert is_locked(locked)
    assert b"private" not in locked
    assert unlock(locked, PASSPHRASE) == b"the private keys"
    with pytest.raises(KeyFileError, match="the passphrase is wrong, or the key file is damaged") as caught:
        unlock(locked, "another")
    assert caught.value.__cause__ is None


def test_joserfc_opens_what_we_locked(locked, monkeypatch):
    header = json.loads(base64url.decode(locked.decode().split(".")[0]))
    assert (header["alg"], header["enc"], header["p2c"]) == ("PBES2-HS512+A256KW", "A256GCM", 600_000)
    # joserfc stops at 300 000 iterations, which is fewer than we may use.
    any_count = HeaderParameter("PBES2 Count", "int", required=True)
    monkeypatch.setitem(PBES2HSAlgKeyEncryption.more_header_registry, "p2c", any_count)
    algorithms = ["PBES2-HS512+A256KW", "A256GCM"]
    opened = jwe.decrypt_compact(locked, OctKey.import_key(PASSPHRASE), algorithms=algorithms)
    assert opened.plaintext == b"the private keys"


@pytest.mark.parametrize("iterations", [1, 599_999, 2_000_001, -1])
def test_too_few_or_too_many_iterations_are_refused_before_any_work(locked, iterations):
    protected, *parts = locked.decode().split(".")
    header = json.loads(base64url.decode(protected)) | {"p2c": iterations}
    changed = ".".join([base64url.encode(json.dumps(header).encode()), *parts]).encode()
    with pytest.raises(KeyFileError, match=r"600000 to 2000000 iterations are accepted"):
        unlock(changed, PASSPHRASE)
    with pytest.raises(ValueError, match="600000 to 2000000"):
        lock(b"", PASSPHRASE, iterations=iterations)


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "dir"},
        {"alg": "PBES2-HS256+A128KW"},
        {"enc": "A128CBC-HS256"},
        {"zip": "DEF"},
        {"p2s": "AA=="},
    ],
)
def test_another_kind_of_jwe_is_refused(locked, change):
    protected, *parts = locked.decode().split(".")
    header = json.loads(base64url.decode(protected)) | change
    changed = ".".join([base64url.encode(json.dumps(header).encode()), *parts]).encode()
    with pytest.raises(KeyFileError, match="not locked the way Traceo locks one"):
        unlock(changed, PASSPHRASE)


@pytest.mark.parametrize("data", [b"eyJ", b"eyJ.a.b.c.d", b"eyJ\xff", b"eyJ" + b"." * 1000])
def test_noise_is_refused(data):
    with pytest.raises(KeyFileError, match="not locked the way"):
        unlock(data, PASSPHRASE)


def test_an_altered_file_is_refused(locked):
    parts = locked.decode().split(".")
    for at in (1, 2, 3, 4):
        raw = bytearray(base64url.decode(parts[at]))
        raw[0] ^= 1
        changed = ".".join([*parts[:at], base64url.encode(bytes(raw)), *parts[at + 1 :]])
        with pytest.raises(KeyFileError, match="wrong, or the key file is damaged"):
            unlock(changed.encode(), PASSPHRASE)


def test_an_empty_passphrase_locks_nothing():
    with pytest.raises(ValueError, match="give a passphrase"):
        lock(b"", "")


def test_a_locked_key_set_loads_with_its_passphrase_only(tmp_path):
    key_set = KeySet.create()
    key_set.save(tmp_path, passphrase=PASSPHRASE)
    path = tmp_path / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KeySet.load(tmp_path, passphrase=PASSPHRASE) == key_set
    with pytest.raises(KeyFileError, match="is locked; give its passphrase"):
        KeySet.load(tmp_path)
    with pytest.raises(KeyFileError, match="the passphrase is wrong"):
        KeySet.load(tmp_path, passphrase="another")
