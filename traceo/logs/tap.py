"""Hearing what the application logs, without being one of its handlers."""

import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from traceo.logs.handler import Handler
from traceo.records import LogRecord
from traceo.tracing.resource import default_resource, record_of

__all__ = ["tap_logging"]


def tap_logging(sink: Callable[[LogRecord], object], provider: Any, level: str) -> Callable[[], None]:
    """Hear every log record that a logger hands to its handlers; returns the way to stop.

    Not as a handler of the root logger: with one there, `logging.basicConfig` does nothing and warnings no
    longer reach stderr by themselves, so the application would log differently because of us.
    """
    resource = provider.resource if provider is not None else default_resource()
    handler = Handler(sink, record_of(resource), level)
    _in_each_child(lambda: _rename(handler, provider))
    original = logging.Logger.callHandlers
    lowest = handler.level

    def callHandlers(self: logging.Logger, record: logging.LogRecord) -> None:  # noqa: N802
        if record.levelno >= lowest:
            handler.handle(record)
        original(self, record)

    # A handler that looks for the caller (loguru's InterceptHandler) walks up while frames are of logging.
    callHandlers.__code__ = callHandlers.__code__.replace(co_filename=logging.__file__)

    def stop() -> None:
        nonlocal lowest
        lowest = sys.maxsize  # for whoever has wrapped ours since
        if logging.Logger.callHandlers is callHandlers:
            logging.Logger.callHandlers = original

    logging.Logger.callHandlers = callHandlers
    return stop


def _in_each_child(task: Callable[[], None]) -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=task)


def _rename(handler: Handler, provider: Any) -> None:
    """A forked child's log lines carry its own process id, as its spans do."""
    if provider is not None:
        handler.resource = record_of(provider.resource)
