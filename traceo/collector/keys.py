"""The collector's key set in use: published, turned in time, and taken up again when somebody changed it."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Final

from traceo.collector import journal
from traceo.collector.settings import Settings
from traceo.errors import ConfigError, KeyFileError
from traceo.sealing import KeySet
from traceo.sealing.providers import KeyStore, load, load_or_create, open_store, phrase_source, update
from traceo.sealing.providers.envelope import Passphrase
from traceo.sealing.rotation import Schedule, advance, next_change_s

__all__ = ["Keys", "open_keys", "schedule_of"]

_DAY_S: Final = 86_400
_VALID_S: Final = 7 * _DAY_S
# What fails (Vault is away, the disk is full) is tried again after this long.
_AGAIN_S: Final = 60.0


class Keys:
    """The key set of `store`. Any thread may ask; `refresh` blocks (disk, network)."""

    def __init__(
        self, store: KeyStore, *, schedule: Schedule, clock: Callable[[], float] = time.time
    ) -> None:
        """Load the key set, or make one where there is none; nothing is turned yet.

        Raises:
            KeyFileError: it cannot be used.
        """
        self._store = store
        self._schedule = schedule
        self._clock = clock
        self._version: str = store.version()
        self._set = load_or_create(store, now_s=clock())
        self.ring = self._set.private_keys()
        """What opens batches: one object for the collector's life, which always holds the current keys."""
        self._due_s = next_change_s(self._set, schedule=schedule)
        self._look_s = clock() + store.look_every_s
        self._again_s = 0.0
        self._turn = threading.Lock()
        # A document never outlives the notice that the next key gets: who fetches in time knows that key.
        notice_s = schedule.rotate_after_s - schedule.publish_after_s
        self._valid_s = max(1, min(_VALID_S, notice_s))

    @property
    def fingerprint(self) -> str:
        """What applications pin."""
        return self._set.fingerprint

    def publish(self) -> bytes:
        """The signed document of public keys, fresh."""
        return self._set.publish(now_s=self._clock(), valid_s=self._valid_s)

    def refresh(self) -> None:
        """Take up what changed in the store, and turn keys that are due. Logs what fails and goes on."""
        with self._turn:
            now_s = self._clock()
            if now_s < self._again_s:
                return
            try:
                if now_s >= self._look_s:
                    self._look_s = now_s + self._store.look_every_s
                    self._look()
                if now_s >= self._due_s:
                    self._advance(now_s)
            except (KeyFileError, ConfigError) as error:
                self._again_s = now_s + _AGAIN_S
                journal.error("keys not refreshed", reason=str(error))

    async def keep(self) -> None:
        """`refresh` for as long as the collector runs."""
        pause_s = min(self._store.look_every_s, _AGAIN_S)
        while True:
            due_s = max(self._due_s, self._again_s) - self._clock()
            await asyncio.sleep(min(pause_s, max(0.05, due_s)))
            await asyncio.to_thread(self.refresh)

    def _look(self) -> None:
        version = self._store.version()
        if version == self._version:
            return
        found = load(self._store)
        if found == self._set:
            self._version = version
            return
        if found.fingerprint == self._set.fingerprint and found.serial < self._set.serial:
            # A backup was put back: senders would refuse its document, and newer keys would be gone.
            raise KeyFileError(
                f"{self._store.place} holds an older key set (serial {found.serial}) than the one in use "
                f"({self._set.serial}); the newer one stays in use until the collector ends"
            )
        self._version = version
        if found.fingerprint != self._set.fingerprint:
            journal.warning("signing key replaced", reason=self._set.fingerprint, seal_key=found.fingerprint)
        self._use(found)

    def _advance(self, now_s: float) -> None:
        if not self._store.writable:
            self._due_s = int(now_s) + _DAY_S
            journal.warning(
                "keys due but not turned", reason=f"{self._store.place} cannot be changed from here"
            )
            return
        turned = update(self._store, lambda key_set: advance(key_set, now_s=now_s, schedule=self._schedule))
        self._use(turned)
        # Our own write: nothing to take up, unless somebody was faster once more.
        self._look_s = 0.0

    def _use(self, found: KeySet) -> None:
        before = {key.recipient.kid: key.state for key in self._set.keys}
        # First what opens, then the document: a batch sealed to a new key never arrives too early.
        self.ring.take_over(found.private_keys())
        self._set = found
        self._due_s = next_change_s(found, schedule=self._schedule)
        for key in found.keys:
            if before.get(key.recipient.kid) != key.state:
                journal.info(
                    "key turned", kid=key.recipient.kid.hex(), state=str(key.state), serial=found.serial
                )


def open_keys(settings: Settings) -> Keys:
    """The keys that `settings` name.

    Raises:
        ConfigError: the place is none, its package or the passphrase is missing.
        KeyFileError: the key set cannot be used.
    """
    envelope = Passphrase(phrase_source(settings.passphrase)) if settings.passphrase else None
    store = open_store(settings.keys, directory=settings.data / "keys", envelope=envelope)
    return Keys(store, schedule=schedule_of(settings))


def schedule_of(settings: Settings) -> Schedule:
    """When keys turn: see `Settings`."""
    return Schedule(
        publish_after_s=int(settings.key_rotate_s - settings.key_notice_s),
        rotate_after_s=int(settings.key_rotate_s),
        retention_s=int(settings.key_retention_s),
        grace_s=int(settings.key_grace_s),
    )
