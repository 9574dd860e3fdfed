"""Log lines as JSON: one object a line, for files that Loki or Elastic read. See docs/logs.md."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from opentelemetry import trace

from traceo import semconv
from traceo.logs.record import body_of, exception_of, extras_of
from traceo.logs.scrubbing import DROPPED, Scrub
from traceo.logs.values import plain_text
from traceo.records import AnyValue
from traceo.redaction import Policy
from traceo.tracing import current_ids

__all__ = ["JsonFormatter"]

_encode: Final = msgspec.json.Encoder().encode
_FIELDS: Final = frozenset({"timestamp", "level", "message", "logger", "trace_id", "span_id"})
_TEXTS: Final = ("event", "message", "msg")


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object without line breaks, redacted like telemetry; never raises.

    Always there: ``timestamp`` (RFC 3339, UTC, nanoseconds), ``level``, ``message`` (a string) and
    ``logger``. Then, where there is something to say: ``service.name``, ``trace_id`` and ``span_id``
    (lower-case hex), ``code.file.path``, ``code.line.number``, ``code.function.name``, ``thread.name``,
    ``exception.type``, ``exception.message``, ``exception.stacktrace``, ``code.stacktrace``, and beside them
    what came in through ``extra=``, each under its own name; one that is taken gets ``extra.`` in front.

    If redaction fails, the line keeps its time, its level and its ids, and loses what is the application's.

    Args:
        service_name: ``service.name``; that of the tracer provider when empty.
        policy: what may be shown; that of ``traceo.init``, or the built-in rules, when ``None``.
        redact: False prints everything as it was logged.

    >>> record = logging.makeLogRecord({"name": "shop", "msg": "paid by ada@example.com"})
    >>> msgspec.json.decode(JsonFormatter().format(record))["message"]
    'paid by [EMAIL]'
    """

    def __init__(self, *, service_name: str = "", policy: Policy | None = None, redact: bool = True) -> None:
        super().__init__()
        self._service_name = service_name
        self._scrub = Scrub(policy) if redact else None

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, AnyValue] = {"timestamp": "", "level": "", "message": DROPPED, "logger": ""}
        try:
            line["timestamp"] = _timestamp(record.created)
            trace_id, span_id, _ = current_ids()
            if trace_id:
                line["trace_id"] = f"{trace_id:032x}"
                line["span_id"] = f"{span_id:016x}"
            full = self._fill(record, line.copy())
            try:
                return _encode(full).decode()
            except Exception:  # half of a surrogate pair
                return _encode(_plain(full)).decode()
        except Exception:
            return _encode(line).decode()

    def _fill(self, record: logging.LogRecord, line: dict[str, AnyValue]) -> dict[str, AnyValue]:
        message, fields = _message(record)
        attributes: dict[str, AnyValue] = {
            semconv.CODE_FILE_PATH: record.pathname,
            semconv.CODE_LINE_NUMBER: record.lineno,
            semconv.CODE_FUNCTION_NAME: record.funcName,
            semconv.THREAD_NAME: record.threadName,
        }
        exception = exception_of(record)
        if exception is not None:
            kind, text, stack = exception
            attributes[semconv.EXCEPTION_TYPE] = kind
            attributes[semconv.EXCEPTION_MESSAGE] = text
            attributes[semconv.EXCEPTION_STACKTRACE] = stack
        if record.stack_info:
            attributes[semconv.CODE_STACKTRACE] = plain_text(record.stack_info)
        service = self._service_name or _service_name()
        if service:
            attributes[semconv.SERVICE_NAME] = service
        taken = _FIELDS.union(attributes)
        for name, value in (*fields.items(), *extras_of(record).items()):
            attributes[f"extra.{name}" if name in taken else name] = value
        level, logger = plain_text(record.levelname), plain_text(record.name)
        scrub = self._scrub
        if scrub is not None:
            message = scrub.text(message, "body")
            level, logger = scrub.text(level, "severity_text"), scrub.text(logger, "scope.name")
        line["level"], line["message"], line["logger"] = level, message, logger
        shown = attributes if scrub is None else scrub.attributes(attributes)
        return {**line, **shown}


def _message(record: logging.LogRecord) -> tuple[str, Mapping[str, AnyValue]]:
    """The text, and the fields of a mapping that was logged: one type for ``message`` in every line."""
    body = body_of(record)
    if not isinstance(body, Mapping):
        return cast("str", body), {}
    fields = dict(body)
    for name in _TEXTS:
        if isinstance(fields.get(name), str):
            return cast("str", fields.pop(name)), fields
    return "", fields


def _timestamp(created: float) -> str:
    seconds, fraction = divmod(int(created * 1e9), 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{fraction:09d}Z"


def _service_name() -> str:
    resource: Any = getattr(trace.get_tracer_provider(), "resource", None)
    name = resource.attributes.get(semconv.SERVICE_NAME) if resource is not None else None
    return name if isinstance(name, str) else ""


def _plain(value: Any) -> Any:
    """The same with half surrogate pairs escaped."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {plain_text(_plain(key)): _plain(item) for key, item in items}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("Sequence[Any]", value)]
    return value
