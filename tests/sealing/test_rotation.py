import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traceo.errors import OpenError
from traceo.sealing import KeySet, PublishedKeys, open_batch, seal_batch
from traceo.sealing.rotation import Schedule, advance, destroy, next_change_s, rotate

DAY_S = 86_400
START_S = 1_800_000_000


def states(key_set):
    return [str(key.state) for key in key_set.keys]


@pytest.fixture
def key_set():
    return KeySet.create(now_s=START_S)


def at_day(key_set, day):
    return advance(key_set, now_s=START_S + day * DAY_S)


def test_the_first_turn_happens_on_its_days(key_set):
    assert at_day(key_set, 75.99) is key_set
    published = at_day(key_set, 76)
    assert states(published) == ["primary", "pending"]
    assert at_day(published, 89.99) is published
    turned = at_day(published, 90)
    assert states(turned) == ["decrypt-only", "primary"]
    assert turned.recipient() == published.keys[1].recipient
    assert states(at_day(turned, 166)) == ["decrypt-only", "primary", "pending"]
    after = at_day(at_day(turned, 166), 187)
    assert states(after) == ["destroyed", "decrypt-only", "primary"]
    assert (key_set.serial, published.serial, turned.serial) == (1, 2, 3)


def test_the_next_change_is_announced(key_set):
    assert next_change_s(key_set) == START_S + 76 * DAY_S
    published = at_day(key_set, 76)
    assert next_change_s(published) == START_S + 90 * DAY_S
    assert next_change_s(at_day(published, 90)) == START_S + (90 + 76) * DAY_S


@given(st.lists(st.integers(1, 200 * DAY_S), max_size=12))
@settings(max_examples=30)
def test_at_any_time_there_is_one_primary_key_and_advancing_twice_changes_nothing(steps):
    key_set, now_s = KeySet.create(now_s=START_S), START_S
    for step in steps:
        now_s += step
        key_set = advance(key_set, now_s=now_s)
        assert states(key_set).count("primary") == 1
        assert states(key_set).count("pending") <= 1
        assert advance(key_set, now_s=now_s) is key_set
        assert next_change_s(key_set) > now_s


def test_after_a_long_sleep_senders_still_get_their_notice(key_set):
    awake = at_day(key_set, 400)
    assert states(awake) == ["primary", "pending"]
    assert states(at_day(awake, 413)) == ["primary", "pending"]
    assert states(at_day(awake, 414)) == ["decrypt-only", "primary"]


def test_a_year_of_rotations_loses_no_batch(key_set, header):
    """Senders ask for keys once a week, spool up to five days; the collector looks every six hours."""
    random_days = random.Random(20261124)
    waiting, opened, sealed_to = [], 0, set()
    sender = key_set.recipient()
    kept = []
    for quarter in range(380 * 4):
        now_s = START_S + quarter * DAY_S // 4
        key_set = advance(key_set, now_s=now_s)
        if quarter % 28 == 0:
            document = key_set.publish(now_s=now_s)
            sender = PublishedKeys.verify(document, pin=key_set.fingerprint, now_s=now_s).recipient()
        if quarter % 4 == 0:
            body = str(quarter).encode()
            batch_header = msgspec.structs.replace(header, timestamp_ns=now_s * 10**9)
            data = seal_batch(body, recipients=[sender], header=batch_header)
            waiting.append((now_s + random_days.randint(0, 5 * DAY_S), body, data))
        due = [entry for entry in waiting if entry[0] <= now_s]
        waiting = [entry for entry in waiting if entry[0] > now_s]
        if due:
            keys = key_set.private_keys()
        for _, body, data in due:
            batch = open_batch(data, keys)
            assert batch.body == body
            sealed_to.add(batch.kid)
            opened += 1
            kept.append((now_s, data))
        # Everything within its retention of 90 days can be read again at any time.
        if quarter % 120 == 0:
            keys = key_set.private_keys()
            for stored_s, data in kept:
                if now_s - stored_s <= 90 * DAY_S:
                    open_batch(data, keys)
    assert opened + len(waiting) == 380
    assert len(sealed_to) == 5
    assert key_set.serial == 1 + 2 * 4 + states(key_set).count("destroyed")
    # What is past its retention has become unreadable.
    with pytest.raises(OpenError):
        open_batch(kept[0][1], key_set.private_keys())


def test_a_key_can_be_turned_at_once(key_set):
    turned = rotate(key_set, now_s=START_S + 1)
    assert states(turned) == ["decrypt-only", "primary"]
    published = at_day(key_set, 76)
    assert rotate(published, now_s=START_S + 80 * DAY_S).recipient() == published.keys[1].recipient


def test_a_document_does_not_grow_with_the_keys_that_only_open(key_set):
    size = len(key_set.publish(now_s=START_S))
    for _ in range(40):
        key_set = rotate(key_set, now_s=START_S)
    document = key_set.publish(now_s=START_S)
    assert len(document) < size + 100
    assert len(PublishedKeys.verify(document, pin=key_set.fingerprint, now_s=START_S).keys) == 1
    assert len(key_set.private_keys()) == 82


def test_only_a_key_out_of_use_can_be_destroyed(key_set):
    with pytest.raises(ValueError, match="rotate first"):
        destroy(key_set, key_set.recipient().kid, now_s=START_S)
    with pytest.raises(ValueError, match="rotate first"):
        destroy(key_set, bytes(16), now_s=START_S)
    turned = rotate(key_set, now_s=START_S)
    gone = destroy(turned, key_set.recipient().kid, now_s=START_S)
    assert states(gone) == ["destroyed", "primary"]
    assert gone.keys[0].secret is None
    assert len(gone.private_keys()) == 2  # X-Wing and its X25519 companion


def test_the_schedule_can_be_another(key_set):
    quick = Schedule(publish_after_s=5, rotate_after_s=10, retention_s=20, grace_s=0)
    for now_s in range(START_S, START_S + 60):
        key_set = advance(key_set, now_s=now_s, schedule=quick)
    assert states(key_set) == ["destroyed"] * 3 + ["decrypt-only"] * 2 + ["primary", "pending"]
