"""``traceo keys new | rotate | destroy``."""

import argparse
import sys
import time
from typing import TYPE_CHECKING, Final

from traceo.cli.keys.place import (
    add_calendar,
    add_passphrase,
    add_place,
    calendar,
    day,
    directory,
    given_envelope,
    new_phrase,
    opened,
    place_of,
)
from traceo.errors import ConfigError

if TYPE_CHECKING:
    from traceo.sealing import KeySet

__all__ = ["configure", "run"]

_PREFIX: Final = 4


def configure(name: str, parser: argparse.ArgumentParser) -> None:
    """Add the options of one sub-command."""
    if name == "destroy":
        parser.add_argument(
            "kid", metavar="KEY", help="its id as `traceo keys list` shows it, or a beginning of it"
        )
    add_place(parser, help_text="where to put it" if name == "new" else "where the key set is")
    add_passphrase(parser)
    match name:
        case "new":
            parser.add_argument("--lock", action="store_true", help="lock it; asks for a passphrase")
        case "rotate":
            parser.add_argument(
                "--if-due",
                action="store_true",
                help="only do what the calendar says is due: for key sets that no collector looks after",
            )
            add_calendar(parser)
        case _:
            parser.add_argument("--yes", action="store_true", help="do not ask")


def run(name: str, args: argparse.Namespace) -> int:
    """Run one sub-command."""
    return {"new": _new, "rotate": _rotate, "destroy": _destroy}[name](args)


def _new(args: argparse.Namespace) -> int:
    from traceo.sealing import KeySet  # noqa: PLC0415 - cryptography, which --help need not load
    from traceo.sealing.providers import ChangedError, open_store  # noqa: PLC0415 - the same
    from traceo.sealing.providers.envelope import Passphrase  # noqa: PLC0415 - the same

    envelope = given_envelope(args)
    if envelope is None and args.lock:
        envelope = Passphrase(new_phrase)
    store = open_store(place_of(args), directory=directory(), envelope=envelope)
    made = KeySet.create()
    if store.version():
        raise ConfigError(
            f"there is a key set in {store.place} already; give another PLACE, or rotate its keys"
        )
    try:
        store.write(made.to_bytes(), replaces="")
    except ChangedError:
        raise ConfigError(f"somebody else has just made a key set in {store.place}") from None
    print(f"made {store.place}", file=sys.stderr)
    print("applications trust it with:", file=sys.stderr)
    print(f"TRACEO_SEAL_KEY={made.fingerprint}")
    return 0


def _rotate(args: argparse.Namespace) -> int:
    from traceo.sealing.providers import load, update  # noqa: PLC0415 - as above
    from traceo.sealing.rotation import advance, next_change_s, rotate  # noqa: PLC0415 - as above

    store, schedule, now_s = opened(args), calendar(args), time.time()
    before = load(store)
    if args.if_due:
        after = update(store, lambda keys: advance(keys, now_s=now_s, schedule=schedule))
    else:
        after = update(store, lambda keys: rotate(keys, now_s=now_s))
    if after.serial == before.serial:
        print(f"nothing is due before {day(next_change_s(after, schedule=schedule))}")
        return 0
    states = {key.recipient.kid: key.state for key in before.keys}
    for key in after.keys:
        if states.get(key.recipient.kid) != key.state:
            print(f"{key.recipient.kid.hex()}  {key.state}")
    return 0


def _destroy(args: argparse.Namespace) -> int:
    from traceo.sealing import KeyState  # noqa: PLC0415 - as above
    from traceo.sealing.providers import load, update  # noqa: PLC0415 - as above
    from traceo.sealing.rotation import destroy  # noqa: PLC0415 - as above

    store, now_s = opened(args), time.time()
    kid = _kid(load(store), args.kid)
    if not args.yes:
        _confirm(f"What was sealed to {kid.hex()} becomes unreadable for good, in every copy. Go on? [y/N] ")

    def change(keys: "KeySet") -> "KeySet":
        key = next(key for key in keys.keys if key.recipient.kid == kid)
        if key.state is KeyState.DESTROYED:
            raise ConfigError(f"{kid.hex()} is destroyed already")
        if key.state is KeyState.PRIMARY:
            raise ConfigError(f"{kid.hex()} is the primary key; run traceo keys rotate first")
        return destroy(keys, kid, now_s=now_s)

    update(store, change)
    print(f"{kid.hex()}  destroyed")
    return 0


def _kid(keys: "KeySet", given: str) -> bytes:
    text = given.lower()
    found = [key.recipient.kid for key in keys.keys if key.recipient.kid.hex().startswith(text)]
    if len(text) < _PREFIX or len(found) != 1:
        how = "several keys begin" if len(found) > 1 else "no key begins"
        raise ConfigError(f"{how} with {given}; see traceo keys list, and give at least {_PREFIX} characters")
    return found[0]


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigError("there is no terminal to ask on; give --yes if you mean it")
    if input(question).strip().lower() not in {"y", "yes"}:
        raise ConfigError("nothing was changed")
