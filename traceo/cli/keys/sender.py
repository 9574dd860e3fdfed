"""``traceo keys sender``."""

import argparse
from pathlib import Path

from traceo.errors import ConfigError

__all__ = ["configure", "run"]


def configure(_name: str, parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the key file; made when there is none")


def run(_name: str, args: argparse.Namespace) -> int:
    """Print the public half."""
    from traceo.sealing import SenderKey, base64url  # noqa: PLC0415 - cryptography, which --help need not load

    path: Path = args.file.expanduser()
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; give the file that the key is, or shall be, in")
    if not path.exists():
        SenderKey.generate().save(path)
    print(base64url.encode(SenderKey.load(path).public))
    return 0
