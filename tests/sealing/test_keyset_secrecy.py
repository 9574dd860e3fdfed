"""No secret shows in a repr, a message, a traceback with its locals, a pickle, a log, or the status."""

import base64
import copy
import io
import json
import os
import pickle
import traceback
from pathlib import Path

import msgspec
import pytest

import traceo
from traceo.errors import KeyFileError, OpenError, SealingError
from traceo.exporters.connection import Proxy, TLSFiles, proxy_for
from traceo.exporters.peer import PeerSettings
from traceo.sealing import EpochKey, Kem, KeySet, KeyState, RecipientSecret, open_batch, seal_batch
from traceo.sealing.hidden import HiddenBytes, HiddenText
from traceo.sealing.passphrase import lock, unlock
from traceo.sealing.providers import load, open_store, update
from traceo.sealing.providers.envelope import AsFound, Passphrase
from traceo.sealing.rotation import rotate

PHRASE = "correct horse — battery staple"
OURS = str(Path(traceo.__file__).parent)


@pytest.fixture(scope="module")
def key_set():
    return rotate(KeySet.create(), now_s=1_800_000_000)


def forms(secret):
    """A secret in every way that somebody might print it."""
    text = base64.b64encode(secret).decode()
    return {
        secret.decode("latin-1"),
        repr(bytes(secret))[2:-1],
        secret.hex(),
        secret.hex().upper(),
        secret.hex(" "),
        str(list(secret))[1:-1],
        text,
        text.rstrip("="),
        text.translate(str.maketrans("+/", "-_")).rstrip("="),
    }


def private(key_set):
    secrets = [key_set.root]
    for key in key_set.keys:
        secrets += [key.secret.seed]
        if (fallback := key.secret.fallback()) is not None:
            secrets.append(fallback.seed)
    return secrets


def check(said, *secrets):
    for secret in secrets:
        for form in forms(secret if isinstance(secret, bytes) else secret.encode()):
            assert form not in said


def shown(error):
    """The traceback with the locals of our own frames, of the error and of all it hangs on."""
    said, seen = [], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        said += [str(error), repr(error), *map(str, error.args)]
        for frame in told.stack:
            if frame.filename.startswith(OURS):
                said += [frame.name, *(frame.locals or {}).values()]
        error = error.__cause__ or error.__context__
    return "\n".join(said)


def test_no_repr_shows_a_secret(key_set, tmp_path):
    secret = key_set.keys[0].secret
    locked = Passphrase(lambda: HiddenText(PHRASE))
    locked._ask()
    objects = [
        key_set,
        key_set.keys,
        key_set.root,
        secret,
        secret.seed,
        secret.fallback(),
        RecipientSecret.generate(Kem.X25519),
        key_set.private_keys(),
        key_set.to_bytes(),
        HiddenText(PHRASE),
        locked,
        AsFound(lambda: HiddenText(PHRASE)),
        vars(locked),
        open_store("", directory=tmp_path, envelope=locked),
        vars(open_store("", directory=tmp_path, envelope=locked)),
    ]
    for thing in objects:
        for text in (
            repr(thing),
            str(thing),
            f"{thing}",
            f"{thing!r:>5}",
            str([thing]),
            ascii(thing),
        ):
            check(text, PHRASE, *private(key_set), secret.seed)


def test_what_holds_a_secret_is_not_pickled(key_set):
    secret = key_set.keys[0].secret
    for thing in (key_set, key_set.keys[0], secret, secret.seed, key_set.private_keys(), HiddenText(PHRASE)):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="holds a secret and is not pickled") as caught:
                pickle.dump(thing, io.BytesIO(), protocol)
            check(shown(caught.value), PHRASE, *private(key_set))
        with pytest.raises(TypeError, match="holds a secret"):
            copy.deepcopy(thing)


def failing(key_set, tmp_path):
    """Everything that can go wrong with a key set in hand, as functions that raise."""
    key_set.save(tmp_path)
    path = tmp_path / "keys.json"
    whole = path.read_bytes()
    locked = lock(whole, PHRASE)

    def content(change):
        def fail():
            path.write_bytes(change)
            KeySet.load(tmp_path)

        return fail

    document = json.loads(whole)
    for name, value in (("extra", 1), ("version", 2), ("root", document["root"][:-4]), ("keys", [])):
        yield content(json.dumps(document | {name: value}).encode()), KeyFileError
    yield content(whole[:-20]), KeyFileError
    for name, value in (
        ("state", "destroyed"),
        ("public", document["keys"][0]["public"]),
        ("seed", None),
        ("kem", 1),
    ):
        rows = [document["keys"][0], document["keys"][1] | {name: value}]
        yield content(json.dumps(document | {"keys": rows}).encode()), KeyFileError
    yield lambda: unlock(locked, PHRASE + "!"), KeyFileError
    yield lambda: unlock(locked[:-8], PHRASE), KeyFileError
    yield lambda: lock(whole, PHRASE, iterations=1), ValueError

    def unwritable():
        path.write_bytes(whole)
        update(open_store("", directory=tmp_path), lambda keys: broken(rotate(keys, now_s=1)))

    def broken(keys):
        key = EpochKey(keys.recipient(), KeyState.PENDING, 1, RecipientSecret(Kem.X_WING, "not bytes"))
        return keys.with_keys([*keys.keys, key])

    yield unwritable, TypeError

    def unreachable():
        KeySet(key_set.root, 1, key_set.keys).save("/proc/nowhere")

    yield unreachable, KeyFileError

    def not_there():
        path.write_bytes(locked)
        load(open_store("", directory=tmp_path))

    yield not_there, KeyFileError

    def wrong_phrase():
        path.write_bytes(locked)
        load(open_store("", directory=tmp_path, envelope=Passphrase(lambda: HiddenText(PHRASE + "?"))))

    yield wrong_phrase, KeyFileError
    yield lambda: RecipientSecret(Kem.X_WING, HiddenBytes(key_set.root[:31])).recipient(), SealingError


def test_no_error_and_no_traceback_with_locals_shows_a_secret(key_set, tmp_path):
    for fail, kind in failing(key_set, tmp_path):
        with pytest.raises(kind) as caught:
            fail()
        check(shown(caught.value), PHRASE, *private(key_set))


def test_a_batch_that_does_not_open_shows_no_key(key_set, header):
    data = bytearray(seal_batch(b"the body of the batch", recipients=[key_set.recipient()], header=header))
    for at in (len(data) - 1, len(data) // 2, 200):
        changed = bytes([*data[:at], data[at] ^ 1, *data[at + 1 :]])
        with pytest.raises(OpenError) as caught:
            open_batch(changed, key_set.private_keys())
        check(shown(caught.value), *private(key_set))


def test_what_an_application_sends_with_does_not_show_its_credentials(monkeypatch):
    settings = PeerSettings(
        **dict.fromkeys(PeerSettings.__struct_fields__, "")
        | {"headers": {"authorization": "Bearer api-key-of-the-shop"}, "tls": TLSFiles()}
    )
    monkeypatch.setenv("http_proxy", "http://user:pass-of-the-proxy@127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    proxy = proxy_for("http", "collector.test")
    assert isinstance(proxy, Proxy)
    for text in (repr(settings), str(proxy), repr(proxy)):
        assert "api-key-of-the-shop" not in text
        assert base64.b64encode(b"user:pass-of-the-proxy").decode() not in text
        assert "pass-of-the-proxy" not in text


def test_hidden_values_are_still_what_they_are():
    assert HiddenText(HiddenText(PHRASE)).encode() == PHRASE.encode()
    assert HiddenText(PHRASE) == PHRASE
    assert HiddenBytes(b"abc") == b"abc"
    assert bytes(HiddenBytes(b"abc")) == b"abc"
    assert os.fsencode(HiddenText("abc")) == b"abc"
    assert msgspec.json.encode(bytes(HiddenBytes(b"abc"))) == b'"YWJj"'
