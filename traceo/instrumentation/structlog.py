"""structlog: each event as a log line, its keys as attributes, before a renderer makes text of it.

The processors of the application run as they are, with one more in front of the last, for this call only: no
configuration is changed. Where structlog stands on the stdlib, the stdlib's record is sent, once, with the
event's structure, and its levels and filters decide.
"""

import logging
import sys
from collections.abc import Callable, Mapping
from types import FrameType, FunctionType
from typing import Any, Final, cast

from structlog import contextvars
from structlog._base import BoundLoggerBase

from traceo import lines
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site

__all__ = ["install"]

_LEVELS: Final = {
    "debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40, "exception": 40, "err": 40,
    "fatal": 50, "critical": 50, "failure": 50,
}  # fmt: skip
_BY_PROCESSORS: Final = frozenset(
    {
        "event", "exc_info", "exception", "level", "level_number", "log_level", "logger", "logger_name",
        "stack", "stack_info", "timestamp",
    }
)  # fmt: skip
"""Keys that say what a log line says anyway, unless the application itself has set them."""
_NEVER: Final = frozenset({"exc_info", "stack_info"})
_NOTED: Final[Any] = getattr(contextvars, "_ASYNC_CALLING_STACK", None)
_ITS_OWN: Final[set[str]] = set()


def install(site: Site) -> None:
    """Wrap the two steps of a call: running the processors, and calling the logger beneath."""
    site.replace(BoundLoggerBase, "_process_event", lambda original: _processing(site, original))
    site.replace(BoundLoggerBase, "_proxy_to_logger", _proxying)
    lines.hand_on(relays=True)
    site.on_restore(lambda: lines.hand_on(relays=False))


def _proxying(original: Callable[..., Any]) -> Callable[..., Any]:
    def _proxy_to_logger(self: Any, *args: Any, **event_kw: Any) -> Any:
        passing = lines.passing
        before, passing.event, was_inside, passing.is_proxied = passing.event, None, passing.is_proxied, True
        try:
            return original(self, *args, **event_kw)
        finally:
            line, passing.event, passing.is_proxied = passing.event, before, was_inside
            if line is not None and not (_is_stdlib(self) and lines.has_stdlib()):
                _say(line)

    return _as_structlogs(_proxy_to_logger)


def _processing(site: Site, original: Callable[..., Any]) -> Callable[..., Any]:
    def _process_event(self: Any, method_name: str, event: Any, event_kw: Any) -> Any:
        chain = None
        try:
            if site.active and _is_wanted(self, method_name):
                chain = _Chain(self)
        except Exception as error:
            failed("structlog.event", error)
        if chain is None:
            return original(self, method_name, event, event_kw)
        result = original(chain, method_name, event, event_kw)
        try:
            line = _line(self, chain.seen, method_name, event, event_kw)
            if lines.passing.is_proxied:
                lines.passing.event = line
            elif not _is_stdlib(self):  # a class of the application's own, which calls its logger itself
                lines.say(line)
        except Exception as error:
            failed("structlog.event", error)
        return result

    return _as_structlogs(_process_event)


def _as_structlogs(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, as of a module of structlog's: to tell where a call came from, it skips those by name."""
    made: Any = function
    module = {**globals(), "__name__": "structlog"}
    return FunctionType(made.__code__, module, made.__name__, None, made.__closure__)


def _is_wanted(bound: Any, method_name: str) -> bool:
    level = _LEVELS.get(method_name, 0)
    if not lines.is_heard(level):
        return False
    return not _is_stdlib(bound) or bound._logger.isEnabledFor(level or logging.CRITICAL)  # noqa: SLF001


def _is_stdlib(bound: Any) -> bool:
    return isinstance(bound._logger, (logging.Logger, logging.LoggerAdapter))  # noqa: SLF001


class _Chain:
    """A bound logger with one more processor."""

    def __init__(self, bound: Any) -> None:
        processors = list(bound._processors)  # noqa: SLF001
        self._bound = bound
        # What is always asked for; anything else by __getattr__.
        self._context = bound._context  # noqa: SLF001
        self._logger = bound._logger  # noqa: SLF001
        self._processors = [*processors[:-1], self._see, *processors[-1:]]
        self.seen: object = None

    def _see(self, logger: object, name: object, event_dict: object) -> object:
        del logger, name
        self.seen = event_dict
        if isinstance(event_dict, dict):  # a copy: renderers take out what they have written
            self.seen = cast("dict[Any, Any]", event_dict).copy()
        return cast("object", event_dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bound, name)


def _line(bound: Any, seen: object, method_name: str, event: Any, event_kw: Mapping[str, Any]) -> lines.Line:
    context: Mapping[str, Any] = bound._context  # noqa: SLF001
    all_fields: dict[Any, Any] = cast("dict[Any, Any]", seen) if isinstance(seen, dict) else {"event": seen}
    fields = all_fields.copy()
    body = fields.pop(_body_key(fields, event), None)
    for name in _BY_PROCESSORS.intersection(fields):
        if name in _NEVER or not (name in event_kw or name in context):
            del fields[name]
    given = event_kw.get("exc_info", context.get("exc_info", all_fields.get("exc_info")))
    logger, exception, stack = all_fields.get("logger"), all_fields.get("exception"), all_fields.get("stack")
    frame = _caller()
    return lines.Line(
        logger=logger if isinstance(logger, str) else _name(bound, frame),
        level=_LEVELS.get(method_name, 0),
        level_name="ERROR" if method_name == "exception" else method_name.upper(),
        body=body,
        fields=fields,
        left_away=all_fields,
        exc_info=_exc_info(given, is_exception=method_name == "exception"),
        exc_text=exception if isinstance(exception, str) else "",
        stack=stack if isinstance(stack, str) else "",
        path=frame.f_code.co_filename if frame is not None else "",
        line=frame.f_lineno if frame is not None else 0,
        function=frame.f_code.co_name if frame is not None else "",
    )


def _body_key(fields: Mapping[Any, Any], event: object) -> Any:
    """Under which key the event is: ``EventRenamer`` may have moved it."""
    if fields.get("event") is event and event is not None:
        return "event"
    if event is not None:
        for key, value in fields.items():
            if value is event:
                return key
    return next((key for key in ("event", "message", "msg") if key in fields), None)


def _exc_info(given: Any, *, is_exception: bool) -> Any:
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    if isinstance(given, tuple):
        return cast("tuple[Any, ...]", given)
    return sys.exc_info() if given or is_exception else None


def _caller() -> FrameType | None:
    # Asynchronous methods log in another thread, and note where they were called.
    frame: Any = _NOTED.get(None) if _NOTED is not None else None
    if frame is None:
        frame = sys._getframe(3)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  behind this, the line and the step
    while frame is not None:
        name = frame.f_globals.get("__name__") or ""
        if not name.startswith("structlog") or name not in _ITS_OWN:
            if name.partition(".")[0] != "structlog":
                return frame
            _ITS_OWN.add(name)
        frame = frame.f_back
    return None


def _name(bound: Any, frame: FrameType | None) -> str:
    name = getattr(bound._logger, "name", None) if _is_stdlib(bound) else None  # noqa: SLF001
    if not isinstance(name, str) and frame is not None:
        name = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else ""


def _say(line: lines.Line) -> None:
    try:
        lines.say(line)
    except Exception as error:
        failed("structlog.say", error)
