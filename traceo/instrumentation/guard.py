"""The one guard: our failure is counted and logged once, the app's call goes on exactly once, unchanged.

Every hook body of ours runs between ``try`` and :func:`failed`. :func:`around` and :func:`around_async` are
that pattern for a plain function; the ASGI hook writes it out, because it also wraps ``send``.
"""

import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar

__all__ = ["around", "around_async", "failed", "failures"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_Self = TypeVar("_Self")
_State = TypeVar("_State")

_log = logging.getLogger("traceo")
_counts: dict[str, int] = {}
_lock = threading.Lock()


def failed(where: str, error: Exception) -> None:
    """Count a failure of ours at ``where`` and log the first one. Never raises.

    The log line carries the type of the error, not its text: that may hold a value of the app.
    """
    with _lock:
        count = _counts[where] = _counts.get(where, 0) + 1
    if count == 1:
        try:
            _log.warning(
                "instrumentation: %s failed with %s; the application is not affected, "
                "further failures here are only counted",
                where,
                type(error).__qualname__,
            )
        except Exception:  # a handler of the app's that raises is no business of the call we are in
            return


def failures() -> dict[str, int]:
    """How often each hook body has failed in this process."""
    with _lock:
        return dict(_counts)


def around(
    original: Callable[Concatenate[_Self, _P], _R],
    where: str,
    before: Callable[Concatenate[_Self, _P], _State | None],
    after: Callable[[_State, _R | None, BaseException | None], None],
) -> Callable[Concatenate[_Self, _P], _R]:
    """A method that calls ``original`` exactly once, between ``before`` and ``after``.

    ``before`` returns the state for ``after``, or ``None`` to stay out of this call.
    """

    def method(self: _Self, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            state = before(self, *args, **kwargs)
        except Exception as error:
            failed(where, error)
            state = None
        if state is None:
            return original(self, *args, **kwargs)
        try:
            result = original(self, *args, **kwargs)
        except BaseException as app_error:
            try:
                after(state, None, app_error)
            except Exception as error:
                failed(where, error)
            raise
        try:
            after(state, result, None)
        except Exception as error:
            failed(where, error)
        return result

    return method


def around_async(
    original: Callable[Concatenate[_Self, _P], Awaitable[_R]],
    where: str,
    before: Callable[Concatenate[_Self, _P], _State | None],
    after: Callable[[_State, _R | None, BaseException | None], None],
) -> Callable[Concatenate[_Self, _P], Awaitable[_R]]:
    """:func:`around` for a coroutine method."""

    async def method(self: _Self, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            state = before(self, *args, **kwargs)
        except Exception as error:
            failed(where, error)
            state = None
        if state is None:
            return await original(self, *args, **kwargs)
        try:
            result = await original(self, *args, **kwargs)
        except BaseException as app_error:
            try:
                after(state, None, app_error)
            except Exception as error:
                failed(where, error)
            raise
        try:
            after(state, result, None)
        except Exception as error:
            failed(where, error)
        return result

    return method
