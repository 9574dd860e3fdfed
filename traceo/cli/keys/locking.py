"""``traceo keys lock | unlock``."""

import argparse
from typing import TYPE_CHECKING

from traceo.cli.keys.place import (
    add_passphrase,
    add_place,
    directory,
    given_envelope,
    new_phrase,
    opened,
    place_of,
)
from traceo.errors import ConfigError, KeyFileError

if TYPE_CHECKING:
    from traceo.sealing.providers import KeyStore

__all__ = ["configure", "run"]


def configure(name: str, parser: argparse.ArgumentParser) -> None:
    """Add the options of one sub-command."""
    del name
    add_place(parser)
    add_passphrase(parser)


def run(name: str, args: argparse.Namespace) -> int:
    """Run one sub-command."""
    return _lock(args) if name == "lock" else _unlock(args)


def _lock(args: argparse.Namespace) -> int:
    from traceo.sealing.providers import open_store  # noqa: PLC0415 - cryptography, which --help need not load
    from traceo.sealing.providers.envelope import Passphrase  # noqa: PLC0415 - the same

    place = place_of(args)
    by_service = place.startswith(("vault-transit:", "aws-kms:"))
    envelope = None if by_service else given_envelope(args) or Passphrase(new_phrase)
    target = open_store(place, directory=directory(), envelope=envelope)
    _rewrite(_plain(target, place), target)
    print(f"locked {target.place}")
    how = f"--keys {place}" if by_service else "--passphrase-env or --passphrase-fd"
    print(f"a collector that uses it needs {how} from its next start on")
    return 0


def _unlock(args: argparse.Namespace) -> int:
    source = opened(args)
    _rewrite(source, _plain(source, place_of(args)))
    print(f"unlocked {source.place}: whoever reads it opens the telemetry")
    return 0


def _plain(store: "KeyStore", place: str) -> "KeyStore":
    """The same place without protection."""
    from traceo.sealing.providers import open_store  # noqa: PLC0415 - as above
    from traceo.sealing.providers.envelope import Plain  # noqa: PLC0415 - as above
    from traceo.sealing.providers.folder import FolderStore  # noqa: PLC0415 - as above

    if isinstance(store, FolderStore):
        return FolderStore(store.path.parent, Plain())
    return open_store(place, directory=directory())


def _rewrite(source: "KeyStore", target: "KeyStore") -> None:
    if not source.writable:
        raise ConfigError(
            f"{source.place} cannot be changed from here; lock the file that it was filled from"
        )
    stored = source.read()
    if stored is None:
        raise KeyFileError(f"there is no key set in {source.place}; make one with: traceo keys new")
    target.write(stored.data, replaces=stored.version)
