"""psycopg 3, sync and async: one client span a statement or a ``COPY``; named cursors when they are opened.

The methods are Python (what is fast in C is below them), and those of a connection come to them. In pipeline
mode a span ends when its statement is queued, and what the server says of it later is not told. A stream's
and a COPY's span lasts until it is done; what the application raises within it is told by its type alone.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    aclosing,
    asynccontextmanager,
    contextmanager,
)
from typing import Any, Final

import psycopg
from opentelemetry.trace import Span, Status, StatusCode

from traceo import semconv
from traceo.instrumentation.database import finish
from traceo.instrumentation.dbapi import Befores, of_libpq
from traceo.instrumentation.guard import around, around_async, failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.outcome import error_type, is_abandoned

__all__ = ["install"]

_Before = Callable[..., Span | None]
_WHERE: Final = "psycopg.execute"


def install(site: Site) -> None:
    """Wrap the methods of the cursors; client-side and raw cursors inherit them."""
    befores = Befores(site, of_libpq)
    execute: _Before = befores.execute
    executemany: _Before = befores.executemany
    methods: tuple[tuple[type, Callable[..., Any], str, _Before], ...] = (
        (psycopg.Cursor, around, "execute", execute),
        (psycopg.Cursor, around, "executemany", executemany),
        (psycopg.ServerCursor, around, "execute", execute),
        (psycopg.AsyncCursor, around_async, "execute", execute),
        (psycopg.AsyncCursor, around_async, "executemany", executemany),
        (psycopg.AsyncServerCursor, around_async, "execute", execute),
    )
    for cursor, guard, name, before in methods:
        site.replace(
            cursor,
            name,
            lambda original, guard=guard, before=before: guard(original, _WHERE, before, finish),
        )
    _replace_lasting(site, execute)


def _replace_lasting(site: Site, before: _Before) -> None:
    """What is a statement for as long as the application reads or writes."""

    def stream(original: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def method(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
            with _told(before, self, *args, **kwargs):
                yield from original(self, *args, **kwargs)

        return method

    def stream_async(original: Callable[..., AsyncGenerator[Any]]) -> Callable[..., AsyncIterator[Any]]:
        async def method(self: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            with _told(before, self, *args, **kwargs):
                async with aclosing(original(self, *args, **kwargs)) as rows:
                    async for row in rows:
                        yield row

        return method

    def copy(original: Callable[..., AbstractContextManager[Any]]) -> Callable[..., Any]:
        @contextmanager
        def method(self: Any, *args: Any, **kwargs: Any) -> Generator[Any]:
            with _told(before, self, *args, **kwargs), original(self, *args, **kwargs) as copying:
                yield copying

        return method

    def copy_async(original: Callable[..., AbstractAsyncContextManager[Any]]) -> Callable[..., Any]:
        @asynccontextmanager
        async def method(self: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
            with _told(before, self, *args, **kwargs):
                async with original(self, *args, **kwargs) as copying:
                    yield copying

        return method

    site.replace(psycopg.Cursor, "stream", stream)
    site.replace(psycopg.AsyncCursor, "stream", stream_async)
    site.replace(psycopg.Cursor, "copy", copy)
    site.replace(psycopg.AsyncCursor, "copy", copy_async)


@contextmanager
def _told(before: _Before, *args: Any, **kwargs: Any) -> Generator[None]:
    try:
        span = before(*args, **kwargs)
    except Exception as error:
        failed(_WHERE, error)
        span = None
    told: BaseException | None = None
    try:
        yield
    except GeneratorExit:  # the application has seen enough
        raise
    except BaseException as error:
        told = error
        raise
    finally:
        try:
            if span is not None:
                _end(span, told)
        except Exception as error:
            failed(_WHERE, error)


def _end(span: Span, error: BaseException | None) -> None:
    if error is None or isinstance(error, (psycopg.Error, OSError)):
        finish(span, None, error)
        return
    try:
        if span.is_recording():
            span.set_attribute(semconv.ERROR_TYPE, error_type(error))
            if not is_abandoned(error):
                span.set_status(Status(StatusCode.ERROR))
    finally:
        span.end()
