"""``traceo collector``: run the reference collector."""

import argparse
import sys
from pathlib import Path

from traceo.errors import TraceoError

__all__ = ["HELP", "NAME", "configure", "run"]

NAME = "collector"
HELP = "receive, store and show telemetry (OTLP, plain and sealed)"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=4318, help="port; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(".traceo/collector"),
        metavar="DIR",
        help="folder for all data (default: ./%(default)s)",
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes; this version runs 1")
    parser.add_argument(
        "--check-config", action="store_true", help="say whether it could start, and do not start"
    )


def run(args: argparse.Namespace) -> int:
    """Run until stopped; 0 after a signal, 2 when it cannot start."""
    try:
        from traceo.collector import Settings, check, serve  # noqa: PLC0415  half a second that --help need not pay
    except ModuleNotFoundError as error:
        print(
            f"traceo collector: {error.name} is not installed; run: pip install 'traceo[collector]'",
            file=sys.stderr,
        )
        return 2
    settings = Settings(data=args.data.absolute(), host=args.host, port=args.port, workers=args.workers)
    try:
        if args.check_config:
            check(settings)
            print("ok: the collector can start with these settings")
            return 0
        serve(settings)
    except TraceoError as error:
        print(f"traceo collector: {error}", file=sys.stderr)
        return 2
    return 0
