"""``traceo redact``: redact a text, a file or a stream as an application would, and say why."""

import argparse
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import msgspec

from traceo.errors import ConfigError

if TYPE_CHECKING:  # the detectors' patterns are compiled when there is something to redact
    from traceo.redaction import Policy, Redacted

__all__ = ["HELP", "NAME", "configure", "run"]

NAME = "redact"
HELP = "redact a text, a file or standard input, and explain what was found"

_EPILOG: Final = """\
examples:
  traceo redact 'mail ada@example.com'            mail [EMAIL]
  traceo redact --key user.name Ada               as the value of an attribute
  tail -f app.log | traceo redact                 line by line, as it comes
  traceo redact --explain --file app.log          rule, type and place of everything found
  traceo redact --check --file tests/fixtures.json   for CI: exit code 1 when something is found

The policy is that of the application in this folder (TRACEO_REDACTION, or [tool.traceo.redaction] in
pyproject.toml) unless --policy or --profile says otherwise; `off` counts as `default` here.
With --check nothing of the input is printed. With --explain the values themselves are shown on a terminal
only, never in a pipe or a file.
"""

# A private key is many lines long and is only seen as a whole.
_BEGIN, _END = "-----BEGIN ", "-----END "
_BLOCK_LINES: Final = 400
_FOUND: Final = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("text", nargs="?", metavar="TEXT", help="the text; without it, standard input")
    parser.add_argument("--file", type=Path, metavar="FILE", help="read this file, line by line")
    parser.add_argument("--key", default="", metavar="KEY", help="redact as the value of this attribute")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="a redaction policy in TOML")
    parser.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="NAME",
        help="types of a region (eu, uk, us, us-hipaa, sg, in, cn, br, jp); may be repeated",
    )
    parser.add_argument("--explain", action="store_true", help="list what was found below each line")
    parser.add_argument("--json", action="store_true", help="one JSON object a line: line, text, findings")
    parser.add_argument(
        "--check", action="store_true", help="print only what was found, without values; exit 1 if anything"
    )


def run(args: argparse.Namespace) -> int:
    """Redact; 1 with ``--check`` when something was found, else 0."""
    from traceo.redaction import redact  # noqa: PLC0415 - patterns that --help need not compile

    if args.text is not None and args.file is not None:
        raise ConfigError("give a text or --file, not both")
    policy = _policy(args.policy, args.profile)
    place = str(args.file) if args.file is not None else "stdin" if args.text is None else ""
    show = _json if args.json else _check if args.check else _explain if args.explain else _plain
    found = False
    for number, line, ending in _lines(args.text, args.file):
        redacted = redact(line, key=args.key, policy=policy)
        found = found or bool(redacted.findings)
        if redacted.findings or not args.check:
            out = _without_text(redacted) if args.check else redacted
            sys.stdout.write(show(out, line, ending, f"{place}:{number}" if place else ""))
    return _FOUND if found and args.check else 0


def _policy(file: Path | None, profiles: list[str]) -> "Policy":
    from traceo.config import load, pyproject_of  # noqa: PLC0415 - not for --help
    from traceo.policy import choose  # noqa: PLC0415 - the same

    names = ",".join(profiles)
    extra = choose(names, source="--profile").policy.profiles if names not in {"", "default", "off"} else ()
    if file is not None:
        chosen = choose(str(file.absolute()), source="--policy").policy
    elif extra:
        chosen = choose("default", source="--profile").policy
    else:
        config = load({}, os.environ, pyproject_of(Path.cwd()))
        source = config.sources.get("redaction", "default")
        given = "default" if config.redaction == "off" else config.redaction
        chosen = choose(given, source=source).policy
    return msgspec.structs.replace(chosen, profiles=tuple(dict.fromkeys((*chosen.profiles, *extra))))


def _lines(text: str | None, file: Path | None) -> Iterator[tuple[int, str, str]]:
    """Number, text and line ending of each piece; what is not UTF-8 goes through as it came."""
    if text is not None:
        yield 1, text, "\n"
        return
    _as_bytes(sys.stdout)
    if file is not None:
        try:
            with file.open(encoding="utf-8", errors="surrogateescape", newline="") as source:
                yield from _pieces(source)
        except OSError as error:
            raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
        return
    if sys.stdin.isatty():
        print("reading from the terminal; end with Ctrl-D", file=sys.stderr)
    _as_bytes(sys.stdin)
    _as_bytes(sys.stdout, by_line=True)
    yield from _pieces(sys.stdin)


def _as_bytes(stream: TextIO, *, by_line: bool = False) -> None:
    if isinstance(stream, io.TextIOWrapper):  # not what a test has put there
        stream.reconfigure(
            encoding="utf-8", errors="surrogateescape", newline="", line_buffering=by_line or None
        )


def _pieces(lines: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    """Lines, and the lines of a private key together."""
    block: list[str] = []
    for number, line in enumerate(lines, 1):
        block.append(line)
        begins = _BEGIN in block[0] and _END not in line
        if not begins or len(block) >= _BLOCK_LINES:
            yield _piece(number - len(block) + 1, block)
            block = []
    if block:
        yield _piece(number - len(block) + 1, block)  # pyright: ignore[reportPossiblyUnboundVariable]  a block has lines


def _piece(number: int, block: list[str]) -> tuple[int, str, str]:
    whole = "".join(block)
    text = whole.rstrip("\r\n")
    return number, text, whole[len(text) :]


def _plain(redacted: "Redacted", line: str, ending: str, place: str) -> str:
    del line, place
    return redacted.text + ending


def _explain(redacted: "Redacted", line: str, ending: str, place: str) -> str:
    rows = [f"{redacted.text}{ending or chr(10)}"]
    shows_values = sys.stdout.isatty()
    for finding in redacted.findings:
        where = f"{place}:{finding.start}-{finding.end}".lstrip(":")
        value = f"  {line[finding.start : finding.end]!r}" if shows_values else ""
        rows.append(f"    {where}  {finding.entity}  rule {finding.rule}{value}\n")
    return "".join(rows)


def _check(redacted: "Redacted", line: str, ending: str, place: str) -> str:
    del line, ending
    rows = [
        f"{place}:{f.start + 1}: {f.entity} ({f.end - f.start} characters, rule {f.rule})".lstrip(":")
        for f in redacted.findings
    ]
    return "".join(f"{row}\n" for row in rows)


def _json(redacted: "Redacted", line: str, ending: str, place: str) -> str:
    del line, ending
    number = place.rpartition(":")[2]
    found = msgspec.to_builtins(redacted)
    row = {"line": int(number)} if number else {}
    return json.dumps({**row, **found}, ensure_ascii=True) + "\n"


def _without_text(redacted: "Redacted") -> "Redacted":
    return msgspec.structs.replace(redacted, text="")
