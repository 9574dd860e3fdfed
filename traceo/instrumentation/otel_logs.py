"""OpenTelemetry's logs API: lines and events of libraries that use it, while no logger provider is set.

No provider of ours is set, as that can be done only once in a process: an application that brings its own,
even later, has its lines there and not here.
"""

from collections.abc import Callable
from typing import Any, Final

from opentelemetry._logs import LogRecord
from opentelemetry._logs import _internal as api

from traceo import lines
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.suppression import is_suppressed

__all__ = ["install"]

_LEVELS: Final = (0, 5, 10, 20, 30, 40, 50)
"""The stdlib's levels of OTLP's six ranges of severity; 0 for none."""


def install(site: Site) -> None:
    """Wrap the loggers that the API hands out while there is no provider."""
    site.replace(api.ProxyLogger, "emit", lambda original: _emitting(site, original))
    if hasattr(api.ProxyLogger, "enabled"):  # since 1.40 of the API
        site.replace(api.ProxyLogger, "enabled", lambda original: _asking(site, original))
    lines.hand_on(relays=True)
    site.on_restore(lambda: lines.hand_on(relays=False))


def _has_provider() -> bool:
    return api._LOGGER_PROVIDER is not None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  asking loads one


def _emitting(site: Site, original: Callable[..., Any]) -> Callable[..., Any]:
    def emit(self: Any, *args: Any, **fields: Any) -> Any:
        try:
            if site.active and not _has_provider():
                record = _record(args, fields)
                if record is not None:
                    _say(self, record)
        except Exception as error:
            failed("otel_logs.emit", error)
        return original(self, *args, **fields)

    return emit


def _record(args: tuple[Any, ...], fields: dict[str, Any]) -> LogRecord | None:
    record = args[0] if args else fields.get("record")
    if record is None:
        try:
            return LogRecord(**fields)
        except TypeError:  # it is the API that has to say so
            return None
    return record if isinstance(record, LogRecord) else None


def _asking(site: Site, original: Callable[..., Any]) -> Callable[..., Any]:
    def enabled(self: Any, *args: Any, **fields: Any) -> Any:
        try:
            if site.active and not _has_provider():
                return lines.is_heard(_level(fields.get("severity_number")))
        except Exception as error:
            failed("otel_logs.enabled", error)
        return original(self, *args, **fields)

    return enabled


def _level(severity: Any) -> int:
    number = int(getattr(severity, "value", severity) or 0)
    return _LEVELS[(min(max(number, 0), 24) + 3) // 4]


def _say(logger: Any, record: Any) -> None:
    level = _level(record.severity_number)
    if not lines.is_heard(level) or (record.context is not None and is_suppressed(record.context)):
        return
    passing = lines.passing.record
    if passing is not None and isinstance(record.body, str) and passing.getMessage() == record.body:
        return  # the stdlib's record, by way of a handler of OpenTelemetry's
    error = getattr(record, "exception", None)
    severity = record.severity_number
    lines.say(
        lines.Line(
            logger=logger._name,  # noqa: SLF001
            version=logger._version or "",  # noqa: SLF001
            level=level,
            level_name=record.severity_text or getattr(severity, "name", None) or "",
            severity=int(getattr(severity, "value", severity) or 0),
            body=record.body,
            fields=record.attributes or {},
            exc_info=(type(error), error, error.__traceback__) if isinstance(error, BaseException) else None,
            event_name=getattr(record, "event_name", None) or "",
            time_ns=record.timestamp or record.observed_timestamp or 0,
            ids=(record.trace_id or 0, record.span_id or 0, int(record.trace_flags or 0)),
        )
    )
