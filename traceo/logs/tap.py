"""Hearing what the application logs, without being one of its handlers."""

import functools
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from traceo import lines
from traceo.logs.handler import Handler
from traceo.logs.rate import Limiter
from traceo.records import LogRecord
from traceo.tracing.resource import default_resource, record_of

__all__ = ["tap_logging"]


def tap_logging(
    sink: Callable[[LogRecord], object],
    provider: Any,
    level: str,
    *,
    stdlib: bool = True,
    per_s: int = 0,
    left_out: Callable[[], object] | None = None,
    missed: Callable[[], object] | None = None,
) -> Callable[[], None]:
    """Hear what loggers hand to their handlers, and what hooked libraries say; returns the way to stop.

    Not as a handler of the root logger: with one there, `logging.basicConfig` does nothing and warnings no
    longer reach stderr by themselves, so the application would log differently because of us.

    ``stdlib=False`` leaves `logging` itself alone, for hooked libraries only. ``per_s`` records a second of
    one line of code are kept, ``left_out`` is called for each of the others; 0 for no limit.
    ``missed`` is called for each that is lost to an error.
    """
    resource = provider.resource if provider is not None else default_resource()
    limiter = Limiter(per_s) if per_s else None
    handler = Handler(sink, record_of(resource), level, limiter=limiter, left_out=left_out, missed=missed)
    original = logging.Logger.callHandlers
    lowest = handler.level

    def callHandlers(self: logging.Logger, record: logging.LogRecord) -> None:  # noqa: N802
        if record.levelno >= lowest:
            handler.handle(record)
        if not lines.has_relays():
            return original(self, record)
        passing = lines.passing
        before, passing.record = passing.record, record
        try:
            return original(self, record)
        finally:
            passing.record = before

    functools.update_wrapper(callHandlers, original)
    # A handler that looks for the caller (loguru's InterceptHandler) walks up while frames are of logging.
    callHandlers.__code__ = callHandlers.__code__.replace(co_filename=logging.__file__)

    def in_child() -> None:
        """A forked child's lines carry its own process id, as its spans do; gaps are its parent's to tell."""
        if provider is not None:
            handler.resource = record_of(provider.resource)
        if limiter is not None:
            limiter.clear()

    def stop() -> None:
        nonlocal lowest
        lowest = sys.maxsize  # for whoever has wrapped ours since
        unlisten()
        if logging.Logger.callHandlers is callHandlers:
            logging.Logger.callHandlers = original
        handler.tell_gaps(everything=True)

    unlisten = lines.listen(handler.hear, lowest, has_stdlib=stdlib)
    if stdlib:
        logging.Logger.callHandlers = callHandlers
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=in_child)
    return stop
