"""What any place for a key set can do, and what is done with one."""

import contextlib
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from traceo.errors import KeyFileError
from traceo.sealing.hidden import HiddenBytes
from traceo.sealing.keyset import KeySet

__all__ = ["ChangedError", "KeyStore", "Stored", "load", "load_or_create", "update"]

_ATTEMPTS: Final = 5


class ChangedError(KeyFileError):
    """Somebody else has changed the key set since it was read."""


class Stored(msgspec.Struct, frozen=True):
    """What `KeySet.to_bytes` made, and the version it is."""

    data: HiddenBytes
    version: str


class KeyStore(Protocol):
    """A place for one key set. Every method may block (disk, network) and raises `KeyFileError`."""

    @property
    def place(self) -> str:
        """For people: what and where, such as ``the key file /srv/keys/keys.json``."""
        ...

    @property
    def writable(self) -> bool:
        """Whether `write` can work at all."""
        ...

    @property
    def look_every_s(self) -> float:
        """How often it is reasonable to ask for `version`."""
        ...

    def version(self) -> str:
        """Another one whenever the content may be another; "" when there is nothing. Cheap."""
        ...

    def read(self) -> Stored | None:
        """What is there; None when nothing."""
        ...

    def write(self, data: HiddenBytes, *, replaces: str) -> None:
        """Put `data` in place of the version `replaces` ("" for nothing), durable before it returns.

        `ChangedError` when another version is there now. What was replaced is destroyed as far as the place
        allows.
        """
        ...

    def complaints(self) -> list[str]:
        """What `traceo keys doctor` should say of the place, each with what to do; empty when all is well."""
        ...


def load(store: KeyStore) -> KeySet:
    """The key set in `store`; `KeyFileError` when there is none or it cannot be used."""
    return _load(store)[0]


def load_or_create(store: KeyStore, *, now_s: float | None = None) -> KeySet:
    """The key set in `store`, made there when there is none; of several starters, one makes it."""
    if store.writable and store.read() is None:
        with contextlib.suppress(ChangedError):  # another starter was faster: its set counts
            store.write(KeySet.create(now_s=now_s).to_bytes(), replaces="")
    return load(store)


def update(store: KeyStore, change: Callable[[KeySet], KeySet]) -> KeySet:
    """The key set in `store` as `change` makes it, stored before it is returned.

    `change` is a pure function; it is called again when somebody else changed the set in between. Nothing is
    written when it returns the very object it was given.
    """
    for _ in range(_ATTEMPTS):
        old, version = _load(store)
        new = change(old)
        if new is old:
            return old
        try:
            store.write(new.to_bytes(), replaces=version)
        except ChangedError:
            continue
        return new
    raise KeyFileError(f"{store.place} is being changed by others again and again; try later")


def _load(store: KeyStore) -> tuple[KeySet, str]:
    stored = store.read()
    if stored is None:
        raise KeyFileError(f"there is no key set in {store.place}; make one with: traceo keys new")
    return KeySet.from_bytes(stored.data, place=store.place), stored.version
