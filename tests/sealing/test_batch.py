import os

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traceo.errors import OpenError, SealingError
from traceo.sealing import (
    Kem,
    OpenedBatch,
    PrivateKeys,
    RecipientSecret,
    cbor,
    open_batch,
    peek_header,
    peek_recipients,
    rewrap_batch,
    seal_batch,
)

BODY = b"a trace of someone's checkout " * 4


@pytest.fixture(scope="module")
def keys(secret):
    return PrivateKeys([secret])


@pytest.fixture(scope="module")
def sealed(secret, header):
    return seal_batch(BODY, recipients=[secret.recipient()], header=header)


def refuses(data, keys):
    """Opening `data` fails with the one error there is."""
    with pytest.raises(OpenError) as caught:
        open_batch(data, keys)
    assert str(caught.value) == "the sealed data does not open"
    assert caught.value.__cause__ is None
    return True


@pytest.mark.parametrize("kem", list(Kem))
def test_a_batch_opens_with_the_key_it_was_sealed_to(kem, header):
    secret = RecipientSecret.generate(kem)
    data = seal_batch(BODY, recipients=[secret.recipient()], header=header)
    assert open_batch(data, PrivateKeys([secret])) == OpenedBatch(header, BODY, secret.recipient().kid)


@given(body=st.binary(max_size=5000), tenant=st.text(max_size=40), time_ns=st.integers(0, 2**64 - 1))
@settings(max_examples=30)
def test_any_body_and_header_come_back_whole(secret, keys, header, body, tenant, time_ns):
    header = msgspec.structs.replace(header, tenant=tenant, timestamp_ns=time_ns)
    opened = open_batch(seal_batch(body, recipients=[secret.recipient()], header=header), keys)
    assert (opened.header, opened.body) == (header, body)


def test_nothing_of_the_body_shows_in_a_sealed_batch(sealed):
    assert b"checkout" not in sealed


def test_the_header_can_be_read_without_any_key(sealed, header, secret):
    assert peek_header(sealed) == header
    assert peek_recipients(sealed) == (secret.recipient().kid,)


def test_the_same_batch_sealed_twice_shares_no_key_and_no_nonce(secret, header):
    first, second = (seal_batch(BODY, recipients=[secret.recipient()], header=header) for _ in range(2))
    one, other = cbor.decode(first).value, cbor.decode(second).value
    assert one[1] != other[1]
    assert one[2] != other[2]
    assert one[3][0][1:] != other[3][0][1:]


@given(data=st.data())
@settings(max_examples=400)
def test_a_flipped_bit_anywhere_does_not_open(sealed, keys, data):
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    altered = bytearray(sealed)
    altered[at // 8] ^= 1 << at % 8
    assert refuses(bytes(altered), keys)


def test_a_flipped_bit_in_any_byte_outside_the_ciphertexts_does_not_open(sealed, keys):
    # Exhaustive where structure lives: the first 200 bytes hold header, nonce and the body's beginning.
    for at in range(200):
        altered = bytearray(sealed)
        altered[at] ^= 1 << at % 8
        assert refuses(bytes(altered), keys)


@given(st.data())
@settings(max_examples=100)
def test_a_truncated_or_extended_batch_does_not_open(sealed, keys, data):
    assert refuses(sealed[: data.draw(st.integers(0, len(sealed) - 1))], keys)
    assert refuses(sealed + data.draw(st.binary(min_size=1, max_size=20)), keys)


@given(st.binary(max_size=200))
def test_noise_does_not_open(keys, noise):
    assert refuses(noise, keys)


def test_a_batch_sealed_to_someone_else_does_not_open(sealed):
    assert refuses(sealed, PrivateKeys([RecipientSecret.generate()]))
    assert refuses(sealed, PrivateKeys([]))


@pytest.mark.parametrize(
    "change",
    [
        {"content_type": "application/json"},
        {"content_encoding": ""},
        {"batch_id": bytes(16)},
        {"tenant": "evil"},
        {"signal": "logs"},
        {"timestamp_ns": 1},
    ],
)
def test_a_batch_under_the_header_of_another_does_not_open(sealed, secret, keys, header, change):
    other = seal_batch(
        BODY, recipients=[secret.recipient()], header=msgspec.structs.replace(header, **change)
    )
    mine, theirs = list(cbor.decode(sealed).value), cbor.decode(other).value
    mine[0] = theirs[0]
    assert refuses(cbor.encode(cbor.Tag(96, mine)), keys)


def test_a_content_key_moved_to_another_batch_does_not_open(sealed, secret, keys, header):
    other = seal_batch(
        BODY, recipients=[secret.recipient()], header=msgspec.structs.replace(header, batch_id=bytes(16))
    )
    moved = [*cbor.decode(other).value[:3], cbor.decode(sealed).value[3]]
    assert refuses(cbor.encode(cbor.Tag(96, moved)), keys)


def altered(sealed, change):
    parts = list(cbor.decode(sealed).value)
    change(parts)
    return cbor.encode(cbor.Tag(96, parts))


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: parts.__setitem__(1, {}),
        lambda parts: parts.__setitem__(1, {5: bytes(11)}),
        lambda parts: parts.__setitem__(1, {5: bytes(12), 6: b""}),
        lambda parts: parts.__setitem__(2, b"short"),
        lambda parts: parts.__setitem__(2, "text"),
        lambda parts: parts.__setitem__(3, []),
        lambda parts: parts.__setitem__(3, parts[3] * 17),
        lambda parts: parts.__setitem__(3, [[b"\xa0", {}, b""]]),
        lambda parts: parts.__setitem__(3, [[parts[3][0][0], {-4: b"short"}, parts[3][0][2]]]),
        lambda parts: parts.__setitem__(0, b"\xa0"),
        lambda parts: parts.__setitem__(0, cbor.encode([])),
        lambda parts: parts.__setitem__(0, cbor.encode({1: 1, 3: "x"})),
        lambda parts: parts.__setitem__(0, parts[0] + b"\x00"),
        lambda parts: parts.append(b""),
        lambda parts: parts.clear(),
    ],
)
def test_a_message_of_another_shape_does_not_open(sealed, keys, change):
    assert refuses(altered(sealed, change), keys)


def test_another_tag_or_none_does_not_open(sealed, keys):
    parts = cbor.decode(sealed).value
    assert refuses(cbor.encode(cbor.Tag(16, parts)), keys)
    assert refuses(cbor.encode(parts), keys)


def test_each_of_several_recipients_opens_the_batch(header):
    secrets = [RecipientSecret.generate(kem) for kem in (Kem.X_WING, Kem.X25519, Kem.X_WING)]
    data = seal_batch(BODY, recipients=[secret.recipient() for secret in secrets], header=header)
    assert [open_batch(data, PrivateKeys([secret])).body for secret in secrets] == [BODY] * 3


def test_a_batch_can_be_rewrapped_for_a_new_recipient_without_touching_its_body(sealed, keys, secret):
    team = RecipientSecret.generate()
    data = rewrap_batch(sealed, keys, recipients=[team.recipient()])
    assert cbor.decode(data).value[:3] == cbor.decode(sealed).value[:3]
    assert open_batch(data, PrivateKeys([team])).body == BODY
    assert open_batch(data, keys).body == BODY
    only = rewrap_batch(sealed, keys, recipients=[team.recipient()], keep_others=False)
    assert open_batch(only, PrivateKeys([team])).body == BODY
    assert refuses(only, keys)
    with pytest.raises(OpenError):
        rewrap_batch(sealed, PrivateKeys([team]), recipients=[team.recipient()])
    with pytest.raises(SealingError):
        rewrap_batch(sealed, keys, recipients=[], keep_others=False)
    assert peek_recipients(rewrap_batch(data, keys, recipients=[secret.recipient()])) == (
        team.recipient().kid,
        secret.recipient().kid,
    )


@pytest.mark.parametrize(
    "change",
    [{"batch_id": b"short"}, {"signal": "profiles"}, {"timestamp_ns": -1}, {"tenant": "x" * 129}],
)
def test_a_header_that_nobody_would_accept_is_not_sealed(secret, header, change):
    with pytest.raises(SealingError):
        seal_batch(BODY, recipients=[secret.recipient()], header=msgspec.structs.replace(header, **change))


def test_a_batch_without_recipients_is_not_sealed(header):
    with pytest.raises(SealingError):
        seal_batch(BODY, recipients=[], header=header)


def test_no_content_key_or_nonce_is_shared_by_parent_and_child(secret, header):
    # Warm: whatever generator state there is exists before the fork.
    seal_batch(BODY, recipients=[secret.recipient()], header=header)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, seal_batch(BODY, recipients=[secret.recipient()], header=header))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        theirs = cbor.decode(pipe.read()).value
    os.waitpid(child, 0)
    ours = cbor.decode(seal_batch(BODY, recipients=[secret.recipient()], header=header)).value
    assert theirs[0] == ours[0]
    assert theirs[1] != ours[1]
    assert theirs[2] != ours[2]
    # HPKE's ephemeral key, which OpenSSL's generator makes.
    assert theirs[3][0][1] != ours[3][0][1]


def test_secrets_do_not_show_in_a_repr(secret, keys):
    for shown in (repr(secret), str(secret), repr(keys), f"{secret}"):
        assert secret.seed.hex() not in shown
        assert repr(secret.seed) not in shown
        assert "seed=b" not in shown
