"""``traceo keys``: make, look after and destroy the keys that open sealed telemetry."""

import argparse
import importlib
from typing import Final, Protocol, cast

__all__ = ["HELP", "NAME", "configure", "run"]

NAME = "keys"
HELP = "make, rotate, lock and check the keys that open sealed telemetry"

_MODULES: Final = {
    "new": "changing",
    "list": "showing",
    "rotate": "changing",
    "publish": "showing",
    "pin": "showing",
    "lock": "locking",
    "unlock": "locking",
    "destroy": "changing",
    "sender": "sender",
    "doctor": "doctor",
}
_EPILOG: Final = """\
PLACE is a collector's data folder (default: ./.traceo/collector), any other folder, or
  file:DIR                        keys.json in that folder, mode 0600, plain or locked
  env:NAME                        the content of such a file in a variable
  vault-kv://HOST/MOUNT/PATH      a secret of HashiCorp Vault, KV version 2     (traceo[vault])
  vault-transit://HOST/MOUNT/KEY  keys.json under a key of Vault's Transit      (traceo[vault])
  aws-kms://KEY                   keys.json under a key of AWS KMS              (traceo[aws])
The last two take ?dir=DIR for the folder of the file. Without HOST, VAULT_ADDR counts.

A running collector takes up what these commands change, within seconds from a folder and within
minutes from Vault. It rotates its own keys: nobody has to run anything for that.

examples:
  traceo keys list                                what there is, and what happens next
  traceo keys pin /var/lib/traceo                 the line for the applications: TRACEO_SEAL_KEY=sha256:…
  traceo keys new ~/team-keys --lock              a team's own key set, locked with a passphrase
  traceo keys publish ~/team-keys --out team.jws  its public half, to hand out
  traceo keys doctor                              is all as it should be?

exit codes: 0 done, 1 failed or found wrong, 2 wrong usage
"""


class _Part(Protocol):
    def configure(self, name: str, parser: argparse.ArgumentParser) -> None: ...
    def run(self, name: str, args: argparse.Namespace) -> int: ...


_HELP: Final = {
    "new": "make a key set where there is none",
    "list": "show the keys, their states and what happens next",
    "rotate": "seal to another key from now on; the old one still opens",
    "publish": "write the signed document of public keys",
    "pin": "print the line that makes applications trust this key set, or the collector at a URL",
    "lock": "protect the private keys with a passphrase, or by the key service that PLACE names",
    "unlock": "take that protection off again",
    "destroy": "make everything that was sealed to one old key unreadable, for good",
    "sender": "print the public half of the key that a sender signs with, for DATA/senders/NAME.pub",
    "doctor": "check permissions, ages, clock, platform and the published document",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.set_defaults(keys_help=parser.format_help)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="keys_command")
    for name, help_text in _HELP.items():
        words = f"{help_text[0].upper()}{help_text[1:]}."
        command = commands.add_parser(name, help=help_text, description=words, allow_abbrev=False)
        _part(name).configure(name, command)


def run(args: argparse.Namespace) -> int:
    """Run one sub-command; without one, show the help."""
    if args.keys_command is None:
        print(args.keys_help(), end="")
        return 0
    return _part(args.keys_command).run(args.keys_command, args)


def _part(name: str) -> _Part:
    return cast("_Part", importlib.import_module(f"traceo.cli.keys.{_MODULES[name]}"))
