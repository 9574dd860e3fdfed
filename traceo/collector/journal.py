"""The collector's own log: one JSON object a line on stderr, never a value from a request's body."""

import logging
import sys
import threading
import time
from datetime import UTC, datetime

import msgspec

__all__ = ["adopt_logging", "error", "info", "warning"]

# a warning that repeats (a sender in a loop) is written once in this time, with how many were left out
_QUIET_S = 10.0
_lock = threading.Lock()
_last: dict[str, tuple[float, int]] = {}


def info(event: str, /, **fields: str | float | None) -> None:
    """Write an event that is part of normal life."""
    _write("info", event, fields)


def warning(event: str, /, **fields: str | float | None) -> None:
    """Write what an operator may have to look at; once in ten seconds for each event and reason."""
    key = f"{event}/{fields.get('reason', '')}"
    now = time.monotonic()
    with _lock:
        last, held = _last.get(key, (-_QUIET_S, 0))
        if now - last < _QUIET_S:
            _last[key] = (last, held + 1)
            return
        _last[key] = (now, 0)
    _write("warning", event, fields | {"repeated": held} if held else fields)


def error(event: str, /, **fields: str | float | None) -> None:
    """Write something that an operator must look at."""
    _write("error", event, fields)


def adopt_logging() -> None:
    """Let what libraries log (warnings and worse) come out in our form, without the values they logged."""
    logging.basicConfig(level=logging.WARNING, handlers=[_Adopted()], force=True)


class _Adopted(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        # the template only: its arguments may be parts of a request
        warning("library", reason=f"{record.name}: {str(record.msg)[:200]}", cause=cause)


def _write(level: str, event: str, fields: dict[str, str | float | None]) -> None:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = msgspec.json.encode({"time": moment, "level": level, "event": event, **fields})
    with _lock:
        sys.stderr.write(line.decode() + "\n")
        sys.stderr.flush()
