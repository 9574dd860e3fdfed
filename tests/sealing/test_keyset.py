import base64
import json
import multiprocessing
import os
import stat

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from traceo.errors import KeyFileError, TrustError
from traceo.sealing import (
    BatchHeader,
    EpochKey,
    Kem,
    KeySet,
    KeyState,
    PublishedKeys,
    RecipientSecret,
    default_kem,
    open_batch,
    seal_batch,
)
from traceo.sealing.published import root_fingerprint

NOW_S = 1_800_000_000


@pytest.fixture
def key_set():
    return KeySet.create(now_s=NOW_S)


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_new_key_set_has_one_primary_key_of_the_best_kind(key_set):
    assert default_kem() is Kem.X_WING
    assert [(key.state, key.recipient.kem, key.since_s) for key in key_set.keys] == [
        (KeyState.PRIMARY, Kem.X_WING, NOW_S)
    ]


def test_a_key_set_comes_back_from_its_file_whole(tmp_path, key_set):
    key_set.save(tmp_path / "data")
    assert KeySet.load(tmp_path / "data") == key_set
    assert stat.S_IMODE((tmp_path / "data" / "keys.json").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["keys.json"]


def test_the_file_is_private_whatever_the_umask(tmp_path, key_set):
    before = os.umask(0)
    try:
        key_set.save(tmp_path / "new" / "data")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new" / "data" / "keys.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new" / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o777])
def test_a_key_file_that_others_may_touch_is_refused(tmp_path, key_set, mode):
    key_set.save(tmp_path)
    (tmp_path / "keys.json").chmod(mode)
    with pytest.raises(KeyFileError, match=r"open to others .* chmod 600"):
        KeySet.load(tmp_path)


def test_a_missing_a_strange_and_a_huge_key_file_are_refused(tmp_path):
    with pytest.raises(KeyFileError, match="cannot be read"):
        KeySet.load(tmp_path)
    (tmp_path / "fifo").mkdir()
    os.mkfifo(tmp_path / "fifo" / "keys.json", 0o600)
    with pytest.raises(KeyFileError, match="not a regular file"):
        KeySet.load(tmp_path / "fifo")
    (tmp_path / "keys.json").write_bytes(b" " * (1024 * 1024 + 1))
    (tmp_path / "keys.json").chmod(0o600)
    with pytest.raises(KeyFileError, match="larger than"):
        KeySet.load(tmp_path)


def damaged(key_set, tmp_path, change):
    key_set.save(tmp_path)
    path = tmp_path / "keys.json"
    file = json.loads(path.read_text())
    change(file)
    path.write_text(json.dumps(file))
    with pytest.raises(
        KeyFileError, match=r"damaged or not a Traceo key set|is a seed of 32 bytes"
    ) as caught:
        KeySet.load(tmp_path)
    return caught.value


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.update(version=2),
        lambda file: file.update(extra=1),
        lambda file: file.update(root="c2hvcnQ="),
        lambda file: file.update(keys=[]),
        lambda file: file["keys"][0].update(state="decrypt-only"),
        lambda file: file["keys"][0].update(state="destroyed"),
        lambda file: file["keys"][0].update(state="lost"),
        lambda file: file["keys"][0].update(kem=1),
        lambda file: file["keys"][0].update(seed=None),
        lambda file: file["keys"][0].update(seed="c2hvcnQ="),
        lambda file: file["keys"][0].update(public="c2hvcnQ="),
        lambda file: file["keys"].append(file["keys"][0]),
    ],
)
def test_a_damaged_key_file_is_refused_without_quoting_it(tmp_path, key_set, change):
    error = damaged(key_set, tmp_path, change)
    assert error.__cause__ is None
    assert key_set.keys[0].secret.seed.hex() not in str(error)


def started(directory, results):
    results.put(KeySet.load_or_create(directory).fingerprint)


def test_of_several_processes_that_start_together_one_makes_the_key_set(tmp_path):
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    starters = [context.Process(target=started, args=(tmp_path, results)) for _ in range(4)]
    for starter in starters:
        starter.start()
    fingerprints = {results.get(timeout=20) for _ in starters}
    for starter in starters:
        starter.join()
    assert fingerprints == {KeySet.load(tmp_path).fingerprint}


def test_a_published_key_set_verifies_and_seals_to_the_holder(key_set):
    keys = PublishedKeys.verify(key_set.publish(now_s=NOW_S), pin=key_set.fingerprint, now_s=NOW_S)
    assert keys.fingerprint == key_set.fingerprint
    assert (keys.serial, keys.issued_at_s, keys.expires_at_s) == (1, NOW_S, NOW_S + 7 * 86400)
    header = BatchHeader(
        content_type="application/x-protobuf",
        content_encoding="",
        batch_id=bytes(16),
        tenant="",
        signal="logs",
        timestamp_ns=0,
    )
    data = seal_batch(b"body", recipients=[keys.recipient()], header=header)
    assert open_batch(data, key_set.private_keys()).body == b"body"


def test_no_secret_is_published_or_shown(key_set, tmp_path):
    secrets = [key_set.root, key_set.keys[0].secret.seed]
    document = json.loads(key_set.publish())
    shown = "".join(
        [
            repr(key_set),
            repr(key_set.keys),
            repr(key_set.private_keys()),
            *(
                base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("latin-1")
                for part in document.values()
            ),
            json.dumps(document),
        ]
    )
    for secret in secrets:
        for form in (
            secret.hex(),
            repr(secret)[2:-1],
            unpadded(secret),
            base64.b64encode(secret).decode(),
            secret.decode("latin-1"),
        ):
            assert form not in shown


def test_the_fingerprint_is_the_jwk_thumbprint_of_the_root_key():
    # RFC 8037, appendix A.3.
    public = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert root_fingerprint(public) == "sha256:kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_document_of_another_signer_than_the_pinned_one_is_refused(key_set):
    other = KeySet.create(now_s=NOW_S)
    with pytest.raises(TrustError, match=r"is signed by sha256:.* but sha256:.* is pinned"):
        PublishedKeys.verify(other.publish(now_s=NOW_S), pin=key_set.fingerprint, now_s=NOW_S)
    assert PublishedKeys.verify(other.publish(now_s=NOW_S), pin=None, now_s=NOW_S).serial == 1


@pytest.mark.parametrize("age_s", [-301, 7 * 86400, 10**9])
def test_a_document_from_the_future_or_the_past_is_refused(key_set, age_s):
    with pytest.raises(TrustError, match="expired, or this machine's clock is wrong"):
        PublishedKeys.verify(key_set.publish(now_s=NOW_S), pin=None, now_s=NOW_S + age_s)


@given(st.data())
@settings(max_examples=200)
def test_a_document_with_any_byte_changed_is_refused(data):
    document = DOCUMENT
    at = data.draw(st.integers(0, len(document) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != document[at]))
    with pytest.raises(TrustError):
        PublishedKeys.verify(document[:at] + bytes([byte]) + document[at + 1 :], pin=PIN, now_s=NOW_S)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_noise_is_not_a_key_set(noise):
    assert not PublishedKeys.resembles(noise)
    with pytest.raises(TrustError):
        PublishedKeys.verify(noise, pin=None)


def test_a_huge_document_is_refused_unread():
    with pytest.raises(TrustError, match="malformed"):
        PublishedKeys.verify(b" " * 70_000 + DOCUMENT, pin=None, now_s=NOW_S)


def signed(payload, header=None):
    """A document signed with a real key over whatever payload the test wants."""
    root = Ed25519PrivateKey.generate()
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": unpadded(root.public_key().public_bytes_raw())}
    protected = unpadded(
        json.dumps({"alg": "Ed25519", "typ": "traceo-keys", "jwk": jwk, **(header or {})}).encode()
    )
    body = unpadded(json.dumps(payload).encode())
    signature = unpadded(root.sign(f"{protected}.{body}".encode()))
    return json.dumps({"protected": protected, "payload": body, "signature": signature}).encode()


def payload(**change):
    key = RecipientSecret.generate(Kem.X25519).recipient()
    row = {
        "kid": unpadded(key.kid),
        "kem": int(key.kem),
        "public": unpadded(key.public),
        "state": "primary",
        "since": NOW_S,
    }
    whole = {
        "version": 1,
        "serial": 1,
        "issued_at": NOW_S,
        "expires_at": NOW_S + 60,
        "keys": [row | change.pop("key", {})],
    }
    return whole | change


def test_a_document_made_elsewhere_by_the_book_is_accepted():
    document = signed(payload(note="a field of a later version"))
    assert PublishedKeys.verify(document, pin=None, now_s=NOW_S).recipient().kem is Kem.X25519


@pytest.mark.parametrize(
    "body",
    [
        payload(version=2),
        payload(keys=[]),
        payload(key={"state": "pending"}),
        payload(key={"state": "anything"}),
        payload(key={"kid": unpadded(bytes(16))}),
        payload(key={"public": unpadded(bytes(31))}),
        payload(key={"kem": 1}),
        payload(keys=payload()["keys"] * 65),
        payload(serial="1"),
        [],
        None,
    ],
)
def test_a_well_signed_document_with_a_wrong_content_is_refused(body):
    with pytest.raises(TrustError):
        PublishedKeys.verify(signed(body), pin=None, now_s=NOW_S)


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"crit": ["b64"]}, {"typ": "JWT"}])
def test_another_kind_of_signature_is_refused(header):
    with pytest.raises(TrustError):
        PublishedKeys.verify(signed(payload(), header), pin=None, now_s=NOW_S)


def test_destroyed_keys_are_gone_from_file_and_document(tmp_path, key_set):
    old = key_set.keys[0]
    fresh = EpochKey.generate(KeyState.PRIMARY, now_s=NOW_S)
    changed = key_set.with_keys([old.to(KeyState.DESTROYED, now_s=NOW_S), fresh])
    changed.save(tmp_path)
    loaded = KeySet.load(tmp_path)
    assert (loaded.serial, loaded.keys[0].secret, loaded.keys[0].state) == (2, None, KeyState.DESTROYED)
    published = PublishedKeys.verify(loaded.publish(now_s=NOW_S), pin=None, now_s=NOW_S)
    assert [key.recipient for key in published.keys] == [fresh.recipient]
    assert old.recipient.kid not in loaded.private_keys()


def test_a_sender_without_ml_kem_seals_to_the_x25519_companion(key_set, monkeypatch):
    document = key_set.publish(now_s=NOW_S)
    monkeypatch.setattr("traceo.sealing.published.default_kem", lambda: Kem.X25519)
    recipient = PublishedKeys.verify(document, pin=None, now_s=NOW_S).recipient()
    assert recipient.kem is Kem.X25519
    header = BatchHeader(
        content_type="x", content_encoding="", batch_id=bytes(16), tenant="", signal="logs", timestamp_ns=0
    )
    data = seal_batch(b"body", recipients=[recipient], header=header)
    assert open_batch(data, key_set.private_keys()).body == b"body"


def test_without_ml_kem_a_new_key_set_uses_x25519(tmp_path, key_set, monkeypatch):
    def missing(_):
        raise UnsupportedAlgorithm("no ML-KEM")

    monkeypatch.setattr(
        "cryptography.hazmat.primitives.asymmetric.mlkem.MLKEM768PrivateKey.from_seed_bytes", missing
    )
    default_kem.cache_clear()
    try:
        assert KeySet.create().recipient().kem is Kem.X25519
        key_set.save(tmp_path)
        with pytest.raises(KeyFileError, match="has no ML-KEM"):
            KeySet.load(tmp_path)
    finally:
        monkeypatch.undo()
        default_kem.cache_clear()
    assert default_kem() is Kem.X_WING


_SIGNER = KeySet.create(now_s=NOW_S)
DOCUMENT, PIN = _SIGNER.publish(now_s=NOW_S), _SIGNER.fingerprint
