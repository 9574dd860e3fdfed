"""Moving epoch keys along: a pure function of the key set and the time.

::

    day 0          76          90                            90 + retention
    primary ───────┬─────────── decrypt-only ──────────────── destroyed
                   └ next key: pending ─┬ primary ...

The next key is published two weeks before it is used, so that every sender that asks at least once a week
knows it in time. A key is destroyed once the last batch that could have been sealed to it is past its
retention: what was sealed to it, in any copy or backup, is then unreadable for good.
"""

import itertools
from typing import Final

import msgspec

from traceo.sealing.keyset import EpochKey, KeySet
from traceo.sealing.published import KeyState

__all__ = ["Schedule", "advance", "destroy", "next_change_s", "rotate"]

_DAY_S: Final = 86_400


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When keys change their state, in seconds; see the picture above.

    `grace_s` is added to the retention: batches that waited in a sender's spool when their key was retired.
    """

    publish_after_s: int = 76 * _DAY_S
    rotate_after_s: int = 90 * _DAY_S
    retention_s: int = 90 * _DAY_S
    grace_s: int = 7 * _DAY_S


def advance(key_set: KeySet, *, now_s: float, schedule: Schedule | None = None) -> KeySet:
    """The key set as it should be at `now_s`; the same object when nothing is due.

    Several steps that came due while nobody was looking (a collector that was off for a year) happen at once,
    each as if at `now_s`: a key never becomes primary before it was published for the full time in between,
    so a long sleep prolongs the old key rather than surprising the senders.

    >>> from traceo.sealing import KeySet
    >>> keys = KeySet.create(now_s=0)
    >>> advance(keys, now_s=75 * 86400) is keys
    True
    >>> [str(key.state) for key in advance(keys, now_s=76 * 86400).keys]
    ['primary', 'pending']
    """
    plan = schedule or Schedule()
    now = int(now_s)
    keys = _retire(list(key_set.keys), now, plan)
    primary = next(key for key in keys if key.state is KeyState.PRIMARY)
    pending = next((key for key in keys if key.state is KeyState.PENDING), None)
    if pending is None and now - primary.since_s >= plan.publish_after_s:
        keys.append(EpochKey.generate(KeyState.PENDING, now_s=now))
    elif pending is not None and now >= _promotion_s(primary, pending, plan):
        keys = _promoted(keys, now)
    return key_set if keys == list(key_set.keys) else key_set.with_keys(keys)


def next_change_s(key_set: KeySet, *, schedule: Schedule | None = None) -> int:
    """When, in unix seconds, `advance` has something to do again."""
    plan = schedule or Schedule()
    primary = key_set.primary()
    pending = next((key for key in key_set.keys if key.state is KeyState.PENDING), None)
    publish_s = primary.since_s + plan.publish_after_s
    due = publish_s if pending is None else _promotion_s(primary, pending, plan)
    retired = (key.since_s for key in key_set.keys if key.state is KeyState.DECRYPT_ONLY)
    return min(itertools.chain([due], (since + plan.retention_s + plan.grace_s for since in retired)))


def rotate(key_set: KeySet, *, now_s: float) -> KeySet:
    """Make another key primary now, whatever the schedule says: after an incident, or on a person's word.

    A pending key is used when there is one. Senders that have not asked for keys since go on sealing to the
    old one, which still opens.
    """
    now = int(now_s)
    keys = list(key_set.keys)
    if all(key.state is not KeyState.PENDING for key in keys):
        keys.append(EpochKey.generate(KeyState.PENDING, now_s=now))
    return key_set.with_keys(_promoted(keys, now))


def destroy(key_set: KeySet, kid: bytes, *, now_s: float) -> KeySet:
    """Destroy a pending or decrypt-only key now; `ValueError` for the primary key and for an unknown one."""
    keys = list(key_set.keys)
    at = next((at for at, key in enumerate(keys) if key.recipient.kid == kid), None)
    if at is None or keys[at].state not in {KeyState.PENDING, KeyState.DECRYPT_ONLY}:
        raise ValueError("only a pending or decrypt-only key of this set can be destroyed; rotate first")
    keys[at] = keys[at].to(KeyState.DESTROYED, now_s=int(now_s))
    return key_set.with_keys(keys)


def _promotion_s(primary: EpochKey, pending: EpochKey, plan: Schedule) -> int:
    notice_s = plan.rotate_after_s - plan.publish_after_s
    return max(primary.since_s + plan.rotate_after_s, pending.since_s + notice_s)


def _promoted(keys: list[EpochKey], now: int) -> list[EpochKey]:
    """The oldest pending key primary, the primary one decrypt-only."""
    heir = next(key for key in keys if key.state is KeyState.PENDING)
    result: list[EpochKey] = []
    for key in keys:
        if key is heir:
            result.append(key.to(KeyState.PRIMARY, now_s=now))
        elif key.state is KeyState.PRIMARY:
            result.append(key.to(KeyState.DECRYPT_ONLY, now_s=now))
        else:
            result.append(key)
    return result


def _retire(keys: list[EpochKey], now: int, plan: Schedule) -> list[EpochKey]:
    """Destroy what is past its retention."""
    kept_s = plan.retention_s + plan.grace_s
    return [
        key.to(KeyState.DESTROYED, now_s=now)
        if key.state is KeyState.DECRYPT_ONLY and now - key.since_s >= kept_s
        else key
        for key in keys
    ]
