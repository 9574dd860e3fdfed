"""What other implementations of the same standards make of our bytes, and we of theirs."""

import hashlib
import json
from base64 import urlsafe_b64decode

import cbor2
import cwt
import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from joserfc import jws
from joserfc.jwk import OKPKey
from pyhpke import AEADId, CipherSuite, KDFId, KEMId

from traceo.sealing import (
    Kem,
    KeySet,
    PrivateKeys,
    RecipientKey,
    RecipientSecret,
    cbor,
    open_batch,
    rewrap_batch,
    seal_batch,
)

BODY = b"what was sealed"
X25519_ALG = -65568


@pytest.fixture(scope="module")
def other_suite():
    return CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM)


@pytest.fixture(scope="module")
def holder():
    """A key holder whose X25519 key was made elsewhere."""
    key = x25519.X25519PrivateKey.generate()
    return RecipientSecret(Kem.X25519, key.private_bytes_raw())


def recipient_structure(recipient_protected, body_protected):
    return cbor.encode(["HPKE Recipient", 3, recipient_protected, body_protected])


def test_pyhpke_opens_the_content_key_and_cwt_the_body_that_we_sealed(other_suite, holder, header):
    data = seal_batch(BODY, recipients=[holder.recipient()], header=header)
    protected, unprotected, ciphertext, [[inner, ek, wrapped]] = cbor.decode(data).value
    context = other_suite.create_recipient_context(
        ek[-4],
        other_suite.kem.deserialize_private_key(holder.seed),
        info=recipient_structure(inner, protected),
    )
    content_key = context.open(wrapped)
    direct = cbor2.CBORTag(96, [protected, unprotected, ciphertext, [[b"", {1: -6}, b""]]])
    key = cwt.COSEKey.from_symmetric_key(content_key, alg="A256GCM")
    assert cwt.COSE.new().decode(direct, [key]) == BODY


def test_we_open_what_pyhpke_and_cwt_sealed_by_the_book(other_suite, holder, header):
    ours = seal_batch(b"", recipients=[holder.recipient()], header=header)
    fields = cbor.decode(cbor.decode(ours).value[0])
    content_key = cwt.COSEKey.generate_symmetric_key(alg="A256GCM")
    sender = cwt.COSE.new(kid_auto_inclusion=False)
    direct = cwt.Recipient.new({}, {1: -6})
    encoded = sender.encode(
        BODY, content_key, protected=dict(fields), unprotected={5: bytes(12)}, recipients=[direct]
    )
    protected, unprotected, ciphertext, _ = cbor.decode(encoded).value
    inner = cbor.encode({1: X25519_ALG, 4: holder.recipient().kid})
    enc, context = other_suite.create_sender_context(
        other_suite.kem.deserialize_public_key(holder.recipient().public),
        info=recipient_structure(inner, protected),
    )
    recipients = [[inner, {-4: enc}, context.seal(content_key.key)]]
    opened = open_batch(
        cbor.encode(cbor.Tag(96, [protected, unprotected, ciphertext, recipients])), PrivateKeys([holder])
    )
    assert (opened.header, opened.body) == (header, BODY)


def test_joserfc_verifies_our_key_set():
    key_set = KeySet.create()
    document = json.loads(key_set.publish())
    header = json.loads(_unpadded_decode(document["protected"]))
    verified = jws.deserialize_json(
        document, OKPKey.import_key(header["jwk"]), algorithms=["Ed25519"], registry=_registry()
    )
    payload = json.loads(verified.payload)
    assert [(key["state"], key["kem"]) for key in payload["keys"]] == [("primary", 0x647A)]
    assert key_set.fingerprint == "sha256:" + OKPKey.import_key(header["jwk"]).thumbprint()


def _registry():
    return jws.JWSRegistry(algorithms=["Ed25519"], strict_check_header=False)


def _unpadded_decode(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_x_wing_keys_are_those_of_the_draft():
    # draft-connolly-cfrg-xwing-kem, appendix C, first vector: seed and the beginning and hash of the public key.
    seed = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
    public = RecipientSecret(Kem.X_WING, seed).recipient().public
    assert public[:16].hex() == "e2236b35a8c24b39b10aa1323a96a919"
    assert len(public) == 1216


def test_a_key_id_can_be_computed_by_hand():
    key = RecipientKey(Kem.X25519, bytes(range(32)))
    assert key.kid == hashlib.sha256(b"\x00\x20" + bytes(range(32))).digest()[:16]


def test_a_batch_sealed_with_x25519_can_be_moved_to_x_wing(holder, header):
    strong = RecipientSecret.generate(Kem.X_WING)
    data = seal_batch(BODY, recipients=[holder.recipient()], header=header)
    moved = rewrap_batch(data, PrivateKeys([holder]), recipients=[strong.recipient()], keep_others=False)
    assert open_batch(moved, PrivateKeys([strong])).body == BODY
