"""``traceo erase``: make everything that was sealed about one person unreadable."""

import argparse
import sys
from pathlib import Path
from typing import Final

from traceo.cli.reveal.source import Collector, add_collector
from traceo.errors import ConfigError

__all__ = ["HELP", "NAME", "configure", "run"]

NAME = "erase"
HELP = "make all sealed values about one person unreadable, in every copy"

_TOKEN_CHARS: Final = 46


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "subject",
        metavar="SUBJECT",
        help="the person's id as the application knows it, or the pseudonym pn_…",
    )
    parser.add_argument(
        "--pseudonym-key",
        metavar="PLACE",
        help="the key that the applications make tokens with: a file, or env:NAME; not needed for a pn_…",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_collector(parser)


def run(args: argparse.Namespace) -> int:
    """Erase; 0 also when there was nothing."""
    token = _token(args)
    if not args.yes and not _confirmed(token):
        print("nothing was erased", file=sys.stderr)
        return 1
    with Collector(args) as collector:
        keys = collector.erase(token)
    print(f"{token}: {keys} keys erased; what was sealed under them opens nowhere any more")
    return 0


def _token(args: argparse.Namespace) -> str:
    if args.subject.startswith("pn_") and len(args.subject) == _TOKEN_CHARS:
        return args.subject
    if not args.pseudonym_key:
        raise ConfigError(
            "--pseudonym-key is needed to find a person by their own id; or give the pseudonym pn_…"
        )
    from traceo.pipeline.seal_settings import read_key  # noqa: PLC0415 - cryptography, which --help need not load
    from traceo.sealing.pseudonym import Pseudonyms  # noqa: PLC0415 - the same

    place = (
        args.pseudonym_key
        if args.pseudonym_key.startswith("env:")
        else str(Path(args.pseudonym_key).expanduser())
    )
    return Pseudonyms(read_key(place, source="--pseudonym-key"))(args.subject)


def _confirmed(token: str) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("there is no terminal to ask on; give --yes")
    return (
        input(f"Make everything that was sealed about {token} unreadable, for good? [y/N] ").strip().lower()
        == "y"
    )
