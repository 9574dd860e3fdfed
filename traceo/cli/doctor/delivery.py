"""Where telemetry would go: who answers there, whom it would be sealed to, and what time it is there."""

import os
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from traceo.cli.finding import Finding, State
from traceo.errors import TraceoError

if TYPE_CHECKING:
    from traceo.config import Config
    from traceo.exporters.destination import Destination
    from traceo.exporters.outcome import SealMode

__all__ = ["findings"]

_SKEW_S: Final = 30
_TIMEOUT_S: Final = 5.0


def findings(config: "Config", *, is_offline: bool) -> Iterator[Finding]:
    """The spool, the endpoint, its key, its clock."""
    yield from _spool(config)
    if is_offline:
        yield Finding("note", "endpoint", f"{config.public_endpoint}, not asked")
        return
    yield from _endpoint(config)
    yield from _clock(config)


def _spool(config: "Config") -> Iterator[Finding]:
    if not config.spool_dir:
        yield Finding(
            "note",
            "spool",
            "none: what cannot be delivered waits in memory only",
            "set TRACEO_SPOOL_DIR to keep it",
        )
        return
    folder = Path(config.spool_dir)
    place = folder if folder.exists() else next((one for one in folder.parents if one.exists()), Path("/"))
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding(
            "wrong", "spool", f"{folder} cannot be written", "give this user the right, or name another"
        )
        return
    size = (
        sum(file.stat().st_size for file in folder.glob("**/*") if file.is_file()) if folder.exists() else 0
    )
    yield Finding("ok", "spool", f"{folder}, {size} of {config.spool_bytes} bytes used")


def _endpoint(config: "Config") -> Iterator[Finding]:
    from traceo.exporters.outcome import Outcome  # noqa: PLC0415  HTTP and cryptography, not for --help

    try:
        destination = _destination(config)
        package = destination.package("traces", b"")  # an empty request: nothing is stored
        outcome = package if isinstance(package, Outcome) else destination.send(package)
    except TraceoError as error:
        yield Finding("wrong", "endpoint", str(error))
        return
    found = destination.status()
    destination.close()
    fix = (
        f"check the endpoint (from {config.sources['endpoint']})"
        if "endpoint" in config.sources
        else "start one with: traceo collector"
    )
    if outcome.kind != "accepted":
        # Without a collector an application that names none shows its traces on the terminal.
        state: State = "wrong" if "endpoint" in config.sources else "warn"
        # Whom nobody has reached has no name but the one in the settings.
        named = config.public_endpoint if found.mode == "unknown" else found.endpoint
        said = outcome.reason if named in outcome.reason else f"{named}: {outcome.reason}"
        yield Finding(state, "endpoint", said, fix)
        return
    if found.mode == "plain":
        yield Finding("ok", "endpoint", f"{found.endpoint} takes OTLP ({found.encoding}), not sealed")
        return
    yield Finding("ok", "endpoint", f"{found.endpoint} takes sealed batches ({found.kem or found.mode})")
    if not found.fingerprint:
        return
    if config.seal_key:
        yield Finding("ok", "key", f"sealed to {found.fingerprint}, as pinned")
    else:
        yield Finding(
            "note",
            "key",
            f"sealed to {found.fingerprint}, trusted because the collector is on this host",
            "elsewhere pin it: TRACEO_SEAL_KEY",
        )


def _destination(config: "Config") -> "Destination":
    from traceo.exporters.destination import Destination  # noqa: PLC0415  as above

    environ = os.environ
    return Destination(
        config.endpoint,
        headers=config.headers,
        api_key=config.api_key,
        timeout_s=min(config.timeout_s, _TIMEOUT_S),
        seal=cast("SealMode", config.seal),
        pin=config.seal_key,
        sender_key=config.sender_key,
        ca_file=environ.get("OTEL_EXPORTER_OTLP_CERTIFICATE", ""),
        certificate_file=environ.get("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", ""),
        key_file=environ.get("OTEL_EXPORTER_OTLP_CLIENT_KEY", ""),
    )


def _clock(config: "Config") -> Iterator[Finding]:
    from traceo.exporters.http import HttpSender, TLSFiles  # noqa: PLC0415  as above

    environ = os.environ
    files = TLSFiles(
        environ.get("OTEL_EXPORTER_OTLP_CERTIFICATE", ""),
        environ.get("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", ""),
        environ.get("OTEL_EXPORTER_OTLP_CLIENT_KEY", ""),
    )
    try:
        sender = HttpSender(config.endpoint, {}, _TIMEOUT_S, tls=files)
        before = time.time()
        answer = sender.get("/")
        sender.close()
        theirs = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (OSError, TraceoError, ValueError, TypeError):
        return  # it was said above, or this server tells no time
    # The header has whole seconds, and the answer took its time.
    off_s = theirs + 0.5 - (before + time.time()) / 2
    if abs(off_s) <= _SKEW_S:
        yield Finding("ok", "clock", "this clock and the endpoint's agree")
    else:
        yield Finding(
            "warn",
            "clock",
            f"this clock is {abs(off_s):.0f} s {'behind' if off_s > 0 else 'ahead of'} the endpoint's",
            "set it by NTP: spans of several hosts will not line up",
        )
