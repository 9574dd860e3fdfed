"""``traceo keys list | publish | pin``."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from traceo.cli.keys.place import add_calendar, add_passphrase, add_place, calendar, day, opened
from traceo.errors import ConfigError, KeyFileError, TrustError

if TYPE_CHECKING:
    from traceo.sealing import EpochKey, KeySet
    from traceo.sealing.rotation import Schedule

__all__ = ["add_tls", "configure", "fetch_document", "run"]

_DAY_S: Final = 86_400
_TIMEOUT_S: Final = 10.0


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    kid: str
    state: str
    since: int
    kem: str
    next: str


class _Whole(msgspec.Struct, frozen=True, kw_only=True):
    place: str
    fingerprint: str
    serial: int
    keys: list[_Row]


def configure(name: str, parser: argparse.ArgumentParser) -> None:
    """Add the options of one sub-command."""
    if name == "pin":
        add_place(parser, help_text="where the key set is, or the URL of a collector")
        add_tls(parser)
    else:
        add_place(parser)
    add_passphrase(parser)
    if name == "publish":
        parser.add_argument(
            "--out", type=Path, metavar="FILE", help="write it there instead of to the terminal"
        )
        parser.add_argument(
            "--valid-days",
            type=float,
            default=90,
            metavar="N",
            help="days until senders must have a newer one (default: %(default)s; a collector's own: 7)",
        )
        return
    parser.add_argument("--json", action="store_true", help="print JSON")
    if name == "list":
        add_calendar(parser)


def add_tls(parser: argparse.ArgumentParser) -> None:
    """How to talk to a collector behind TLS."""
    parser.add_argument("--ca", default="", metavar="FILE", help="for a URL: the CA to trust, PEM")
    parser.add_argument("--cert", default="", metavar="FILE", help="for a URL: a client certificate, PEM")
    parser.add_argument("--key", default="", metavar="FILE", help="for a URL: its private key, PEM")


def run(name: str, args: argparse.Namespace) -> int:
    """Run one sub-command."""
    return {"list": _list, "publish": _publish, "pin": _pin}[name](args)


def fetch_document(url: str, args: argparse.Namespace) -> "tuple[bytes, str, bool]":
    """The key set document of the collector at `url`, its Date header, and whether it is on this machine."""
    from traceo.exporters.http import HttpSender, TLSFiles, explain  # noqa: PLC0415 - TLS, which --help need not load

    sender = HttpSender(url, {}, _TIMEOUT_S, tls=TLSFiles(args.ca, args.cert, args.key))
    try:
        answer = sender.get(urlsplit(url).path.rstrip("/") + "/api/traceo/keys")
    except OSError as error:
        raise TrustError(f"{url}: {explain(error)}") from None
    finally:
        sender.close()
    if answer.status != 200:
        raise TrustError(f"{url} answered {answer.status}; is it a Traceo collector?")
    return answer.body, answer.headers.get("date", ""), sender.loopback


def _list(args: argparse.Namespace) -> int:
    from traceo.sealing.providers import load  # noqa: PLC0415 - cryptography, which --help need not load

    store, schedule = opened(args), calendar(args)
    keys = load(store)
    rows = [_row(key, keys, schedule) for key in keys.keys]
    if args.json:
        whole = _Whole(place=store.place, fingerprint=keys.fingerprint, serial=keys.serial, keys=rows)
        print(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode())
        return 0
    print(f"{store.place}, serial {keys.serial}")
    print(f"signed by {keys.fingerprint}\n")
    print(f"{'KEY':32}  {'STATE':12}  {'SINCE':10}  {'KIND':7}  NEXT")
    for row in rows:
        print(f"{row.kid}  {row.state:12}  {day(row.since)}  {row.kem:7}  {row.next}")
    return 0


def _row(key: "EpochKey", keys: "KeySet", schedule: "Schedule") -> _Row:
    return _Row(
        kid=key.recipient.kid.hex(),
        state=str(key.state),
        since=key.since_s,
        kem="X-Wing" if key.recipient.kem.name == "X_WING" else "X25519",
        next=_next(key, keys, schedule),
    )


def _next(key: "EpochKey", keys: "KeySet", schedule: "Schedule") -> str:
    from traceo.sealing import KeyState  # noqa: PLC0415 - as above
    from traceo.sealing.rotation import next_change_s  # noqa: PLC0415 - as above

    pending = any(other.state is KeyState.PENDING for other in keys.keys)
    match key.state:
        case KeyState.PRIMARY if pending:
            return "opens only, when the pending key takes over"
        case KeyState.PRIMARY:
            return f"successor published {day(key.since_s + schedule.publish_after_s)}"
        case KeyState.PENDING:
            living = [other for other in keys.keys if other.state in {KeyState.PRIMARY, KeyState.PENDING}]
            return f"primary {day(next_change_s(keys.with_keys(living), schedule=schedule))}"
        case KeyState.DECRYPT_ONLY:
            return f"destroyed {day(key.since_s + schedule.retention_s + schedule.grace_s)}"
        case _:
            return "-"


def _publish(args: argparse.Namespace) -> int:
    from traceo.sealing.providers import load  # noqa: PLC0415 - as above

    if not 0 < args.valid_days <= 400:
        raise ConfigError(f"--valid-days is {args.valid_days:g}; give 1 to 400")
    document = load(opened(args)).publish(valid_s=int(args.valid_days * _DAY_S))
    if args.out is None:
        print(document.decode())
        return 0
    try:
        args.out.write_bytes(document + b"\n")
    except OSError as error:
        raise KeyFileError(f"{args.out} cannot be written: {error.strerror}") from None
    print(f"wrote {args.out}", file=sys.stderr)
    return 0


def _pin(args: argparse.Namespace) -> int:
    from traceo.sealing import PublishedKeys  # noqa: PLC0415 - as above
    from traceo.sealing.providers import load  # noqa: PLC0415 - as above

    if not args.place.startswith(("http://", "https://")):
        return _say_pin(load(opened(args)).fingerprint, args)
    document, _, loopback = fetch_document(args.place, args)
    fingerprint = PublishedKeys.verify(document, pin=None).fingerprint
    if not loopback:
        print(
            "note: this came over the network; compare it with `traceo keys pin` on the collector's machine",
            file=sys.stderr,
        )
    return _say_pin(fingerprint, args)


def _say_pin(fingerprint: str, args: argparse.Namespace) -> int:
    if args.json:
        print(json.dumps({"variable": "TRACEO_SEAL_KEY", "fingerprint": fingerprint}))
    else:
        print(f"TRACEO_SEAL_KEY={fingerprint}")
    return 0
