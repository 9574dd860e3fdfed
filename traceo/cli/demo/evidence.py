"""The bytes that the check looks at: everything that left the services, wherever it ended up."""

import json
import shutil
import sqlite3
import tempfile
import urllib.request
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
from traceo.sealing import KeySet, PrivateKeys, open_batch

__all__ = ["Exhibit", "api_answers", "is_rolled", "private_keys", "segments", "wal", "wire"]

_LIMIT: Final = 256 * 1024 * 1024
_PAGE: Final = 200


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


def is_rolled(url: str) -> bool:
    """Has the collector written all that it replayed into segments?"""
    status = json.loads(_get(f"{url}/api/traceo/status"))
    return status["segments"] > 0 and status["wal_bytes"] == 0


def api_answers(url: str) -> Iterator[Exhibit]:
    """Every answer of the query API: services, operations, all pages of the search, every trace."""
    for path in ("/api/traceo/status", "/api/traceo/keys"):
        yield Exhibit(f"API, {path}", _get(f"{url}{path}"))
    services = _get(f"{url}/api/traceo/services")
    yield Exhibit("API, /api/traceo/services", services)
    for service in json.loads(services)["services"]:
        path = f"/api/traceo/operations?service={quote(service['name'], safe='')}"
        yield Exhibit("API, /api/traceo/operations", _get(url + path))
    cursor: str | None = ""
    while cursor is not None:
        query = urlencode({"limit": _PAGE} | ({"cursor": cursor} if cursor else {}))
        page = _get(f"{url}/api/traceo/traces?{query}")
        yield Exhibit("API, /api/traceo/traces", page)
        answer = json.loads(page)
        for trace in answer["traces"]:
            yield Exhibit("API, a trace", _get(f"{url}/api/traceo/traces/{trace['trace_id']}"))
        cursor = answer["next"]


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


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  our own collector on loopback
        return answer.read()
