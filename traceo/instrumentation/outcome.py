"""How an operation that did not return is told on its span."""

from typing import Final

from opentelemetry.trace import Span, Status, StatusCode

from traceo import semconv

__all__ = ["error_type", "fail", "is_abandoned", "record", "record_without_text"]

# By name: importing asyncio, trio and starlette to compare classes would load them into apps that use
# neither.
_ABANDONED: Final = frozenset({"CancelledError", "Cancelled", "GeneratorExit", "ClientDisconnect"})


def error_type(error: BaseException) -> str:
    """The value of ``error.type``: the class's qualified name, without ``builtins.``."""
    cls = type(error)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def is_abandoned(error: BaseException) -> bool:
    """Whether nobody wanted the result any more: ``error.type`` is set then, the status is not."""
    return type(error).__name__ in _ABANDONED


def record(span: Span, error: BaseException, *, at_ns: int | None = None) -> None:
    """One ``exception`` event; only with the type when the message cannot be had (``__str__`` raises).

    ``at_ns``: unix nanoseconds; now when None.
    """
    try:
        str(error)
    except Exception:
        span.add_event(semconv.EXCEPTION_EVENT, {semconv.EXCEPTION_TYPE: error_type(error)}, at_ns)
        return
    span.record_exception(error, timestamp=at_ns)  # pyright: ignore[reportArgumentType]  the API says Exception, SDKs take all


def record_without_text(span: Span, error: BaseException, *, at_ns: int | None = None) -> None:
    """One ``exception`` event with type and frames. Its text, which ends a stack trace, may repeat values."""
    # Only now: not every application has an error.
    import traceback  # noqa: PLC0415

    event = {
        semconv.EXCEPTION_TYPE: error_type(error),
        semconv.EXCEPTION_STACKTRACE: "".join(traceback.format_tb(error.__traceback__)),
    }
    span.add_event(semconv.EXCEPTION_EVENT, event, at_ns)


def fail(span: Span, error: BaseException) -> None:
    """Tell ``error`` on ``span``: its type, and unless abandoned the status and the exception event."""
    span.set_attribute(semconv.ERROR_TYPE, error_type(error))
    if not is_abandoned(error):
        span.set_status(Status(StatusCode.ERROR))
        record(span, error)
