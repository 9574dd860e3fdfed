"""Log lines as JSON: one object a line, for consoles and files that Loki or Elastic read."""

import datetime as dt
import logging
from collections.abc import Callable

import msgspec

from traceo.logs.record import body_of, exception_of, extras_of
from traceo.logs.values import plain_text
from traceo.records import AnyValue
from traceo.tracing import current_ids

__all__ = ["JsonFormatter"]

_encode = msgspec.json.Encoder().encode


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object without line breaks; never raises.

    Fields, in this order: ``timestamp`` (RFC 3339, UTC, microseconds), ``level``, ``logger``, ``message``
    (a string, or the object that was logged), ``trace_id`` and ``span_id`` (lower-case hex, only inside a
    span), ``file``, ``line``, ``function``, ``thread``, then ``exception`` (``type``, ``message``,
    ``stacktrace``) and ``attributes`` (what came in through ``extra=``) when there are any.

    ``scrub`` is applied to the whole object before it is written: give it the redaction, or what you print
    is as it was logged. If it fails, the line keeps its place and its ids, and loses all that came from the
    application.

    >>> line = JsonFormatter().format(logging.makeLogRecord({"name": "shop", "msg": "paid %s", "args":
    ("7",)}))
    >>> msgspec.json.decode(line)["message"]
    'paid 7'
    """

    def __init__(self, *, scrub: Callable[[dict[str, AnyValue]], AnyValue] | None = None) -> None:
        super().__init__()
        self._scrub = scrub

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line = _safe_fields(record)
        try:
            full = self._fields(record, line)
            return _encode(full if self._scrub is None else self._scrub(full)).decode()
        except Exception as error:
            line["message"] = f"[dropped: {type(error).__name__} while formatting]"
            return _encode(line).decode()

    def _fields(self, record: logging.LogRecord, line: dict[str, AnyValue]) -> dict[str, AnyValue]:
        fields = line.copy()
        fields["message"] = body_of(record)
        fields["file"] = record.pathname
        fields["line"] = record.lineno
        fields["function"] = record.funcName
        fields["thread"] = record.threadName
        exception = exception_of(record)
        if exception is not None:
            kind, message, stack = exception
            fields["exception"] = {"type": kind, "message": message, "stacktrace": stack}
        extras = extras_of(record)
        if extras:
            fields["attributes"] = extras
        return fields


def _safe_fields(record: logging.LogRecord) -> dict[str, AnyValue]:
    """What does not come from the application's data, the place of the message kept."""
    moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
    fields: dict[str, AnyValue] = {
        "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "level": plain_text(record.levelname),
        "logger": plain_text(record.name),
        "message": "",
    }
    trace_id, span_id, _ = current_ids()
    if trace_id:
        fields["trace_id"] = f"{trace_id:032x}"
        fields["span_id"] = f"{span_id:016x}"
    return fields
