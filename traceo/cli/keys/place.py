"""What the commands share: the place of the key set, its passphrase, its calendar."""

import argparse
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from traceo.errors import ConfigError

if TYPE_CHECKING:
    from traceo.sealing.hidden import HiddenText
    from traceo.sealing.providers import KeyStore
    from traceo.sealing.providers.envelope import Envelope
    from traceo.sealing.rotation import Schedule

__all__ = [
    "add_calendar",
    "add_passphrase",
    "add_place",
    "calendar",
    "day",
    "directory",
    "given_envelope",
    "new_phrase",
    "opened",
    "place_of",
]

_DEFAULT: Final = ".traceo/collector"
_DAY_S: Final = 86_400
_SHORT: Final = 12


def add_place(parser: argparse.ArgumentParser, *, help_text: str = "where the key set is") -> None:
    """``[PLACE]``."""
    parser.add_argument(
        "place", nargs="?", default=_DEFAULT, metavar="PLACE", help=f"{help_text} (default: ./{_DEFAULT})"
    )


def add_passphrase(parser: argparse.ArgumentParser) -> None:
    """Where the passphrase comes from; never the passphrase itself."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--passphrase-env", metavar="NAME", help="take the passphrase from this variable")
    group.add_argument(
        "--passphrase-fd",
        type=int,
        metavar="N",
        help="read it from this file descriptor; without either, it is asked for on the terminal",
    )


def add_calendar(parser: argparse.ArgumentParser) -> None:
    """The collector's two options on when keys turn."""
    parser.add_argument(
        "--key-days",
        type=float,
        default=90,
        metavar="N",
        help="days that a key is sealed to, as given to the collector (default: %(default)s)",
    )
    parser.add_argument(
        "--key-retention-days",
        type=float,
        default=90,
        metavar="N",
        help="days that it still opens, and 7 more, as given to the collector (default: %(default)s)",
    )


def calendar(args: argparse.Namespace) -> "Schedule":
    """What `add_calendar` was given."""
    from traceo.sealing.rotation import Schedule  # noqa: PLC0415 - cryptography, which --help need not load

    notice_days = 14
    if args.key_days <= notice_days or args.key_retention_days < 0:
        raise ConfigError(f"give more than {notice_days} --key-days, and 0 or more --key-retention-days")
    return Schedule(
        publish_after_s=int((args.key_days - notice_days) * _DAY_S),
        rotate_after_s=int(args.key_days * _DAY_S),
        retention_s=int(args.key_retention_days * _DAY_S),
    )


def place_of(args: argparse.Namespace) -> str:
    """The place as `open_store` takes it: a collector's data folder stands for the ``keys`` folder in it."""
    place: str = args.place
    if "://" in place or place.startswith(("file:", "env:")):
        return place
    folder = Path(place).expanduser()
    inner = folder / "keys"
    if not (folder / "keys.json").exists() and (
        inner.is_dir() or place == _DEFAULT or (folder / "catalog.sqlite").exists()
    ):
        return f"file:{inner}"
    return f"file:{folder}"


def directory() -> Path:
    """The folder of the key file when the place names none."""
    return Path(_DEFAULT) / "keys"


def opened(args: argparse.Namespace) -> "KeyStore":
    """The store at the place, whether it is locked or not; asks for the passphrase when that is needed."""
    from traceo.sealing.providers import open_store  # noqa: PLC0415 - as above
    from traceo.sealing.providers.envelope import AsFound  # noqa: PLC0415 - as above

    envelope = given_envelope(args)
    return open_store(place_of(args), directory=directory(), envelope=envelope or AsFound(_old_phrase))


def given_envelope(args: argparse.Namespace) -> "Envelope | None":
    """The passphrase's envelope when an option says where it is."""
    from traceo.sealing.providers import phrase_source  # noqa: PLC0415 - as above
    from traceo.sealing.providers.envelope import Passphrase  # noqa: PLC0415 - as above

    if args.passphrase_env is not None:
        return Passphrase(phrase_source(f"env:{args.passphrase_env}"))
    if args.passphrase_fd is not None:
        return Passphrase(phrase_source(f"fd:{args.passphrase_fd}"))
    return None


def new_phrase() -> "HiddenText":
    """A passphrase from the terminal, twice."""
    first = _ask("New passphrase: ")
    if not first:
        raise ConfigError("an empty passphrase locks nothing")
    if first.encode() != _ask("Again: ").encode():
        raise ConfigError("the two passphrases differ; nothing was changed")
    if len(first) < _SHORT:
        print(f"note: fewer than {_SHORT} characters are cheap to guess", file=sys.stderr)
    return first


def day(unix_s: float) -> str:
    """A day as people write it, UTC."""
    from datetime import UTC, datetime  # noqa: PLC0415 - as above

    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d")


def _old_phrase() -> "HiddenText":
    return _ask("Passphrase: ")


def _ask(prompt: str) -> "HiddenText":
    from traceo.sealing.hidden import HiddenText  # noqa: PLC0415 - as above

    if not sys.stdin.isatty():
        raise ConfigError(
            "a passphrase is needed and there is no terminal to ask on; "
            "give --passphrase-env NAME or --passphrase-fd N"
        )
    return HiddenText(getpass.getpass(prompt))
