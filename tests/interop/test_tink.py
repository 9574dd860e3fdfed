"""HPKE against Google's Tink, both KEMs, both directions, and keys in each other's form."""

import pytest
import tink
from tink import hybrid, proto_keyset_format, secret_key_access
from tink.proto import hpke_pb2, tink_pb2

from traceo.errors import OpenError
from traceo.sealing import Kem, PrivateKeys, RecipientKey, RecipientSecret, cbor, open_batch, seal_batch

KEMS = {
    Kem.X_WING: (hpke_pb2.X_WING, "X_WING_HKDF_SHA256_HKDF_SHA256_AES_256_GCM_RAW"),
    Kem.X25519: (hpke_pb2.DHKEM_X25519_HKDF_SHA256, "DHKEM_X25519_HKDF_SHA256_HKDF_SHA256_AES_256_GCM_RAW"),
}
ALGORITHMS = {Kem.X_WING: -91258, Kem.X25519: -65568}
CONTENT_KEY, INFO = bytes(range(32)), b"some info"
hybrid.register()


@pytest.fixture(params=list(KEMS), ids=[kem.name for kem in KEMS])
def kem(request):
    return request.param


def theirs(secret):
    """Our private key as a Tink keyset."""
    params = hpke_pb2.HpkeParams(kem=KEMS[secret.kem][0], kdf=hpke_pb2.HKDF_SHA256, aead=hpke_pb2.AES_256_GCM)
    public = hpke_pb2.HpkePublicKey(params=params, public_key=secret.recipient().public)
    private = hpke_pb2.HpkePrivateKey(public_key=public, private_key=secret.seed)
    data = tink_pb2.KeyData(
        type_url="type.googleapis.com/google.crypto.tink.HpkePrivateKey",
        value=private.SerializeToString(),
        key_material_type=tink_pb2.KeyData.ASYMMETRIC_PRIVATE,
    )
    key = tink_pb2.Keyset.Key(
        key_data=data, status=tink_pb2.ENABLED, key_id=1, output_prefix_type=tink_pb2.RAW
    )
    keyset = tink_pb2.Keyset(primary_key_id=1, key=[key])
    return proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)


def ours(handle):
    """A Tink keyset's private key as ours."""
    keyset = tink_pb2.Keyset.FromString(proto_keyset_format.serialize(handle, secret_key_access.TOKEN))
    private = hpke_pb2.HpkePrivateKey.FromString(keyset.key[0].key_data.value)
    kem = next(kem for kem, (number, _) in KEMS.items() if number == private.public_key.params.kem)
    return RecipientSecret(kem, private.private_key), private.public_key.public_key


def test_a_key_made_by_tink_has_the_public_half_that_we_compute(kem):
    handle = tink.new_keyset_handle(getattr(hybrid.hybrid_key_templates, KEMS[kem][1]))
    secret, public = ours(handle)
    assert secret.recipient() == RecipientKey(kem, public)


def test_tink_opens_what_we_wrapped(kem):
    secret = RecipientSecret.generate(kem)
    enc, wrapped = secret.recipient().wrap(CONTENT_KEY, INFO)
    assert theirs(secret).primitive(hybrid.HybridDecrypt).decrypt(enc + wrapped, INFO) == CONTENT_KEY
    with pytest.raises(tink.TinkError):
        theirs(secret).primitive(hybrid.HybridDecrypt).decrypt(enc + wrapped, b"other info")


def test_we_unwrap_what_tink_sealed(kem):
    handle = tink.new_keyset_handle(getattr(hybrid.hybrid_key_templates, KEMS[kem][1]))
    secret, _ = ours(handle)
    sealed = handle.public_keyset_handle().primitive(hybrid.HybridEncrypt).encrypt(CONTENT_KEY, INFO)
    enc, wrapped = sealed[: kem.enc_bytes], sealed[kem.enc_bytes :]
    keys, kid = PrivateKeys([secret]), secret.recipient().kid
    assert keys.unwrap(kid, enc, wrapped, INFO) == CONTENT_KEY
    with pytest.raises(OpenError):
        keys.unwrap(kid, enc, wrapped, b"other info")


def test_a_batch_whose_content_key_tink_wrapped_opens_here(kem, header):
    secret = RecipientSecret.generate(kem)
    kid = secret.recipient().kid
    known = RecipientSecret.generate(Kem.X25519)
    data = seal_batch(b"the body", recipients=[known.recipient()], header=header)
    protected, nonce, ciphertext, [[inner, ek, wrapped]] = cbor.decode(data).value
    info = cbor.encode(["HPKE Recipient", 3, inner, protected])
    content_key = PrivateKeys([known]).unwrap(known.recipient().kid, ek[-4], wrapped, info)

    inner = cbor.encode({1: ALGORITHMS[kem], 4: kid})
    info = cbor.encode(["HPKE Recipient", 3, inner, protected])
    public = theirs(secret).public_keyset_handle()
    sealed = public.primitive(hybrid.HybridEncrypt).encrypt(content_key, info)
    recipient = [inner, {-4: sealed[: kem.enc_bytes]}, sealed[kem.enc_bytes :]]
    moved = cbor.encode(cbor.Tag(96, [protected, nonce, ciphertext, [recipient]]))
    opened = open_batch(moved, PrivateKeys([secret]))
    assert (opened.header, opened.body, opened.kid) == (header, b"the body", kid)
