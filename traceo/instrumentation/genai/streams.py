"""Listening to an answer that comes in pieces, without standing between the app and the library's objects.

The app gets the very stream that the library made: only the iterator inside it is ours, and, until the span
has ended, ``close`` and ``read`` of the HTTP response beneath (instance attributes, taken away afterwards).
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, cast

import msgspec

from traceo.instrumentation.genai.call import Call
from traceo.instrumentation.guard import failed

__all__ = ["CALL", "AsyncListening", "Listening", "follow", "listen_to", "read_body"]

CALL: Final = "traceo.genai.call"
"""The key in an HTTP response's extensions under which a stream made later finds its call."""
_WHERE: Final = "genai.stream"


class Listening(Iterator[Any]):
    """The library's iterator, listened to."""

    __slots__ = ("_call", "_events", "_next")

    def __init__(self, events: Iterator[Any], call: Call) -> None:
        self._events = events
        self._next = events.__next__
        self._call = call

    def __next__(self) -> Any:
        call = self._call
        if call.ended:
            return self._next()
        call.reading = True
        try:
            event = self._next()
        except StopIteration:
            call.end()
            raise
        except BaseException as error:
            call.end(error)
            raise
        call.reading = False
        try:
            call.hear(event)
        except Exception as error:
            failed(_WHERE, error)
        return event

    def __getattr__(self, name: str) -> Any:
        return getattr(self._events, name)


class AsyncListening(AsyncIterator[Any]):
    """The library's asynchronous iterator, listened to."""

    __slots__ = ("_call", "_events", "_next")

    def __init__(self, events: AsyncIterator[Any], call: Call) -> None:
        self._events = events
        self._next = events.__anext__
        self._call = call

    async def __anext__(self) -> Any:
        call = self._call
        if call.ended:
            return await self._next()
        call.reading = True
        try:
            event = await self._next()
        except StopAsyncIteration:
            call.end()
            raise
        except BaseException as error:
            call.end(error)
            raise
        call.reading = False
        try:
            call.hear(event)
        except Exception as error:
            failed(_WHERE, error)
        return event

    def __getattr__(self, name: str) -> Any:
        return getattr(self._events, name)


def listen_to(stream: Any, call: Call) -> bool:
    """Put our iterator into a stream object of the library's; whether it has a place for it."""
    events: Any = getattr(stream, "_iterator", None)
    if isinstance(events, (Listening, AsyncListening)):
        return True
    if hasattr(events, "__anext__"):
        stream._iterator = AsyncListening(events, call)  # noqa: SLF001  there is no other place
    elif hasattr(events, "__next__"):
        stream._iterator = Listening(events, call)  # noqa: SLF001  there is no other place
    else:
        return False
    return True


def follow(response: Any, call: Call) -> None:
    """End ``call`` when the HTTP ``response`` is closed, or when its body has been read as a whole."""
    response.extensions[CALL] = call
    own = cast("dict[str, Any]", vars(response))

    def let_go() -> None:
        for name in ("close", "aclose", "read", "aread"):
            own.pop(name, None)
        response.extensions.pop(CALL, None)

    def closed() -> None:
        if call.ended:
            let_go()
        elif not call.reading:
            let_go()
            call.end()

    def was_read() -> None:
        call.reading = False
        if not call.ended:
            if not call.streams:
                read_body(response, call)
            call.end()
        let_go()

    def broke(error: BaseException) -> None:
        let_go()
        call.end(error)

    _override_sync(response, call, closed, was_read, broke)
    _override_async(response, call, closed, was_read, broke)


def read_body(response: Any, call: Call) -> None:
    """Understand a JSON body that has been read."""
    try:
        if "json" in response.headers.get("content-type", ""):
            call.operation.read(call.answer, msgspec.json.decode(response.content))
    except Exception as error:
        failed("genai.body", error)


def _override_sync(response: Any, call: Call, closed: Any, was_read: Any, broke: Any) -> None:
    original_close, original_read = response.close, response.read

    def close() -> None:
        try:
            original_close()
        finally:
            _safely(closed)

    def read() -> bytes:
        call.reading = True
        try:
            content = original_read()
        except BaseException as error:
            _safely(broke, error)
            raise
        _safely(was_read)
        return content

    response.close, response.read = close, read


def _override_async(response: Any, call: Call, closed: Any, was_read: Any, broke: Any) -> None:
    original_close, original_read = response.aclose, response.aread

    async def aclose() -> None:
        try:
            await original_close()
        finally:
            _safely(closed)

    async def aread() -> bytes:
        call.reading = True
        try:
            content = await original_read()
        except BaseException as error:
            _safely(broke, error)
            raise
        _safely(was_read)
        return content

    response.aclose, response.aread = aclose, aread


def _safely(step: Any, *args: Any) -> None:
    try:
        step(*args)
    except Exception as error:
        failed(_WHERE, error)
