"""The stdlib handler that turns log records into OTLP log records, correlated with the current span."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from traceo import lines, semconv
from traceo.logs.rate import Gap, Limiter
from traceo.logs.record import body_of, exception_text, extras_of, severity_of, values_of
from traceo.logs.values import bounded, to_value
from traceo.records import AnyValue, LogRecord, ResourceRecord, ScopeRecord
from traceo.tracing import current_ids

__all__ = ["Handler"]

_OWN = "traceo"
_BELOW = "traceo."
_MAX_SCOPES = 1024


class Handler(logging.Handler):
    """Passes every record at or above ``level`` to ``sink``, in the thread that logs. Never raises.

    Nothing is kept of what is logged while a record is on its way through (by a ``__str__``, a finaliser, the
    sink), nor of our own loggers ``traceo`` and below: a log line cannot cause a log line. Both are counted.

    Args:
        sink: takes the records; in the thread that logs, so it should be quick.
        resource: whose records they are.
        level: the lowest level.
        limiter: turns away what one line of code logs too often; ``None``: nothing.
        left_out: called once for each record turned away.
    """

    def __init__(
        self,
        sink: Callable[[LogRecord], object],
        resource: ResourceRecord,
        level: int | str = logging.INFO,
        *,
        limiter: Limiter | None = None,
        left_out: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(level)
        self._sink = sink
        self._limiter = limiter
        self._left_out = left_out
        self._scopes: dict[str, ScopeRecord] = {}
        self._other = ScopeRecord("")
        self._inside = threading.local()
        self.resource = resource
        """Whose records they are."""
        self.ignored = 0
        """Records not kept because they came from inside a handler call, or from Traceo itself."""
        self.failures = 0
        """Records lost to an error of ours or of the sink's."""

    def handle(self, record: logging.LogRecord) -> bool:
        """The stdlib's entry, without its lock: nothing here needs one, and a fork could leave it taken."""
        return self._take(record.name, self._keep, record)

    def emit(self, record: logging.LogRecord) -> None:
        """For callers that go around :meth:`handle`."""
        self.handle(record)

    def hear(self, line: lines.Line) -> None:
        """The entry for lines of other logging libraries."""
        self._take(line.logger, self._keep_line, line)

    def tell_gaps(self, *, everything: bool = False) -> None:
        """Say in the stream which lines were turned away, as far as it is due."""
        if self._limiter is not None and self._limiter.has_gaps:
            for gap in self._limiter.gaps(everything=everything):
                self._sink(self._gap(gap))

    def _take(self, name: str, keep: Callable[[Any], bool], line: object) -> bool:
        if getattr(self._inside, "busy", False) or name == _OWN or (name and name.startswith(_BELOW)):
            self.ignored += 1
            return False
        self._inside.busy = True
        try:
            return keep(line)
        except Exception:  # an observer's fault is not the application's
            self.failures += 1
            return False
        finally:
            self._inside.busy = False

    def _keep(self, record: logging.LogRecord) -> bool:
        if not self.filter(record):
            return False
        line = None
        if lines.has_relays():
            passing = lines.passing
            if passing.message is not None and passing.message in str(body_of(record)):
                return False  # loguru has said it, and this is how the application hands it on
            line, passing.event = passing.event, None
        path, number = (record.pathname, record.lineno) if line is None else (line.path, line.line)
        if not self._may_pass(path, number, record.levelno):
            return False
        if line is None:
            line = _line_of(record)
        else:  # structlog's, of which this is the record
            line.level, line.level_name = record.levelno, record.levelname
            extras = {k: v for k, v in extras_of(record).items() if k not in line.left_away}
            line.fields = {**extras, **line.fields}
            line.exc_info = line.exc_info or record.exc_info
        self._send(line, int(record.created * 1e9), record.thread, record.threadName)
        return True

    def _keep_line(self, line: lines.Line) -> bool:
        if not self._may_pass(line.path, line.line, line.level):
            return False
        self._send(line, time.time_ns(), threading.get_ident(), threading.current_thread().name)
        return True

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

    def _send(self, line: lines.Line, time_ns: int, thread: int | None, thread_name: str | None) -> None:
        attributes: dict[str, AnyValue] = {
            semconv.CODE_FILE_PATH: line.path,
            semconv.CODE_LINE_NUMBER: line.line,
            semconv.CODE_FUNCTION_NAME: line.function,
            semconv.THREAD_ID: thread,
            semconv.THREAD_NAME: thread_name,
        }
        if line.fields:
            attributes.update(values_of(line.fields))
        if line.stack:
            attributes[semconv.CODE_STACKTRACE] = bounded(line.stack)
        if line.exc_info or line.exc_text:
            exception = exception_text(line.exc_info, line.exc_text)
            if exception is not None:
                kind, message, stack = exception
                attributes[semconv.EXCEPTION_TYPE] = kind
                attributes[semconv.EXCEPTION_MESSAGE] = message
                attributes[semconv.EXCEPTION_STACKTRACE] = stack
        trace_id, span_id, flags = current_ids()
        self._sink(
            LogRecord(
                resource=self.resource,
                scope=self._scope(line.logger),
                time_ns=time_ns,
                observed_ns=time.time_ns(),
                severity=severity_of(line.level),
                severity_text=line.level_name,
                body=to_value(line.body),
                attributes=attributes,
                trace_id=trace_id,
                span_id=span_id,
                flags=flags,
            )
        )

    def _gap(self, gap: Gap) -> LogRecord:
        """Without the ids of a span: whose turn it is to say so is chance."""
        place = "/".join(gap.path.replace("\\", "/").rsplit("/", 2)[-2:])
        now_ns = time.time_ns()
        return LogRecord(
            resource=self.resource,
            scope=self._scope(_OWN),
            time_ns=now_ns,
            observed_ns=now_ns,
            severity=13,
            severity_text="WARNING",
            body=f"{gap.left_out} records of {place}:{gap.line} left out: too many a second",
            attributes={
                semconv.CODE_FILE_PATH: gap.path,
                semconv.CODE_LINE_NUMBER: gap.line,
                semconv.TRACEO_LEFT_OUT: gap.left_out,
            },
        )

    def _scope(self, name: str) -> ScopeRecord:
        scope = self._scopes.get(name)
        if scope is None:
            if len(self._scopes) >= _MAX_SCOPES:  # logger names made at run time must not fill the memory
                return self._other
            scope = self._scopes[name] = ScopeRecord(name)
        return scope


def _line_of(record: logging.LogRecord) -> lines.Line:
    return lines.Line(
        logger=record.name,
        level=record.levelno,
        level_name=record.levelname,
        body=body_of(record),
        fields=extras_of(record),
        exc_info=record.exc_info,
        exc_text=record.exc_text or "",
        stack=record.stack_info or "",
        path=record.pathname,
        line=record.lineno,
        function=record.funcName,
    )
