"""loguru: each line that it gives to its sinks, as a log line with its extra fields.

Not by a sink of ours: that would shift the ids which ``logger.add`` returns, and ``logger.remove()`` would
take it off. Instead each call brings along one more patcher, the last, which sees the record as the sinks
will. An application without any sink is heard all the same, from the lowest level that is listened to.
"""

from collections.abc import Callable
from typing import Any, Final

from loguru._logger import Logger
from loguru._simple_sinks import StandardSink

from traceo import lines
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site

__all__ = ["install"]

_OPTIONS: Final = (
    "exception", "depth", "record", "lazy", "colors", "raw", "capture", "patchers", "extra",
)  # fmt: skip
_DEPTH: Final = 1
_PATCHERS: Final = 7


def install(site: Site) -> None:
    """Wrap the one method behind every level, and the sink that makes stdlib records."""
    make: Any = vars(Logger)["__init__"]
    code = make.__code__
    if code.co_varnames[2 : code.co_argcount] != _OPTIONS:
        raise NotImplementedError("this version of loguru has other options")
    site.replace(Logger, "_log", lambda original: _logging(site, original))
    site.replace(StandardSink, "write", _to_stdlib)
    lines.hand_on(relays=True)
    site.on_restore(lambda: lines.hand_on(relays=False))


def _logging(site: Site, original: Callable[..., Any]) -> Callable[..., Any]:
    def _log(
        self: Any, level: Any, from_decorator: Any, options: Any, message: Any, args: Any, kwargs: Any
    ) -> Any:
        # Our frame stands between loguru's and the caller's.
        changed = [*options]
        changed[_DEPTH] += 1
        is_alone = False
        try:
            core = self._core
            if site.active and lines.is_heard(_number(core, level)):
                changed[_PATCHERS] = [*changed[_PATCHERS], _hear]
                is_alone = not core.handlers
        except Exception as error:
            failed("loguru.log", error)
        before = lines.passing.message
        try:
            if is_alone:
                return _log_alone(original, self, level, from_decorator, changed, message, args, kwargs)
            return original(self, level, from_decorator, changed, message, args, kwargs)
        finally:
            lines.passing.message = before

    return _log


def _number(core: Any, level: Any) -> int:
    if isinstance(level, int):
        return level
    known = core.levels_lookup.get(level)
    return known[2] if known is not None else -1  # not heard: the application gets loguru's error


def _hear(record: Any) -> None:
    """The last patcher. Patchers may raise into the application; this one does not."""
    try:
        message: str = record["message"]
        passing = lines.passing
        passing.message = message
        if passing.event is not None or _is_of(passing.record, message):
            return  # structlog or the stdlib has said it, and this is how the application shows it
        level = record["level"]
        lines.say(
            lines.Line(
                logger=record["name"] or "",
                level=level.no,
                level_name=level.name,
                body=message,
                fields=record["extra"],
                exc_info=record["exception"],
                path=record["file"].path,
                line=record["line"],
                function=record["function"],
            )
        )
    except Exception as error:
        failed("loguru.hear", error)


def _is_of(record: Any, message: str) -> bool:
    if record is None:
        return False
    try:
        return lines.repeats(message, record.getMessage())
    except Exception:  # arguments that do not fit: the application's handlers get no further either
        return True


class _Nowhere:
    """A sink for those who have none."""

    def emit(self, *_: object) -> None:
        """Nothing."""


class _Alone:
    """A logger whose core has that sink, and is otherwise the real one."""

    handlers: Final = {0: _Nowhere()}
    min_level: Final = 0

    def __init__(self, logger: Any) -> None:
        self._logger = logger

    @property
    def _core(self) -> "_Alone":
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._logger._core, name)  # noqa: SLF001


def _log_alone(original: Callable[..., Any], logger: Any, *call: Any) -> None:
    try:
        original(_Alone(logger), *call)
    except Exception:  # without a sink, loguru would not have looked at the message
        return


def _to_stdlib(original: Callable[..., Any]) -> Callable[..., Any]:
    """A sink that is a stdlib handler, maybe in a thread of its own, maybe one that asks a stdlib logger."""

    def write(self: Any, message: Any) -> Any:
        passing = lines.passing
        before = passing.message, passing.extra
        try:
            passing.message, passing.extra = message.record["message"], message.record["extra"]
        except Exception as error:
            failed("loguru.write", error)
        try:
            return original(self, message)
        finally:
            passing.message, passing.extra = before

    return write
