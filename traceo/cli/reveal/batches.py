"""``traceo reveal batches``: what a team's collector stores and cannot read."""

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from traceo.cli.reveal.source import Collector, add_collector, add_keys, private_keys
from traceo.errors import ConfigError, TraceoError

if TYPE_CHECKING:
    from traceo.sealing import OpenedBatch

__all__ = ["configure", "run"]

_ID: Final = re.compile(r"[0-9a-f]{32}")
_LIMIT_BYTES: Final = 256 * 1024 * 1024


def configure(_name: str, parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "batches", nargs="*", metavar="BATCH", help="ids of batches, or files; all that match when not given"
    )
    parser.add_argument("--team", metavar="NAME", help="only those of this team")
    parser.add_argument("--tenant", metavar="NAME", help="only those of this tenant")
    parser.add_argument("--signal", choices=("traces", "logs", "metrics"), help="only those of this signal")
    parser.add_argument(
        "--push", metavar="URL", help="send them, opened, to this collector instead of printing"
    )
    add_keys(parser)
    add_collector(parser)


def run(_name: str, args: argparse.Namespace) -> int:
    """Open them; 1 when one did not open."""
    if find_spec("opentelemetry.proto") is None:
        raise ConfigError("opened batches are read with protobuf; run: pip install 'traceo[collector]'")
    if not args.push:
        return _each(args, lambda _signal, _body, lines: _print(lines))
    with Collector(args, args.push) as target:
        return _each(args, lambda signal, body, _lines: _push(target, signal, body))


def _each(args: argparse.Namespace, use: Callable[[str, bytes, list[object]], None]) -> int:
    keys = private_keys(args)
    failed = 0
    for name, sealed in _sealed(args):
        try:
            opened = _read(sealed, keys)
        except TraceoError as error:
            failed += 1
            print(f"{name}: {error}", file=sys.stderr)
            continue
        use(*opened)
    return 1 if failed else 0


def _print(lines: list[object]) -> None:
    for line in lines:
        print(msgspec.json.encode(line).decode())


def _push(target: Collector, signal: str, body: bytes) -> None:
    if signal != "keys":  # they are for a key table, sealed; nobody asked for a copy
        target.push(signal, body)


def _sealed(args: argparse.Namespace) -> Iterator[tuple[str, bytes]]:
    """Name and content of each batch."""
    with Collector(args) as collector:
        wanted = {"team": args.team, "tenant": args.tenant, "signal": args.signal}
        for name in args.batches or collector.batches(**wanted):
            if _ID.fullmatch(name):
                yield name, collector.batch(name)
                continue
            try:
                yield name, Path(name).read_bytes()
            except OSError as error:
                raise ConfigError(f"{name} is neither a batch's id nor a file: {error.strerror}") from None


def _read(sealed: bytes, keys: Any) -> tuple[str, bytes, list[object]]:
    """The signal, the OTLP message and, as JSON, what is in it."""
    from traceo.collector.receivers.decompress import decompress, encoding_named  # noqa: PLC0415 - protobuf
    from traceo.sealing import open_batch  # noqa: PLC0415 - cryptography, which --help need not load

    opened = open_batch(sealed, keys)
    encoding = encoding_named(opened.header.content_encoding)
    if encoding is None:
        raise TraceoError(
            f"the batch is compressed with {opened.header.content_encoding}, which is not known here"
        )
    body = decompress(opened.body, encoding, limit=_LIMIT_BYTES)
    if opened.header.signal == "keys":
        return "keys", body, msgspec.json.decode(body)
    return opened.header.signal, body, list(_lines(opened, body))


def _lines(opened: "OpenedBatch", body: bytes) -> Iterator[object]:
    from google.protobuf import json_format  # noqa: PLC0415 - an extra's

    from traceo.collector.batch import Media, Signal  # noqa: PLC0415 - the same
    from traceo.collector.receivers.otlp import parse  # noqa: PLC0415 - the same
    from traceo.collector.store.rows import log_rows, span_rows  # noqa: PLC0415 - the same
    from traceo.collector.store.tables import TABLES  # noqa: PLC0415 - the same

    signal = Signal[opened.header.signal.upper()]
    media = Media.JSON if opened.header.content_type == "application/json" else Media.PROTOBUF
    request: Any = parse(body, signal, media)
    if signal is Signal.METRICS:
        yield {"signal": "metrics", **json_format.MessageToDict(request)}
        return
    rows = span_rows(request) if signal is Signal.TRACES else log_rows(request)
    for row in rows:
        line: dict[str, object] = {"signal": opened.header.signal}
        for name, value in zip(TABLES[signal].names, row, strict=True):
            # Nanoseconds since 1970 exceed what a JSON reader with doubles keeps.
            if name.endswith("_json"):
                line[name.removesuffix("_json")] = msgspec.json.decode(value)
            else:
                line[name] = str(value) if name in {"start_ns", "time_ns"} else value
        yield line
