"""The stdlib handler that turns log records into OTLP log records, correlated with the current span."""

import logging
import threading
import time
from collections.abc import Callable

from traceo import lines, semconv
from traceo.logs.rate import Limiter, told
from traceo.logs.record import (
    body_of,
    exception_text,
    extras_of,
    has_extras,
    severity_of,
    values_of,
)
from traceo.logs.values import bounded, to_value
from traceo.records import AnyValue, Attributes, LogRecord, ResourceRecord, ScopeRecord
from traceo.tracing import current_ids

__all__ = ["Handler"]

_OWN = "traceo"
_BELOW = "traceo."
_MAX_SCOPES = 1024
_DEPTH = 2
"""Lines of one thread that may be on their way at once: a signal handler or a ``__str__`` may log, once."""


class Handler(logging.Handler):
    """Passes every record at or above ``level`` to ``sink``, in the thread that logs. Never raises.

    What is logged while a record is on its way (by a ``__str__``, a signal handler, a finaliser) is kept,
    but not what that causes in its turn; nothing is of our own loggers ``traceo`` and below.

    Args:
        sink: takes the records; in the thread that logs, so it should be quick.
        resource: whose records they are.
        level: the lowest level.
        limiter: turns away what one line of code logs too often; ``None``: nothing.
        left_out: called once for each record turned away.
        missed: called once for each that was lost to recursion, or to an error of ours or of the sink's.
    """

    def __init__(
        self,
        sink: Callable[[LogRecord], object],
        resource: ResourceRecord,
        level: int | str = logging.INFO,
        *,
        limiter: Limiter | None = None,
        left_out: Callable[[], object] | None = None,
        missed: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(level)
        self._sink = sink
        self._limiter = limiter
        self._left_out = left_out
        self._missed = missed
        self._scopes: dict[str | tuple[str, str], ScopeRecord] = {}
        self._other = ScopeRecord("")
        self._inside = threading.local()
        self.resource = resource
        """Whose records they are."""
        self.failures = 0
        """Records lost to recursion, or to an error of ours or of the sink's."""

    def handle(self, record: logging.LogRecord) -> bool:
        """The stdlib's entry, without its lock: nothing here needs one, and a fork could leave it taken."""
        if _is_ours(record.name) or not self._enter():
            return False
        try:
            return self._keep(record)
        except Exception:  # an observer's fault is not the application's
            self._miss()
            return False
        finally:
            self._inside.depth -= 1

    def emit(self, record: logging.LogRecord) -> None:
        """For callers that go around :meth:`handle`."""
        self.handle(record)

    def hear(self, line: lines.Line) -> None:
        """The entry for lines of other logging libraries."""
        if _is_ours(line.logger) or not self._enter():
            return
        try:
            self._keep_line(line)
        except Exception:
            self._miss()
        finally:
            self._inside.depth -= 1

    def tell_gaps(self, *, everything: bool = False) -> None:
        """Say in the stream which lines were turned away, as far as it is due."""
        if self._limiter is not None and self._limiter.has_gaps:
            for gap in self._limiter.gaps(everything=everything):
                self._sink(told(gap, self.resource))

    def _enter(self) -> bool:
        depth: int = getattr(self._inside, "depth", 0)
        if depth >= _DEPTH:
            self._miss()
            return False
        self._inside.depth = depth + 1
        return True

    def _miss(self) -> None:
        self.failures += 1
        if self._missed is not None:
            self._missed()

    def _keep(self, record: logging.LogRecord) -> bool:
        if self.filters and not self.filter(record):
            return False
        if lines.has_relays():
            passing = lines.passing
            if passing.message is not None and _is_of_loguru(record, passing.message, passing.extra):
                return False  # loguru has said it, and this is how the application hands it on
            line, passing.event = passing.event, None
            if line is not None:
                return self._keep_event(line, record)
        if not self._may_pass(record.pathname, record.lineno, record.levelno):
            return False
        attributes: dict[str, AnyValue] = {
            semconv.CODE_FILE_PATH: record.pathname,
            semconv.CODE_LINE_NUMBER: record.lineno,
            semconv.CODE_FUNCTION_NAME: record.funcName,
            semconv.THREAD_ID: record.thread,
            semconv.THREAD_NAME: record.threadName,
        }
        if has_extras(record):
            attributes.update(extras_of(record))
        if record.stack_info:
            attributes[semconv.CODE_STACKTRACE] = bounded(record.stack_info)
        if record.exc_info or record.exc_text:
            _add_exception(attributes, record.exc_info, record.exc_text or "")
        time_ns = int(record.created * 1e9)
        self._send(record.name, time_ns, record.levelno, record.levelname, body_of(record), attributes)
        return True

    def _keep_event(self, line: lines.Line, record: logging.LogRecord) -> bool:
        """A line of structlog's, of which ``record`` is what the stdlib has."""
        if not self._may_pass(line.path, line.line, record.levelno):
            return False
        attributes = _attributes_of(line, record.thread, record.threadName, extras_of(record, line.left_away))
        if not line.exc_info and record.exc_info:
            _add_exception(attributes, record.exc_info, "")
        time_ns = int(record.created * 1e9)
        self._send(line.logger, time_ns, record.levelno, record.levelname, to_value(line.body), attributes)
        return True

    def _keep_line(self, line: lines.Line) -> None:
        place = line.path or f"{line.logger}/{line.event_name}"
        if not self._may_pass(place, line.line, line.level):
            return
        observed_ns = time.time_ns()
        trace_id, span_id, flags = current_ids() if line.ids is None else line.ids
        self._sink(
            LogRecord(
                resource=self.resource,
                scope=self._scope(line.logger, line.version),
                time_ns=line.time_ns or observed_ns,
                observed_ns=observed_ns,
                severity=severity_of(line.level) if line.severity is None else line.severity,
                severity_text=line.level_name,
                body=to_value(line.body),
                attributes=_attributes_of(line, threading.get_ident(), threading.current_thread().name),
                trace_id=trace_id,
                span_id=span_id,
                flags=flags,
                event_name=line.event_name,
            )
        )

    def _may_pass(self, path: str, line: int, level: int) -> bool:
        limiter = self._limiter
        if limiter is None:
            return True
        passes = limiter.takes(path, line, level)
        if not passes and self._left_out is not None:
            self._left_out()
        if limiter.has_gaps:
            self.tell_gaps()
        return passes

    def _send(
        self,
        logger: str,
        time_ns: int,
        level: int,
        level_name: str,
        body: AnyValue,
        attributes: dict[str, AnyValue],
    ) -> None:
        trace_id, span_id, flags = current_ids()
        self._sink(
            LogRecord(
                resource=self.resource,
                scope=self._scope(logger),
                time_ns=time_ns,
                observed_ns=time.time_ns(),
                severity=severity_of(level),
                severity_text=level_name,
                body=body,
                attributes=attributes,
                trace_id=trace_id,
                span_id=span_id,
                flags=flags,
            )
        )

    def _scope(self, name: str, version: str = "") -> ScopeRecord:
        key = name if not version else (name, version)
        scope = self._scopes.get(key)
        if scope is None:
            if len(self._scopes) >= _MAX_SCOPES:  # logger names made at run time must not fill the memory
                return self._other
            scope = self._scopes[key] = ScopeRecord(name, version)
        return scope


def _is_of_loguru(record: logging.LogRecord, message: str, extra: object) -> bool:
    if extra is not None and getattr(record, "extra", None) is extra:
        return True
    return lines.repeats(str(body_of(record)), message)


def _attributes_of(
    line: lines.Line, thread: int | None, thread_name: str | None, extras: Attributes | None = None
) -> dict[str, AnyValue]:
    attributes: dict[str, AnyValue] = {}
    if line.path:
        attributes[semconv.CODE_FILE_PATH] = line.path
        attributes[semconv.CODE_LINE_NUMBER] = line.line
        attributes[semconv.CODE_FUNCTION_NAME] = line.function
    attributes[semconv.THREAD_ID] = thread
    attributes[semconv.THREAD_NAME] = thread_name
    if extras:
        attributes.update(extras)
    attributes.update(values_of(line.fields))
    if line.stack:
        attributes[semconv.CODE_STACKTRACE] = bounded(line.stack)
    if line.exc_info or line.exc_text:
        _add_exception(attributes, line.exc_info, line.exc_text)
    return attributes


def _add_exception(attributes: dict[str, AnyValue], info: object, text: str) -> None:
    exception = exception_text(info, text)
    if exception is not None:
        kind, message, stack = exception
        attributes[semconv.EXCEPTION_TYPE] = kind
        attributes[semconv.EXCEPTION_MESSAGE] = message
        attributes[semconv.EXCEPTION_STACKTRACE] = stack


def _is_ours(name: str) -> bool:
    return name == _OWN or bool(name and name.startswith(_BELOW))
