"""Between the services and the collector: passes every byte on, both ways, and keeps it."""

import asyncio
import contextlib
import threading
from typing import Final

import msgspec

__all__ = ["Connection", "Message", "RecordingProxy", "messages"]

_CHUNK: Final = 1 << 16


class Connection:
    """One connection's bytes so far: ``sent`` by the service, ``answered`` by the collector."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.answered = bytearray()


class Message(msgspec.Struct, frozen=True):
    """One HTTP request as recorded; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class RecordingProxy:
    """Listens on ``127.0.0.1:port`` (a free one) from ``start`` to ``stop``, in a thread of its own."""

    def __init__(self, upstream_port: int) -> None:
        self.port = 0
        self.connections: list[Connection] = []
        self._upstream_port = upstream_port
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="proxy", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def start(self) -> None:
        """Listen; ``port`` is known when this returns."""
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Close the listener and all connections; what was recorded stays."""
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stopping.wait()
        server.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection()
        self.connections.append(connection)
        with contextlib.closing(writer):
            try:
                upstream = await asyncio.open_connection("127.0.0.1", self._upstream_port)
            except OSError:
                return  # the service sees a closed connection, as it would without a proxy
            with contextlib.closing(upstream[1]):
                ways = (
                    asyncio.create_task(_copy(reader, upstream[1], connection.sent)),
                    asyncio.create_task(_copy(upstream[0], writer, connection.answered)),
                )
                # Whoever hangs up ends both ways: HTTP/1.1 has no use for a half-open connection.
                _, pending = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in pending:
                    way.cancel()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: bytearray) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            record += chunk  # kept before it goes on: nothing can pass unseen
            writer.write(chunk)
            await writer.drain()


def messages(stream: bytes) -> list[Message]:
    """The requests in a connection's ``sent`` bytes (RFC 9112, bodies by Content-Length).

    Raises:
        ValueError: the stream is not that, or ends inside a request: a check would be incomplete.
    """
    found: list[Message] = []
    position = 0
    while position < len(stream):
        end = stream.index(b"\r\n\r\n", position)
        first, *lines = stream[position:end].decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if "transfer-encoding" in headers:
            raise ValueError("a chunked request was recorded")
        length = int(headers.get("content-length", "0"))
        position = end + 4 + length
        if position > len(stream):
            raise ValueError("the recording ends inside a request")
        found.append(Message(method, path, headers, bytes(stream[end + 4 : position])))
    return found
