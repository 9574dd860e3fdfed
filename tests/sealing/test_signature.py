import cbor2
import cwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traceo.errors import KeyFileError, OpenError
from traceo.sealing import (
    OpenedBatch,
    PrivateKeys,
    SenderKey,
    Senders,
    base64url,
    cbor,
    open_batch,
    peek_header,
    peek_recipients,
    rewrap_batch,
    seal_batch,
    sign_batch,
)

BODY = b"what was sealed"


@pytest.fixture(scope="module")
def keys(secret):
    return PrivateKeys([secret])


@pytest.fixture(scope="module")
def shop():
    return SenderKey.generate()


@pytest.fixture(scope="module")
def signed(secret, header, shop):
    return seal_batch(BODY, recipients=[secret.recipient()], header=header, sender=shop)


def refuses(data, keys, senders):
    with pytest.raises(OpenError) as caught:
        open_batch(data, keys, senders=senders)
    assert str(caught.value) == "the sealed data does not open"
    assert caught.value.__cause__ is None
    return True


def test_a_signed_batch_opens_and_says_who_sent_it(signed, keys, shop, header, secret):
    opened = open_batch(signed, keys, senders=Senders([shop.public]))
    assert opened == OpenedBatch(header, BODY, secret.recipient().kid, shop.kid)


def test_a_signed_batch_can_be_routed_and_opened_by_who_does_not_check_senders(signed, keys, header, secret):
    assert peek_header(signed) == header
    assert peek_recipients(signed) == (secret.recipient().kid,)
    assert open_batch(signed, keys).sender == b""
    assert open_batch(signed, keys, senders=Senders()).body == BODY


def test_with_registered_senders_an_unsigned_or_a_strangers_batch_does_not_open(signed, keys, secret, header):
    unsigned = seal_batch(BODY, recipients=[secret.recipient()], header=header)
    stranger = SenderKey.generate()
    assert refuses(signed, keys, Senders([stranger.public]))
    assert refuses(unsigned, keys, Senders([stranger.public]))
    assert refuses(sign_batch(signed, stranger), keys, Senders([stranger.public]))


@given(st.data())
@settings(max_examples=200)
def test_a_flipped_bit_or_a_cut_in_a_signed_batch_does_not_open(signed, keys, shop, data):
    senders = Senders([shop.public])
    at = data.draw(st.integers(0, len(signed) * 8 - 1))
    altered = bytearray(signed)
    altered[at // 8] ^= 1 << at % 8
    assert refuses(bytes(altered), keys, senders)
    assert refuses(signed[: at // 8], keys, senders)


@pytest.mark.parametrize(
    "change",
    [
        {1: -8},
        {3: "text/plain"},
        {4: bytes(16)},
        {4: "text"},
        {7: 1},
    ],
)
def test_a_signature_under_another_header_does_not_count(signed, keys, shop, change):
    parts = list(cbor.decode(signed).value)
    fields = {**cbor.decode(parts[0]), **change}
    parts[0] = cbor.encode(fields)
    parts[3] = shop.sign(cbor.encode(["Signature1", parts[0], b"", parts[2]]))
    assert refuses(cbor.encode(cbor.Tag(18, parts)), keys, Senders([shop.public]))


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: parts.__setitem__(0, b"\xff"),
        lambda parts: parts.__setitem__(0, cbor.encode([])),
        lambda parts: parts.__setitem__(0, cbor.encode({1: -19, 4: "text"})),
        lambda parts: parts.__setitem__(1, {4: b"kid"}),
        lambda parts: parts.__setitem__(3, b"short"),
        lambda parts: parts.append(b""),
    ],
)
def test_a_signed_message_of_another_shape_does_not_open(signed, keys, shop, change):
    parts = list(cbor.decode(signed).value)
    change(parts)
    assert refuses(cbor.encode(cbor.Tag(18, parts)), keys, Senders([shop.public]))


def test_rewrapping_takes_the_signature_off(signed, keys, secret, shop):
    moved = rewrap_batch(signed, keys, recipients=[secret.recipient()])
    assert open_batch(moved, keys).body == BODY
    assert refuses(moved, keys, Senders([shop.public]))
    assert open_batch(sign_batch(moved, shop), keys, senders=Senders([shop.public])).sender == shop.kid


def test_cwt_verifies_our_signature_and_we_verify_theirs(signed, secret, header, keys, shop):
    public = cwt.COSEKey.new({1: 1, -1: 6, 2: shop.kid, 3: -19, -2: shop.public})
    sealed = cbor2.loads(signed).value[2]
    assert cwt.COSE.new().decode(signed, public) == sealed

    private = cwt.COSEKey.new({1: 1, -1: 6, 2: shop.kid, 3: -19, -2: shop.public, -4: shop.seed})
    fields = {1: -19, 3: 'application/cose; cose-type="cose-encrypt"', 4: shop.kid}
    theirs = cwt.COSE.new().encode_and_sign(sealed, private, protected=fields, unprotected={})
    assert open_batch(theirs, keys, senders=Senders([shop.public])).body == BODY


def test_a_sender_key_lives_in_a_file_that_only_its_owner_reads(tmp_path, shop):
    path = tmp_path / "sender.key"
    shop.save(path)
    assert SenderKey.load(path) == shop
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        SenderKey.load(path)
    for content in (b"\xff", b"c2hvcnQ", b"not base64url!"):
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(KeyFileError, match="does not hold a sender key"):
            SenderKey.load(path)


def test_senders_are_read_from_a_folder(tmp_path, shop):
    assert len(Senders.load(tmp_path / "none")) == 0
    (tmp_path / "shop.pub").write_text(base64url.encode(shop.public) + "\n")
    assert len(Senders.load(tmp_path)) == 1
    (tmp_path / "bad.pub").write_text("x")
    with pytest.raises(KeyFileError, match=r"bad\.pub does not hold"):
        Senders.load(tmp_path)


def test_a_sender_key_does_not_show_its_seed(shop):
    assert shop.seed.hex() not in repr(shop)
    assert repr(shop.seed)[2:-1] not in f"{shop}"
