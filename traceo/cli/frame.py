"""What every command shares: finding it, its help, its exit code.

A command is a module of this package with ``NAME``, ``HELP``, ``configure(parser)`` and ``run(args) -> int``.
It is imported only when it is named (or when the list of commands is shown); what is heavy, ``run`` imports.

Exit codes: 0 done; 1 the command failed, or what it checks does not hold; 2 wrong usage or a wrong setting;
130 stopped by Ctrl-C.
"""

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final, Protocol, cast

from traceo._version import __version__
from traceo.errors import ConfigError, TraceoError

__all__ = ["COMMANDS", "Command", "main"]

COMMANDS: Final = ("run", "collector", "demo", "doctor", "redact", "keys", "reveal", "erase", "bench")
"""Every command, in the order of the help."""

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

_DESCRIPTION: Final = (
    "Observability, redacted and sealed inside the process.\n"
    "An application needs one line (import traceo; traceo.init()), or none: traceo run app.py."
)
_EPILOG: Final = """\
examples:
  traceo run app.py                 run a program with Traceo in it
  traceo collector                  receive on 127.0.0.1:4318, data in ./.traceo/collector
  traceo demo                       see everything at work, with a leak check at the end

traceo COMMAND --help tells more about a command.
"""


class Command(Protocol):
    """The shape of a command's module."""

    NAME: str
    HELP: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Do it; the exit code."""
        ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the words after ``traceo``; those of this process when None.

    Raises:
        SystemExit: from argparse: with 0 after ``--help`` and ``--version``, with 2 when options are wrong.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    name = words[0] if words and not words[0].startswith("-") else None
    if name is not None and name not in COMMANDS:
        return _unknown(name)
    parser = _parser(COMMANDS if name is None else (name,))
    args = parser.parse_args(words)
    if name is None:
        parser.print_help()
        return DONE
    return _run(_load(name), args)


def _run(command: Command, args: argparse.Namespace) -> int:
    try:
        code = command.run(args)
        sys.stdout.flush()
    except ConfigError as error:
        print(f"traceo {command.NAME}: {error}", file=sys.stderr)
        return USAGE
    except TraceoError as error:
        print(f"traceo {command.NAME}: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return code


class _Wide(argparse.RawDescriptionHelpFormatter):
    """Keeps a command and its help on one line."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=20, width=100)
        self._action_max_length = 16  # argparse forgets the indent of sub-commands


def _parser(names: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="traceo",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=_Wide,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"traceo {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name in names:
        command = _load(name)
        command.configure(
            commands.add_parser(
                name, help=command.HELP, description=_sentence(command.HELP), allow_abbrev=False
            )
        )
    return parser


def _load(name: str) -> Command:
    return cast("Command", importlib.import_module(f"traceo.cli.{name}"))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _unknown(name: str) -> int:
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"the commands are: {', '.join(COMMANDS)}"
    print(f"traceo: there is no command '{name}'; {hint}", file=sys.stderr)
    return USAGE
