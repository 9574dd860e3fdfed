"""Several span processors, called one after the other."""

import threading
from logging import getLogger
from time import monotonic_ns
from typing import Any

__all__ = ["SpanProcessors"]

_logger = getLogger("traceo.tracing")


class SpanProcessors:
    """A span processor made of others, in order. One that raises does not stop the next."""

    def __init__(self) -> None:
        self._span_processors: tuple[Any, ...] = ()
        self._lock = threading.Lock()
        self._reported: set[tuple[int, str]] = set()
        self.failures = 0

    def add_span_processor(self, span_processor: Any) -> None:
        """Add one at the end."""
        with self._lock:
            self._span_processors += (span_processor,)

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """A span started."""
        for processor in self._span_processors:
            try:
                processor.on_start(span, parent_context=parent_context)
            except Exception as error:
                self._failed(processor, "on_start", error)

    def _on_ending(self, span: Any) -> None:
        for processor in self._span_processors:
            try:
                ending = getattr(processor, "_on_ending", None)
                if ending is not None:
                    ending(span)
            except Exception as error:
                self._failed(processor, "_on_ending", error)

    def on_end(self, span: Any) -> None:
        """A span ended."""
        for processor in self._span_processors:
            try:
                processor.on_end(span)
            except Exception as error:
                self._failed(processor, "on_end", error)

    def shutdown(self) -> None:
        """Shut all of them down."""
        for processor in self._span_processors:
            try:
                processor.shutdown()
            except Exception as error:
                self._failed(processor, "shutdown", error)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush all of them within one timeout; those past it are skipped and the answer is False."""
        deadline_ns = monotonic_ns() + timeout_millis * 1_000_000
        flushed = True
        for processor in self._span_processors:
            left_ns = deadline_ns - monotonic_ns()
            if left_ns <= 0:
                return False
            try:
                if processor.force_flush(left_ns // 1_000_000) is False:
                    flushed = False
            except Exception as error:
                self._failed(processor, "force_flush", error)
                flushed = False
        return flushed

    def _failed(self, processor: Any, where: str, error: Exception) -> None:
        with self._lock:
            self.failures += 1
            known = (id(processor), where) in self._reported
            self._reported.add((id(processor), where))
        if not known:
            _logger.warning(
                "Span processor %s failed in %s (%s); further failures are only counted.",
                type(processor).__name__,
                where,
                type(error).__name__,
            )
