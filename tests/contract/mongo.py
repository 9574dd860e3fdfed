"""Enough of a MongoDB server for a real client: Debian has none.

It speaks OP_MSG, and OP_QUERY for the first hello, over TCP (MongoDB Wire Protocol); keeps documents by
collection; and refuses whatever is asked of the collection ``locked``.
"""

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import bson

__all__ = ["mongo"]

_REPLY, _QUERY, _MSG = 1, 2004, 2013


@contextmanager
def mongo() -> Iterator[tuple[str, int]]:
    """Host and port of a server with nothing in it."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Connection) as server:
        server.daemon_threads = True
        server.documents = {}
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.server_address
        server.shutdown()
        thread.join(10)


class _Connection(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while header := self.rfile.read(16):
            length, request_id, _, code = struct.unpack("<iiii", header)
            body = self.rfile.read(length - 16)
            if code == _QUERY:
                start = body.index(b"\0", 4) + 9
                answer = struct.pack("<iqii", 0, 0, 0, 1) + bson.encode(
                    self._answer(bson.decode(body[start:]))
                )
                self._send(request_id, _REPLY, answer)
            else:
                answer = struct.pack("<IB", 0, 0) + bson.encode(self._answer(_command(body)))
                self._send(request_id, _MSG, answer)

    def _send(self, request_id: int, code: int, answer: bytes) -> None:
        self.wfile.write(struct.pack("<iiii", len(answer) + 16, 0, request_id, code) + answer)

    def _answer(self, command: dict) -> dict:
        documents = self.server.documents
        name, collection = next(iter(command.items()))
        if collection == "locked":
            who = command.get("filter", {}).get("mail")
            return {
                "ok": 0,
                "code": 13,
                "codeName": "Unauthorized",
                "errmsg": f"not authorized to look for {who}",
            }
        if name == "insert":
            documents.setdefault(collection, []).extend(command["documents"])
            return {"ok": 1, "n": len(command["documents"])}
        if name == "find":
            found = [
                document
                for document in documents.get(collection, [])
                if command["filter"].items() <= document.items()
            ]
            batch = found[: command.get("limit") or None]
            return {"ok": 1, "cursor": {"id": 0, "ns": f"shop.{collection}", "firstBatch": batch}}
        hello = {"helloOk": True, "isWritablePrimary": True, "ismaster": True, "maxWireVersion": 25}
        return {
            "ok": 1,
            "minWireVersion": 0,
            "maxBsonObjectSize": 2**24,
            "maxMessageSizeBytes": 48_000_000,
            **hello,
        }


def _command(body: bytes) -> dict:
    """The body of an OP_MSG, with its sequences of documents in their place."""
    command: dict = {}
    at = 4  # behind the flags
    while at < len(body):
        kind = body[at]
        size = struct.unpack_from("<i", body, at + 1)[0]
        section = body[at + 1 : at + 1 + size]
        if kind == 0:
            command = {**bson.decode(section), **command}
        else:
            end = section.index(b"\0", 4)
            command[section[4:end].decode()] = bson.decode_all(section[end + 1 :])
        at += 1 + size
    return command
