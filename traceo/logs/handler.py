"""The stdlib handler that turns log records into OTLP log records, correlated with the current span."""

import logging
import threading
import time
from collections.abc import Callable

from traceo import semconv
from traceo.logs.record import body_of, exception_of, extras_of, severity_of
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
    """

    def __init__(
        self,
        sink: Callable[[LogRecord], object],
        resource: ResourceRecord,
        level: int | str = logging.INFO,
    ) -> None:
        super().__init__(level)
        self._sink = sink
        self.resource = resource
        """Whose lines these are."""
        self._scopes: dict[str, ScopeRecord] = {}
        self._other = ScopeRecord("")
        self._inside = threading.local()
        self.ignored = 0
        """Records not kept because they came from inside a handler call, or from Traceo itself."""
        self.failures = 0
        """Records lost to an error of ours or of the sink's."""

    def handle(self, record: logging.LogRecord) -> bool:
        """The stdlib's entry, without its lock: nothing here needs one, and a fork could leave it taken."""
        name = record.name
        if getattr(self._inside, "busy", False) or name == _OWN or (name and name.startswith(_BELOW)):
            self.ignored += 1
            return False
        self._inside.busy = True
        try:
            if not self.filter(record):
                return False
            self._sink(self._convert(record))
        except Exception:  # an observer's fault is not the application's
            self.failures += 1
            return False
        finally:
            self._inside.busy = False
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """For callers that go around :meth:`handle`."""
        self.handle(record)

    def _convert(self, record: logging.LogRecord) -> LogRecord:
        attributes: dict[str, AnyValue] = {
            semconv.CODE_FILE_PATH: record.pathname,
            semconv.CODE_LINE_NUMBER: record.lineno,
            semconv.CODE_FUNCTION_NAME: record.funcName,
            semconv.THREAD_ID: record.thread,
            semconv.THREAD_NAME: record.threadName,
        }
        attributes.update(extras_of(record))
        if record.exc_info or record.exc_text:
            exception = exception_of(record)
            if exception is not None:
                kind, message, stack = exception
                attributes[semconv.EXCEPTION_TYPE] = kind
                attributes[semconv.EXCEPTION_MESSAGE] = message
                attributes[semconv.EXCEPTION_STACKTRACE] = stack
        trace_id, span_id, flags = current_ids()
        return LogRecord(
            resource=self.resource,
            scope=self._scope(record.name),
            time_ns=int(record.created * 1e9),
            observed_ns=time.time_ns(),
            severity=severity_of(record.levelno),
            severity_text=record.levelname,
            body=body_of(record),
            attributes=attributes,
            trace_id=trace_id,
            span_id=span_id,
            flags=flags,
        )

    def _scope(self, name: str) -> ScopeRecord:
        scope = self._scopes.get(name)
        if scope is None:
            if len(self._scopes) >= _MAX_SCOPES:  # logger names made at run time must not fill the memory
                return self._other
            scope = self._scopes[name] = ScopeRecord(name)
        return scope
