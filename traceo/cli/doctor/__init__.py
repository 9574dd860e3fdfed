"""``traceo doctor``: what Traceo would do here, and what stands in its way."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from traceo.cli.finding import Finding, exit_code, show

if TYPE_CHECKING:
    from traceo.config import Config

__all__ = ["HELP", "NAME", "configure", "run"]

NAME = "doctor"
HELP = "check settings, packages, libraries, the endpoint, the clock and redaction"

_EPILOG: Final = """\
Run it where the application runs: same folder, same environment, same variables. It reads the settings as
traceo.init() without arguments would, asks the endpoint who it is, and sends it one empty request.
Exit code 1 when something is wrong; what is only worth knowing is a note or a warning.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("--json", action="store_true", help="print JSON: a list of state, check, detail, fix")
    parser.add_argument(
        "--all", action="store_true", help="list the libraries that are not installed as well"
    )
    parser.add_argument("--offline", action="store_true", help="do not ask the endpoint")


def run(args: argparse.Namespace) -> int:
    """Look at everything: 1 when anything is wrong."""
    findings = list(_examine(is_complete=args.all, is_offline=args.offline))
    show(findings, as_json=args.json)
    return exit_code(findings)


def _examine(*, is_complete: bool, is_offline: bool) -> Iterator[Finding]:
    from traceo.cli.doctor import delivery, libraries, packages, platform, self_test  # noqa: PLC0415  not for --help

    yield from platform.findings()
    yield from packages.findings()
    config, finding = _settings()
    yield finding
    if config is None:
        return
    yield from libraries.findings(config, is_complete=is_complete)
    yield from self_test.findings(config)
    yield from delivery.findings(config, is_offline=is_offline)


def _settings() -> "tuple[Config | None, Finding]":
    from traceo.config import load, pyproject_of  # noqa: PLC0415  not for --help
    from traceo.errors import ConfigError  # noqa: PLC0415  the same

    try:
        config = load({}, os.environ, pyproject_of(Path.cwd()))
    except ConfigError as error:
        return None, Finding("wrong", "settings", str(error))
    if not config.enabled:
        source = config.sources.get("enabled", "default")
        return config, Finding("warn", "settings", f"Traceo is switched off (from {source})")
    if not config.sources:
        return config, Finding("ok", "settings", "all at their defaults")
    named = ", ".join(f"{name} (from {source})" for name, source in sorted(config.sources.items()))
    return config, Finding("ok", "settings", named)
