"""Numbers that others have printed."""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from pyhpke import AEADId, CipherSuite, KDFId, KEMId

from traceo.sealing import Kem, PrivateKeys, RecipientKey, RecipientSecret

# RFC 9180's test vectors (the JSON file of section 7.1's registry names it): mode 0, DHKEM(X25519, HKDF-SHA256),
# HKDF-SHA256, AES-256-GCM, encryption 0.
INFO = bytes.fromhex("4f6465206f6e2061204772656369616e2055726e")
IKM_R = bytes.fromhex("dac33b0e9db1b59dbbea58d59a14e7b5896e9bdf98fad6891e99d1686492b9ee")
SK_R = bytes.fromhex("497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d")
PK_R = bytes.fromhex("430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c")
ENC = bytes.fromhex("6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256")
KEY = bytes.fromhex("f50b0609186798729ed0564b36ef2ef8044f1f9d05636874d1f46c819c7a669f")
BASE_NONCE = bytes.fromhex("151d9929e2449747889bc923")
AAD = b"Count-0"
PLAIN = b"Beauty is truth, truth beauty"
SEALED = bytes.fromhex(
    "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a"
)


def test_the_numbers_of_rfc_9180_are_those_that_another_implementation_derives():
    suite = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM)
    pair = suite.kem.derive_key_pair(IKM_R)
    assert (pair.private_key.to_private_bytes(), pair.public_key.to_public_bytes()) == (SK_R, PK_R)
    assert suite.create_recipient_context(ENC, pair.private_key, info=INFO).open(SEALED, aad=AAD) == PLAIN
    assert AESGCM(KEY).decrypt(BASE_NONCE, SEALED, AAD) == PLAIN


def test_we_derive_the_key_and_nonce_of_rfc_9180():
    # Content keys are wrapped without additional data, so the vector's key and nonce seal the same text anew.
    secret = RecipientSecret(Kem.X25519, SK_R)
    assert secret.recipient() == RecipientKey(Kem.X25519, PK_R)
    wrapped = AESGCM(KEY).encrypt(BASE_NONCE, PLAIN, None)
    assert PrivateKeys([secret]).unwrap(secret.recipient().kid, ENC, wrapped, INFO) == PLAIN


def test_subject_keys_are_wrapped_as_in_rfc_3394():
    # Section 4.6: 256 bits of key data with a 256-bit KEK.
    kek = bytes(range(32))
    data = bytes.fromhex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f")
    wrapped = bytes.fromhex(
        "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"
    )
    assert aes_key_unwrap(kek, wrapped) == data
