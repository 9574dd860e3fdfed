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
    ours: dict[str, Any] = {}

    def let_go() -> None:
        for name, replacement in ours.items():
            if own.get(name) is replacement:
                del own[name]
        response.extensions.pop(CALL, None)

    def was_read() -> None:
        if not call.ended and not call.streams:
            read_body(response, call)
        call.end()

    call.cleanup = let_go
    for close, read, override in (
        ("close", "read", _override_sync),
        ("aclose", "aread", _override_async),
    ):
        ours[close], ours[read] = override(getattr(response, close), getattr(response, read), call, was_read)
    own.update(ours)


def read_body(response: Any, call: Call) -> None:
    """Understand a JSON body that has been read."""
    try:
        if "json" in response.headers.get("content-type", ""):
            call.operation.read(call.answer, msgspec.json.decode(response.content))
    except Exception as error:
        failed("genai.body", error)


def _override_sync(original_close: Any, original_read: Any, call: Call, was_read: Any) -> tuple[Any, Any]:
    def close() -> None:
        try:
            original_close()
        finally:
            if not call.reading:
                call.end()

    def read() -> bytes:
        call.reading = True
        try:
            content = original_read()
        except BaseException as error:
            call.end(error)
            raise
        was_read()
        return content

    return close, read


def _override_async(original_close: Any, original_read: Any, call: Call, was_read: Any) -> tuple[Any, Any]:
    async def aclose() -> None:
        try:
            await original_close()
        finally:
            if not call.reading:
                call.end()

    async def aread() -> bytes:
        call.reading = True
        try:
            content = await original_read()
        except BaseException as error:
            call.end(error)
            raise
        was_read()
        return content

    return aclose, aread
