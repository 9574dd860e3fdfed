"""``traceo bench``: what Traceo costs next to other libraries, measured on this machine."""

import argparse
import subprocess
import sys
from pathlib import Path

__all__ = ["HELP", "NAME", "configure", "run"]

NAME = "bench"
HELP = "measure costs next to OpenTelemetry, ddtrace, logfire, sentry-sdk and elastic-apm"

_RUNNER = Path(__file__).resolve().parents[2] / "benchmarks" / "run.py"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help="such as app_thread or asgi (default: all of them)"
    )
    parser.add_argument("--peers", metavar="A,B", help="such as traceo,opentelemetry,bare (default: all)")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds per peer (default: the scenario's)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the raw figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write a bar chart (SVG)")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "CPU time, medians over rounds, peers in turn; all send to one sink on the other core.\n"
        "Each peer gets a virtual environment of its own under .cache/bench on first use.\n"
        "Run it while nothing else runs."
    )


def run(args: argparse.Namespace) -> int:
    """The benchmarks' own exit code; 2 outside a checkout."""
    if not _RUNNER.exists():
        print(
            "traceo bench: the benchmarks are part of the repository, not of the installed package; "
            "run it from a checkout",
            file=sys.stderr,
        )
        return 2
    options = [
        word
        for name in ("peers", "rounds", "json", "plot")
        if (value := getattr(args, name)) is not None
        for word in (f"--{name}", str(value))
    ]
    return subprocess.run(  # noqa: S603  our own script, with the user's own words
        [sys.executable, str(_RUNNER), *args.scenarios, *options], check=False
    ).returncode
