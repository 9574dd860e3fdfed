"""Exceptions as telemetry; the exception belongs to the application and may misbehave when it is read."""

import traceback

from traceo.records import AnyValue, Attributes

__all__ = ["describe", "exception_attributes"]


def exception_attributes(
    exception: BaseException, extra: Attributes | None, *, escaped: bool
) -> dict[str, AnyValue]:
    """The attributes of an ``exception`` event, ``extra`` on top."""
    kind = type(exception)
    module = kind.__module__
    attributes: dict[str, AnyValue] = {
        "exception.type": f"{module}.{kind.__qualname__}"
        if module and module != "builtins"
        else kind.__qualname__,
        "exception.message": _text(exception),
        "exception.stacktrace": _stack(exception),
        "exception.escaped": str(escaped),
    }
    if extra:
        attributes.update(extra)
    return attributes


def describe(exception: BaseException) -> str:
    """``Type: message``, for a status description."""
    return f"{type(exception).__name__}: {_text(exception)}"


def _text(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception:
        return "<no message: __str__ failed>"


def _stack(exception: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(exception))
    except Exception:
        return "<no stack trace: formatting failed>"
