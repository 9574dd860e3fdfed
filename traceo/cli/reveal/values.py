"""``traceo reveal values`` and ``traceo reveal lines``."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from traceo.cli.reveal.source import Collector, add_collector, add_keys, private_keys, reader_of
from traceo.errors import ConfigError, OpenError
from traceo.semconv import SEALED_SUFFIX

if TYPE_CHECKING:
    from traceo.sealing.keyring import RevealKeys

__all__ = ["configure", "run"]

_LINES_AT_ONCE: Final = 200
_ATTRIBUTES: Final = frozenset({"attributes", "resource"})

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Place: TypeAlias = "tuple[dict[str, Json], str, str]"  # the object, the key in it, the attribute's whole name


def configure(name: str, parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    if name == "values":
        parser.add_argument(
            "tokens", nargs="+", metavar="TOKEN", help="what stands in an attribute's .sealed"
        )
        parser.add_argument("--json", action="store_true", help="print JSON lines")
    else:
        parser.add_argument(
            "file", nargs="?", default="-", metavar="FILE", help="JSON lines; standard input when not given"
        )
    add_keys(parser)
    add_collector(parser)
    parser.add_argument(
        "--reader", default="", metavar="NAME", help="who looks (default: this account's name)"
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for the collector's log")


def run(name: str, args: argparse.Namespace) -> int:
    """Run one of the two; 1 when something did not open."""
    return _values(args) if name == "values" else _lines(args)


def _values(args: argparse.Namespace) -> int:
    from traceo.sealing.field import field_attribute  # noqa: PLC0415 - cryptography, which --help need not load

    try:
        attributes = [field_attribute(token) for token in args.tokens]
    except OpenError:
        raise ConfigError("a token is what stands in an attribute that ends in .sealed: eyJ…") from None
    keys = _reveal_keys(args, args.tokens)
    failed = 0
    for token, attribute in zip(args.tokens, attributes, strict=True):
        value = _open(keys, token, attribute)
        if value is None:
            failed += 1
            print(f"{attribute}: the sealed data does not open", file=sys.stderr)
        elif args.json:
            print(msgspec.json.encode({"attribute": attribute, "value": value[0]}).decode())
        else:
            shown = value[0] if isinstance(value[0], str) else msgspec.json.encode(value[0]).decode()
            print(f"{attribute}: {shown}")
    return 1 if failed else 0


def _lines(args: argparse.Namespace) -> int:
    failed = 0
    for lines in _groups(args.file):
        found = [place for line in lines for place in _places(line, "")]
        tokens = [token for holder, key, _ in found if isinstance(token := holder[key], str)]
        keys = _reveal_keys(args, tokens) if tokens else None
        for holder, key, name in found:
            token = holder[key]
            value = _open(keys, token, name) if keys is not None and isinstance(token, str) else None
            if value is None:
                failed += 1
                continue
            del holder[key]
            holder[key.removesuffix(SEALED_SUFFIX)] = value[0]
        for line in lines:
            print(msgspec.json.encode(line).decode())
    if failed:
        print(f"{failed} sealed values did not open", file=sys.stderr)
    return 1 if failed else 0


def _reveal_keys(args: argparse.Namespace, tokens: list[str]) -> "RevealKeys":
    from traceo.sealing.field import field_kid  # noqa: PLC0415 - as above
    from traceo.sealing.keyring import RevealKeys  # noqa: PLC0415 - as above

    kids = [
        kid for kid in (_or_none(field_kid, token) for token in tokens) if kid is not None and len(kid) == 16
    ]
    with Collector(args) as collector:
        rows = collector.rows(kids, reader=reader_of(args), reason=args.reason) if kids else []
    return RevealKeys(private_keys(args), rows)


def _open(keys: "RevealKeys", token: str, attribute: str) -> tuple[Json] | None:
    from traceo.sealing.field import is_json  # noqa: PLC0415 - as above

    try:
        data = keys.open(token, attribute=attribute)
        return (msgspec.json.decode(data) if is_json(token) else data.decode("utf-8", "replace"),)
    except OpenError:
        return None


def _or_none(read: Callable[[str], str], token: str) -> str | None:
    try:
        return read(token)
    except OpenError:
        return None


def _groups(file: str) -> Iterator[list[Json]]:
    """The objects of a file, some at a time: a look at the key table is for many."""
    stream = sys.stdin if file == "-" else Path(file).open(encoding="utf-8")  # noqa: SIM115  closed below
    group: list[Json] = []
    try:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                group.append(msgspec.json.decode(line))
            except msgspec.DecodeError:
                raise ConfigError(f"line {number} of {file} is not JSON") from None
            if len(group) == _LINES_AT_ONCE:
                yield group
                group = []
        if group:
            yield group
    finally:
        if stream is not sys.stdin:
            stream.close()


def _places(value: Json, name: str) -> Iterator[Place]:
    """Where sealed values stand. `name` is the attribute so far, from the nearest set of attributes on."""
    if isinstance(value, list):
        for item in value:
            yield from _places(item, name)
        return
    if not isinstance(value, dict):
        return
    for key, item in list(value.items()):
        whole = f"{name}.{key}" if name else key
        if key.endswith(SEALED_SUFFIX) and isinstance(item, str):
            yield value, key, whole.removesuffix(SEALED_SUFFIX)
        else:
            yield from _places(item, "" if key in _ATTRIBUTES or isinstance(item, list) else whole)
