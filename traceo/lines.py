"""A log line as a logging library knows it, on its way to whoever listens.

The hooks of structlog and loguru know the library, `traceo.logs` knows what becomes of a line; this is all
that they share. It also knows which line this thread is handing on at the moment: these libraries often hand
theirs on to one another, and a line is to be sent once.
"""

import threading
from collections.abc import Callable, Collection, Mapping
from logging import LogRecord
from typing import Any

__all__ = ["Line", "hand_on", "has_relays", "has_stdlib", "is_heard", "listen", "passing", "repeats", "say"]


class Line:
    """One line; ``exc_info`` as the stdlib has it, ``exc_text`` if only its text is there.

    ``left_away`` are names that are no fields of it, though a stdlib record of the same line may have them.
    ``level`` is the stdlib's, ``severity`` OTLP's where it is known; ``time_ns`` is unix time, 0 for now;
    ``ids`` are trace id, span id and flags, ``None`` for those of the current span. A line without a ``path``
    does not say where it comes from.
    """

    __slots__ = (
        "body", "event_name", "exc_info", "exc_text", "fields", "function", "ids", "left_away", "level",
        "level_name", "line", "logger", "path", "severity", "stack", "time_ns", "version",
    )  # fmt: skip

    def __init__(
        self,
        *,
        logger: str,
        level: int,
        level_name: str,
        body: object,
        fields: Mapping[Any, object],
        left_away: Collection[Any] = (),
        exc_info: Any = None,
        exc_text: str = "",
        stack: str = "",
        path: str = "",
        line: int = 0,
        function: str = "",
        version: str = "",
        severity: int | None = None,
        event_name: str = "",
        time_ns: int = 0,
        ids: tuple[int, int, int] | None = None,
    ) -> None:
        self.logger = logger
        self.level = level
        self.level_name = level_name
        self.body = body
        self.fields = fields
        self.left_away = left_away
        self.exc_info = exc_info
        self.exc_text = exc_text
        self.stack = stack
        self.path = path
        self.line = line
        self.function = function
        self.version = version
        self.severity = severity
        self.event_name = event_name
        self.time_ns = time_ns
        self.ids = ids


class _Passing(threading.local):
    """What this thread is in the middle of handing on."""

    record: LogRecord | None = None
    """A stdlib record, with the application's handlers now: one may hand it to loguru."""
    message: str | None = None
    """A loguru message, with the application's sinks now: one may hand it to the stdlib."""
    extra: object = None
    """The fields of a loguru line that is being made a stdlib record, which has the same object."""
    event: Line | None = None
    """A structlog event, with the logger beneath now: the stdlib's record of it takes this."""
    is_proxied: bool = False
    """Whether structlog calls the logger beneath by itself afterwards."""


passing = _Passing()

_NOBODY = 1 << 62
_TELLING = 12
_SHORT = 4
_ear: Callable[[Line], object] | None = None
_lowest = _NOBODY
_has_stdlib = True
_relays = 0


def listen(ear: Callable[[Line], object], lowest: int, *, has_stdlib: bool = True) -> Callable[[], None]:
    """Have every line at or above level ``lowest`` brought to ``ear``; returns the way to stop.

    ``has_stdlib``: whoever listens also hears the stdlib's records.
    """
    global _ear, _lowest, _has_stdlib
    before = _ear, _lowest, _has_stdlib
    _ear, _lowest, _has_stdlib = ear, lowest, has_stdlib

    def stop() -> None:
        global _ear, _lowest, _has_stdlib
        if _ear is ear:
            _ear, _lowest, _has_stdlib = before

    return stop


def has_stdlib() -> bool:
    """Whether the stdlib's records are heard too, so that a line which becomes one need not be said."""
    return _has_stdlib


def is_heard(level: int) -> bool:
    """Whether anybody listens to lines of this level; 0, of no level, is always listened to."""
    return level >= _lowest or (not level and _ear is not None)


def repeats(shown: str, message: str) -> bool:
    """Whether ``shown`` is how a line with this ``message`` may look after a formatter.

    In doubt it is not: a line that is sent twice is better than one that is lost.
    """
    shown, message = shown.strip(), message.strip()
    if shown == message:
        return True
    if len(message) >= _TELLING:
        return message in shown
    return len(message) >= _SHORT and shown.endswith(f" {message}")


def say(line: Line) -> None:
    """Bring a line to whoever listens."""
    ear = _ear
    if ear is not None:
        ear(line)


def hand_on(*, relays: bool) -> None:
    """Say that a library which may take stdlib records, or make some, is hooked; or no longer."""
    global _relays
    _relays += 1 if relays else -1


def has_relays() -> bool:
    """Whether one is: only then the stdlib's side has anything to remember."""
    return _relays > 0
