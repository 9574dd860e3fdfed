"""``traceo keys doctor``."""

import argparse
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from traceo.cli.finding import Finding, State, exit_code, show
from traceo.cli.keys.place import add_calendar, add_passphrase, add_place, calendar, day, opened
from traceo.cli.keys.showing import add_tls, fetch_document
from traceo.errors import ConfigError, KeyFileError, TrustError

if TYPE_CHECKING:
    from traceo.sealing import KeySet
    from traceo.sealing.providers import KeyStore
    from traceo.sealing.rotation import Schedule

__all__ = ["configure", "run"]

_DAY_S: Final = 86_400
_SKEW_S: Final = 300


def configure(name: str, parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    del name
    add_place(parser)
    add_passphrase(parser)
    add_calendar(parser)
    parser.add_argument("--url", metavar="URL", help="also ask the collector that should be using these keys")
    add_tls(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(name: str, args: argparse.Namespace) -> int:
    """Say what is right and what is not: 1 when anything is wrong, 0 with nothing but warnings."""
    del name
    findings = list(_examine(args))
    show(findings, as_json=args.json)
    return exit_code(findings)


def _examine(args: argparse.Namespace) -> Iterator[Finding]:
    from traceo.sealing.providers import load  # noqa: PLC0415 - cryptography, which --help need not load

    schedule = calendar(args)
    yield _platform()
    try:
        store = opened(args)
        keys = load(store)
    except (KeyFileError, ConfigError) as error:
        yield Finding("wrong", "key set", str(error))
        return
    yield from _place(store)
    yield _document(keys)
    yield from _ages(keys, schedule, writable=store.writable)
    yield _clock(keys)
    if args.url is not None:
        yield from _collector(keys, args)


def _platform() -> Finding:
    from traceo.sealing import Kem, default_kem  # noqa: PLC0415 - as above

    if default_kem() is Kem.X_WING:
        return Finding("ok", "platform", "ML-KEM is there: new keys are X-Wing (X25519 and ML-KEM-768)")
    return Finding(
        "warn",
        "platform",
        "no ML-KEM in this platform's cryptography: new keys are X25519 alone, which a quantum computer "
        "could break; install a cryptography wheel of version 48 or later",
    )


def _place(store: "KeyStore") -> Iterator[Finding]:
    try:
        complaints = store.complaints()
    except (KeyFileError, OSError) as error:
        complaints = [str(error)]
    for complaint in complaints:
        yield Finding("wrong", "place", complaint)
    if not complaints:
        yield Finding("ok", "place", f"{store.place}: nobody else can read it, nothing is left over")
    if not store.writable:
        yield Finding(
            "warn", "place", "no collector can rotate keys here; use a folder or a key service for that"
        )


def _document(keys: "KeySet") -> Finding:
    from traceo.sealing import PublishedKeys  # noqa: PLC0415 - as above

    try:
        PublishedKeys.verify(keys.publish(), pin=keys.fingerprint)
    except TrustError as error:
        return Finding("wrong", "document", f"the published key set does not verify: {error}")
    return Finding("ok", "document", f"the published key set verifies; signed by {keys.fingerprint}")


def _ages(keys: "KeySet", schedule: "Schedule", *, writable: bool) -> Iterator[Finding]:
    from traceo.sealing import Kem, KeyState, default_kem  # noqa: PLC0415 - as above
    from traceo.sealing.rotation import next_change_s  # noqa: PLC0415 - as above

    now_s, due_s = time.time(), next_change_s(keys, schedule=schedule)
    primary = keys.primary()
    age = f"the primary key is {(now_s - primary.since_s) / _DAY_S:.0f} days old"
    if now_s >= due_s + _DAY_S:
        fix = (
            "start its collector, or run: traceo keys rotate --if-due"
            if writable
            else "change it where it is made"
        )
        yield Finding("wrong", "age", f"{age}; a change is due since {day(due_s)}: {fix}")
    else:
        yield Finding("ok", "age", f"{age}; the next change is on {day(due_s)}")
    counts = {state: sum(key.state is state for key in keys.keys) for state in KeyState}
    yield Finding("ok", "states", ", ".join(f"{count} {state}" for state, count in counts.items() if count))
    if primary.recipient.kem is Kem.X25519 and default_kem() is Kem.X_WING:
        yield Finding("warn", "kind", "the primary key is X25519; run traceo keys rotate for one with ML-KEM")


def _clock(keys: "KeySet") -> Finding:
    ahead_s = max(key.since_s for key in keys.keys) - time.time()
    if ahead_s > _SKEW_S:
        return Finding(
            "wrong", "clock", f"a key was changed {ahead_s:.0f} s in the future; set the clock right"
        )
    return Finding("ok", "clock", "no key is from the future")


def _collector(keys: "KeySet", args: argparse.Namespace) -> Iterator[Finding]:
    from traceo.sealing import PublishedKeys  # noqa: PLC0415 - as above

    try:
        document, date, _ = fetch_document(args.url, args)
        published = PublishedKeys.verify(document, pin=keys.fingerprint)
    except (TrustError, ConfigError) as error:
        yield Finding("wrong", "collector", str(error))
        return
    if published.serial == keys.serial:
        yield Finding("ok", "collector", f"{args.url} publishes this key set, serial {published.serial}")
    else:
        yield Finding(
            "warn",
            "collector",
            f"{args.url} publishes serial {published.serial}, here is {keys.serial}; look again soon",
        )
    try:
        off_s = abs(parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, TypeError):
        return
    state: State = "ok" if off_s < _SKEW_S else "wrong"
    yield Finding(state, "clock", f"the collector's clock and this one are {off_s:.0f} s apart")
