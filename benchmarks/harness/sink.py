"""Where every peer sends to: accepts anything, answers as the peer expects, counts the spans that arrived.

Runs as its own process, pinned to the last core, so that its work is not counted as the peer's.
Bodies are kept as they come and decoded after the measurement. `GET /_count` decodes and answers how many spans there
were; `POST /_reset` forgets them. For Traceo it holds a key set and opens the sealed batches.

    python -m harness.sink PORT_FILE
"""

import asyncio
import gzip
import json
import os
import sys
import zlib
from pathlib import Path
from typing import Any

# Answers that keep each peer's client content. Everything else gets 200 with an empty body.
DATADOG_INFO = {
    "version": "7.60.0",
    "endpoints": ["/v0.4/traces", "/v0.5/traces", "/info"],
    "client_drop_p0s": False,
    "span_meta_structs": True,
}


class Sink:
    """Keeps (path, headers, body) of every POST until it is asked to count."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, dict[str, str], bytes]] = []
        self._keys: Any = None

    def key_set(self) -> Any:
        if self._keys is None:
            from traceo.sealing import KeySet

            self._keys = KeySet.create()
        return self._keys

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                request, *lines = head.decode("latin-1").split("\r\n")
                method, path, _ = request.split(" ", 2)
                headers = {
                    k.strip().lower(): v.strip()
                    for k, _, v in (line.partition(":") for line in lines if line)
                }
                body = await self._body(reader, headers)
                status, content_type, answer = self.answer(method, path, headers, body)
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(answer)}\r\n"
                    f"Accept-Encoding: zstd, gzip\r\n\r\n".encode()
                    + answer
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await reader.readexactly(int(headers.get("content-length", "0")))
        parts: list[bytes] = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readline()
        return b"".join(parts)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[str, str, bytes]:
        as_json = "application/json"
        if path == "/_count":
            return "200 OK", as_json, json.dumps(self.count()).encode()
        if path == "/_reset":
            self.bodies.clear()
            return "200 OK", as_json, b"{}"
        if path == "/info":
            return "200 OK", as_json, json.dumps(DATADOG_INFO).encode()
        if path == "/api/traceo/keys":
            return "200 OK", as_json, self.key_set().publish()
        if method in {"POST", "PUT"}:
            self.bodies.append((path, headers, body))
            if path.startswith("/v1/"):
                return "200 OK", "application/x-protobuf", b""
            if "/traces" in path:
                return "200 OK", as_json, b'{"rate_by_service":{"service:,env:":1}}'
            if "intake" in path:
                return "202 Accepted", as_json, b"{}"
            return "200 OK", as_json, b"{}"
        return ("404 Not Found", as_json, b"{}") if "traceo" in path else ("200 OK", as_json, b"{}")

    def count(self) -> dict[str, int]:
        """Spans and bytes that arrived."""
        spans = sum(self._spans(path, headers, body) for path, headers, body in self.bodies)
        return {
            "spans": spans,
            "requests": len(self.bodies),
            "bytes": sum(len(body) for *_, body in self.bodies),
        }

    def _spans(self, path: str, headers: dict[str, str], body: bytes) -> int:
        if "cose" in headers.get("content-type", ""):
            from traceo.sealing import open_batch

            opened = open_batch(body, self.key_set().private_keys())
            return self._otlp_spans(path, {"content-encoding": opened.header.content_encoding}, opened.body)
        if path.startswith("/v1/"):
            return self._otlp_spans(path, headers, body)
        body = _decompressed(headers, body)
        if "/v0.4/traces" in path or "/v0.5/traces" in path:
            import msgspec

            traces = msgspec.msgpack.decode(body)
            return sum(len(trace) for trace in (traces[1] if "/v0.5" in path else traces))
        if "intake" in path:
            return sum(line.startswith((b'{"transaction"', b'{"span"')) for line in body.splitlines())
        if "envelope" in path:
            return _sentry_spans(body)
        return 0

    @staticmethod
    def _otlp_spans(path: str, headers: dict[str, str], body: bytes) -> int:
        if not path.endswith("/traces"):
            return 0
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        request = ExportTraceServiceRequest.FromString(_decompressed(headers, body))
        return sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)


def _sentry_spans(body: bytes) -> int:
    """Transactions and their children. An envelope's items have a header line of the same type before them."""
    total = 0
    for line in body.splitlines():
        item = json.loads(line)
        if item.get("type") == "transaction" and "contexts" in item:
            total += 1 + len(item.get("spans") or ())
    return total


def _decompressed(headers: dict[str, str], body: bytes) -> bytes:
    encoding = headers.get("content-encoding", "")
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "deflate":
        return zlib.decompress(body)
    if encoding == "zstd":
        from backports import zstd

        return zstd.decompress(body)
    return body


def announce(port_file: Path, port: int) -> None:
    """Write the port in one step: a reader never sees half a number."""
    half = port_file.with_suffix(".tmp")
    half.write_text(str(port))
    half.rename(port_file)


async def main(port_file: Path) -> None:
    sink = Sink()
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0, limit=64 * 1024 * 1024)
    announce(port_file, server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    asyncio.run(main(Path(sys.argv[1])))
