"""The bytes that the check looks at: everything that left the services, wherever it ended up."""

import http.client
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol, cast
from urllib.parse import quote, urlencode

import msgspec

from traceo.cli.demo.proxy import Connection, messages
from traceo.collector.batch import Encoding, Media, Signal
from traceo.collector.receivers.decompress import decompress, encoding_named
from traceo.collector.store.arrow import read_parquet
from traceo.collector.store.wal import FileLog
from traceo.errors import StoreError
from traceo.sealing import KeySet, PrivateKeys, open_batch

__all__ = ["Api", "Exhibit", "private_keys", "segments", "wal", "wire"]

_LIMIT: Final = 256 * 1024 * 1024
_PAGE: Final = 200
_KEYS: Final = 4  # in one question about a metric


class Exhibit(msgspec.Struct, frozen=True):
    """Bytes, and where they were found."""

    place: str
    data: bytes


class _Columns(Protocol):
    """What of pyarrow's table is used here; only the collector's store imports pyarrow itself."""

    def to_pydict(self) -> dict[str, list[object]]: ...


def private_keys(data: Path) -> PrivateKeys:
    """The collector's own keys, from its data folder."""
    return KeySet.load(data / "keys").private_keys()


def wire(connections: Iterable[Connection], keys: PrivateKeys) -> Iterator[Exhibit]:
    """What crossed the wire, as it is and opened."""
    for connection in connections:
        yield Exhibit("wire", bytes(connection.sent))
        yield Exhibit("wire, answers", bytes(connection.answered))
        for message in messages(bytes(connection.sent)):
            if message.body:
                kind = message.headers.get("content-type", "")
                encoding = message.headers.get("content-encoding", "")
                yield Exhibit(
                    "wire, opened", _opened(message.body, encoding, keys if "cose" in kind else None)
                )


def wal(data: Path, keys: PrivateKeys) -> Iterator[Exhibit]:
    """The collector's write-ahead log, as it is and opened."""
    with tempfile.TemporaryDirectory(prefix="traceo-wal-") as folder:
        copied = Path(folder) / "wal"
        shutil.copytree(data / "wal", copied)  # reading a log tidies it
        for path in sorted(copied.iterdir()):
            yield Exhibit("write-ahead log", path.read_bytes())
        for _, batch in FileLog(copied, file_bytes=1).replay(-1):
            encoding = "" if batch.encoding is Encoding.IDENTITY else batch.encoding.name.lower()
            sealed = batch.media is Media.COSE
            yield Exhibit("write-ahead log, opened", _opened(batch.body, encoding, keys if sealed else None))


def segments(data: Path) -> Iterator[Exhibit]:
    """The collector's Parquet segments and catalog, as they are and decoded."""
    for path in sorted((data / "segments").rglob("*")):
        if path.is_file():
            yield Exhibit("segment", path.read_bytes())
    for path in sorted(data.glob("catalog.sqlite*")):
        yield Exhibit("catalog", path.read_bytes())
    with sqlite3.connect(f"file:{data / 'catalog.sqlite'}?mode=ro", uri=True) as catalog:
        yield Exhibit("catalog, decoded", "\n".join(catalog.iterdump()).encode())
        rows = catalog.execute("SELECT signal, path FROM segments").fetchall()
    catalog.close()
    for signal, path in rows:
        table = cast("_Columns", read_parquet(data / "segments" / path, Signal(signal)))
        for column in table.to_pydict().values():
            yield Exhibit("segment, decoded", "\n".join(map(str, column)).encode())


class Api:
    """The collector's query API on ``127.0.0.1:port``, over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def get(self, path: str, **query: str | int) -> bytes:
        """The answer's body.

        Raises:
            StoreError: any other status than 200.
        """
        target = f"/api/traceo/{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            status, body = self._ask(target)
        except ConnectionError:  # it hangs up when nothing was asked for a while, or was started again
            status, body = self._ask(target)
        if status != http.HTTPStatus.OK:
            raise StoreError(f"the collector answered {status} to /api/traceo/{path}")
        return body

    def _ask(self, target: str) -> tuple[int, bytes]:
        try:
            self._connection.request("GET", target)
            with self._connection.getresponse() as answer:
                return answer.status, answer.read()
        except OSError:
            self._connection.close()
            raise

    def is_rolled(self) -> bool:
        """Has the collector written all that it replayed into segments?"""
        status = json.loads(self.get("status"))
        return status["segments"] > 0 and status["wal_bytes"] == 0

    def a_checkout(self) -> str | None:
        """The id of a checkout's trace: of those without error, the one with the most spans."""
        answer = json.loads(self.get("traces", service="shop", operation="POST /checkout", limit=100))
        best = max(answer["traces"], key=lambda trace: (-trace["errors"], trace["spans"]), default=None)
        return None if best is None else best["trace_id"]

    def everything(self) -> Iterator[Exhibit]:
        """Every answer: status, keys, services, operations, all pages of the search, traces, metrics."""
        for path in ("status", "keys"):
            yield Exhibit(f"API, {path}", self.get(path))
        services = self.get("services")
        yield Exhibit("API, services", services)
        for service in json.loads(services)["services"]:
            yield Exhibit("API, operations", self.get("operations", service=service["name"]))
        metrics = self.get("metrics")
        yield Exhibit("API, metrics", metrics)
        for metric in json.loads(metrics)["metrics"]:
            path = f"metrics/{quote(metric['name'], safe='')}"
            yield Exhibit("API, metrics", self.get(path))
            for first in range(0, len(metric["attributes"]), _KEYS):
                keys = metric["attributes"][first : first + _KEYS]
                labels = urlencode([("group_by", key) for key in keys])
                yield Exhibit("API, metrics", self.get(f"{path}?{labels}"))
        query: dict[str, str] | None = {}
        while query is not None:
            page = self.get("traces", limit=_PAGE, **query)
            yield Exhibit("API, search", page)
            answer = json.loads(page)
            for trace in answer["traces"]:
                yield Exhibit("API, traces", self.get(f"traces/{trace['trace_id']}"))
            query = {"cursor": answer["next"]} if answer["next"] else None


def _opened(body: bytes, encoding: str, keys: PrivateKeys | None) -> bytes:
    body = _decompressed(body, encoding)
    if keys is None:
        return body
    batch = open_batch(body, keys)
    return _decompressed(batch.body, batch.header.content_encoding)


def _decompressed(body: bytes, encoding: str) -> bytes:
    known = encoding_named(encoding)
    if known is None:
        raise ValueError(f"a batch is encoded as {encoding}")
    return decompress(body, known, limit=_LIMIT)
