"""A context manager as a decorator, for every kind of function.

Generators and async generators are run step by step: the span lasts from the first step to the last, and
is current only while the body runs, so that nothing stays behind in the caller between two steps.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager
from typing import Any

__all__ = ["decorate"]

Opener = Callable[[], AbstractContextManager[Any]]


def decorate(function: Callable[..., Any], opened: Opener) -> Callable[..., Any]:
    """Wrap ``function`` so that each call runs inside a fresh ``opened()``."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def in_coroutine(*args: Any, **kwargs: Any) -> Any:
            with opened():
                return await function(*args, **kwargs)

        return in_coroutine
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def in_generator(*args: Any, **kwargs: Any) -> Any:
            return _steps(function(*args, **kwargs), opened)

        return in_generator
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        def in_async_generator(*args: Any, **kwargs: Any) -> Any:
            return _async_steps(function(*args, **kwargs), opened)

        return in_async_generator

    @functools.wraps(function)
    def in_function(*args: Any, **kwargs: Any) -> Any:
        with opened():
            return function(*args, **kwargs)

    return in_function


def _steps(body: Generator[Any, Any, Any], opened: Opener) -> Generator[Any, Any, Any]:
    from traceo.tracing.stepping import Stepping  # noqa: PLC0415  needs the tracer, which needs this module

    stepping = Stepping(opened())
    sent: Any = None
    resume: Callable[[Any], Any] = body.send
    while True:
        try:
            with stepping:
                item = resume(sent)
        except StopIteration as done:
            stepping.end(None)
            return done.value
        except BaseException as error:
            stepping.end(error)
            raise
        try:
            sent = yield item
            resume = body.send
        except GeneratorExit:
            with stepping:
                body.close()
            stepping.end(None)
            raise
        except BaseException as error:
            sent, resume = error, body.throw


async def _async_steps(body: AsyncGenerator[Any, Any], opened: Opener) -> AsyncGenerator[Any, Any]:
    from traceo.tracing.stepping import Stepping  # noqa: PLC0415  as above

    stepping = Stepping(opened())
    sent: Any = None
    resume: Callable[[Any], Any] = body.asend
    while True:
        try:
            with stepping:
                item = await resume(sent)
        except StopAsyncIteration:
            stepping.end(None)
            return
        except BaseException as error:
            stepping.end(error)
            raise
        try:
            sent = yield item
            resume = body.asend
        except GeneratorExit:
            with stepping:
                await body.aclose()
            stepping.end(None)
            raise
        except BaseException as error:
            sent, resume = error, body.athrow
