"""What both the handler and the formatter read out of a stdlib log record."""

import logging
import re
import traceback
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any, Final, TypeAlias

from traceo.logs.values import bounded, plain_text, to_value
from traceo.records import AnyValue

__all__ = [
    "ExceptionText",
    "body_of",
    "exception_of",
    "exception_text",
    "extras_of",
    "has_extras",
    "severity_of",
    "values_of",
]

ExceptionText: TypeAlias = tuple[str, str, str]
"""Type, message and stack trace."""

_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_BASE: Final = len(vars(logging.makeLogRecord({})))
_OF_CELERY: Final = ("celery.worker.consumer", "celery.pool")
_MESSAGE: Final = re.compile(r"The full contents of|\bbody:|\(args:")
_MAX_EXTRAS: Final = 128
_MAX_FRAMES: Final = 100
_MAX_TRACE: Final = 64 * 1024


def body_of(record: logging.LogRecord) -> AnyValue:
    """The formatted message; a mapping stays one, for key rules; with wrong arguments, the template."""
    message: object = record.msg
    if not record.args and isinstance(message, Mapping):
        return to_value(message)  # pyright: ignore[reportUnknownArgumentType]  contents are judged one by one
    try:
        text = record.getMessage()
        if record.name.startswith(_OF_CELERY):
            text = _before_the_message(text)
        return bounded(text)
    except Exception:  # wrong arguments, or one whose __str__ raises
        return plain_text(message)


def _before_the_message(text: str) -> str:
    """What a worker of Celery says of a message or a task, before it repeats its arguments."""
    found = _MESSAGE.search(text)
    return text if found is None else f"{text[: found.start()].rstrip()} …"


def has_extras(record: logging.LogRecord) -> bool:
    """Whether something may have come in through ``extra=``; costs next to nothing."""
    return len(vars(record)) > _BASE


def extras_of(record: logging.LogRecord, leave: Collection[Any] = ()) -> dict[str, AnyValue]:
    """What came in through ``extra=`` (and through filters) but for the names in ``leave``, bounded."""
    extras: dict[str, AnyValue] = {}
    for key, value in vars(record).items():
        if key not in _STANDARD and key not in leave and len(extras) < _MAX_EXTRAS:
            extras[key] = to_value(value)
    if "data" in extras and record.name.startswith("celery."):
        del extras["data"]  # the message and the exception again, and the task's arguments
    if "_logger" in extras and isinstance(record.msg, Mapping):  # structlog's way to its formatter
        del extras["_logger"]
        extras.pop("_name", None)
    return extras


def values_of(fields: Mapping[Any, object]) -> dict[str, AnyValue]:
    """Fields as attributes, bounded."""
    values: dict[str, AnyValue] = {}
    for key, value in fields.items():
        if len(values) >= _MAX_EXTRAS:
            break
        values[key if type(key) is str else plain_text(key)] = to_value(value)
    return values


def exception_of(record: logging.LogRecord) -> ExceptionText | None:
    """The exception of the record; see `exception_text`."""
    if not record.exc_info and not record.exc_text:
        return None
    return exception_text(record.exc_info, record.exc_text or "")


def exception_text(info: Any, text: str = "") -> ExceptionText | None:
    """An exception as text. Formatted now: later its frames have moved on, and would be kept alive."""
    if not info or info[0] is None:
        return ("", "", bounded(text, _MAX_TRACE)) if text else None
    known: _ExcInfo = info
    cls, error, trace = known
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    try:
        stack = "".join(traceback.format_exception(cls, error, trace, limit=-_MAX_FRAMES))
    except Exception:  # a chain or a source that cannot be shown
        stack = ""
    return name, plain_text(error), bounded(stack, _MAX_TRACE)


def severity_of(level: int) -> int:
    """OTLP's severity number: DEBUG 5, INFO 9, WARNING 13, ERROR 17, CRITICAL 21; between them one by one."""
    if not isinstance(level, int) or level <= 0:  # records made by hand hold anything
        return 0
    if level < 10:
        return 1 + min(level // 3, 3)
    step = min(level // 10, 5)
    return 4 * step + 1 + min(level - 10 * step, 3)
