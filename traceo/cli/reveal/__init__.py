"""``traceo reveal``: what the holder of a key can read, read."""

import argparse
import importlib
from typing import Final, Protocol, cast

__all__ = ["HELP", "NAME", "configure", "run"]

NAME = "reveal"
HELP = "open sealed values and a team's sealed batches, with a key set"

_EPILOG: Final = """\
Keys come from a key set of yours: --keys PLACE, as in traceo keys --help. The collector gives what it keeps
sealed, and writes down each look at the keys of values, with --reader and --reason.

examples:
  traceo reveal values eyJhbGciOiJkaXIi… --keys ~/privacy-keys --reason ticket-7
  curl -s http://127.0.0.1:4318/api/traceo/traces/ID | traceo reveal lines --keys ~/privacy-keys
  traceo reveal batches --keys ~/team-keys --tenant acme
  traceo reveal batches --keys ~/team-keys --push http://127.0.0.1:4318
"""

_HELP: Final = {
    "values": "open sealed values given as tokens",
    "lines": "open the sealed values inside JSON, line by line",
    "batches": "open sealed batches: print spans and log lines as JSON lines, or push them to a collector",
}


class _Part(Protocol):
    def configure(self, name: str, parser: argparse.ArgumentParser) -> None: ...
    def run(self, name: str, args: argparse.Namespace) -> int: ...


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.set_defaults(reveal_help=parser.format_help)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="reveal_command")
    for name, help_text in _HELP.items():
        words = f"{help_text[0].upper()}{help_text[1:]}."
        command = commands.add_parser(name, help=help_text, description=words, allow_abbrev=False)
        _part(name).configure(name, command)


def run(args: argparse.Namespace) -> int:
    """Run one sub-command; without one, show the help."""
    if args.reveal_command is None:
        print(args.reveal_help(), end="")
        return 0
    return _part(args.reveal_command).run(args.reveal_command, args)


def _part(name: str) -> _Part:
    module = "batches" if name == "batches" else "values"
    return cast("_Part", importlib.import_module(f"traceo.cli.reveal.{module}"))
