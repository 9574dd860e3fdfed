"""``traceo demo``: a shop with traffic full of personal data, and the proof that none of it left in clear.

The rooms, in the order of the play:

- ``performance`` the whole of it; ``requirements`` is everything installed; ``processes`` starts and stops
- ``persons``, ``numbers``, ``secrets`` the values that are planted; ``ledger`` which one was planted where
- ``journeys`` what one customer does; ``traffic`` many of them at once; ``proxy`` records the wire
- ``needles`` finds values in bytes; ``evidence`` the bytes to look at; ``leaks`` the check; ``report`` tables
"""

import argparse

__all__ = ["HELP", "NAME", "configure", "run"]

NAME = "demo"
HELP = "run an example shop with traffic, then check that no planted value left in clear"

_EPILOG = """\
The check searches every planted value, in every form it can survive in, in the bytes between the services
and the collector, in the collector's files and in every answer of its API.
It prints "0 of N planted values found".

exit codes:
  0   nothing was found; with --no-redaction: the values were found, so the check can fail
  1   a planted value was found; with --no-redaction: too few were found for the check to be trusted
  2   something that the demo needs is missing
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("--once", action="store_true", help="exit after the check; do not stay up for a look")
    parser.add_argument(
        "--no-redaction",
        action="store_true",
        help="switch redaction off, to see that the check finds the values",
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=20.0, metavar="S", help="length of the traffic (default: 20)"
    )
    parser.add_argument(
        "--port",
        type=int,
        default=4318,
        help="the collector's port; 0 takes a free one (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo; the exit code as in ``--help``."""
    from traceo.cli.demo.requirements import missing  # noqa: PLC0415  --help needs none of it

    if problem := missing():
        import sys  # noqa: PLC0415

        print(f"traceo demo: {problem}", file=sys.stderr)
        return 2
    from traceo.cli.demo.performance import Options, perform  # noqa: PLC0415

    options = Options(
        seconds=args.seconds,
        port=args.port,
        once=args.once,
        redaction="off" if args.no_redaction else "default",
    )
    return perform(options)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("give a number of seconds from 1 to 3600")
    return seconds
