"""``/api/traceo/subject-keys`` and ``/api/traceo/sealed``: what holders of keys need, and what senders bring.

========================================  ===========================================================
``POST   /api/traceo/subject-keys``       rows for the key table, sealed (COSE) or JSON
``GET    /api/traceo/subject-keys?kid=``  rows by id, with those above them; each look is written down
``DELETE /api/traceo/subject-keys/{pn}``  erase a person; only from this machine
``GET    /api/traceo/sealed``             batches that only a team can open: team, tenant, signal, limit,
                                          cursor
``GET    /api/traceo/sealed/{id}``        one of them, as it came
========================================  ===========================================================

Nothing here is secret by itself: rows are wrapped keys, batches are sealed.
"""

import asyncio
import re
from typing import Final
from urllib.parse import parse_qs, unquote

import msgspec

from traceo.collector import journal
from traceo.collector.app import is_local
from traceo.collector.http import Receive, Scope, Send, respond, respond_problem
from traceo.collector.problems import Problem
from traceo.collector.sealed.intake import KeyIntake
from traceo.collector.sealed.keytable import KeyTable
from traceo.collector.sealed.store import SealedStore
from traceo.errors import OpenError
from traceo.sealing import CONTENT_TYPE
from traceo.sealing.keyring import encode_rows

__all__ = ["SealedApi"]

_KEYS: Final = "/api/traceo/subject-keys"
_SEALED: Final = "/api/traceo/sealed"
_JSON: Final = b"application/json"
_MAX_BODY: Final = 8 * 1024 * 1024
_MAX_KIDS: Final = 200
_MAX_PAGE: Final = 1000
_ID: Final = re.compile(r"[0-9a-f]{32}")
_KID: Final = re.compile(r"[A-Za-z0-9_-]{16}")
_SUBJECT: Final = re.compile(r"pn_[A-Za-z0-9_-]{43}")
_WORD: Final = re.compile(r"[^\w .@:/-]")


class SealedApi:
    """A bare ASGI application."""

    def __init__(self, *, intake: KeyIntake, table: KeyTable, sealed: SealedStore) -> None:
        self._intake = intake
        self._table = table
        self._sealed = sealed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            content_type, body = await self._answer(scope, receive)
        except Problem as problem:
            await respond_problem(send, problem)
            return
        await respond(send, 200, content_type, body, ((b"cache-control", b"no-store"),))

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[bytes, bytes]:
        method, path = scope["method"], scope["path"]
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if path == _KEYS and method == "POST":
            return _JSON, await self._take(scope, receive)
        if path == _KEYS and method == "GET":
            return _JSON, await self._rows(scope, query)
        if path.startswith(_KEYS + "/") and method == "DELETE":
            return _JSON, await self._erase(scope, unquote(path.removeprefix(_KEYS + "/")))
        if path == _SEALED and method == "GET":
            return _JSON, await self._list(query)
        if path.startswith(_SEALED + "/") and method == "GET":
            return CONTENT_TYPE.encode(), await self._read(path.removeprefix(_SEALED + "/"))
        raise Problem(404, "unknown-path", "Not found", "see the collector's documentation for what there is")

    async def _take(self, scope: Scope, receive: Receive) -> bytes:
        media = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
        if media not in {_JSON, b"application/cose"}:
            raise Problem(
                415, "content-type", "Unsupported media type", "send application/cose or application/json"
            )
        try:
            stored, refused = await self._intake.take(await _body(receive), bare=media == _JSON)
        except OpenError as error:
            raise Problem(
                400,
                "sealed-batch-unopenable",
                "The sealed batch does not open",
                "no key here opens it; fetch /api/traceo/keys again",
            ) from error
        return msgspec.json.encode({"stored": stored, "refused": refused})

    async def _rows(self, scope: Scope, query: dict[str, list[str]]) -> bytes:
        kids = query.get("kid", [])
        if not 0 < len(kids) <= _MAX_KIDS or not all(_KID.fullmatch(kid) for kid in kids):
            raise _wrong(f"kid: give the ids of 1 to {_MAX_KIDS} keys")
        rows = await asyncio.to_thread(self._table.find, kids)
        journal.info(
            "keys handed out for reveal",
            client=_client(scope),
            reader=_word(query, "reader"),
            reason=_word(query, "reason"),
            asked=len(kids),
            found=len(rows),
            subjects=",".join(sorted({row.subject for row in rows if row.subject}))[:500],
        )
        return encode_rows(rows)

    async def _erase(self, scope: Scope, subject: str) -> bytes:
        if not is_local(_client(scope)):
            raise Problem(
                403, "not-local", "Not from there", "a person is erased from the collector's own machine"
            )
        if not _SUBJECT.fullmatch(subject):
            raise _wrong("the subject is a pseudonym: pn_ and 43 characters")
        gone = await asyncio.to_thread(self._table.erase, subject)
        journal.info("subject erased", client=_client(scope), subject=subject, keys=gone)
        return msgspec.json.encode({"erased": gone})

    async def _list(self, query: dict[str, list[str]]) -> bytes:
        given = {name: values[-1] for name, values in query.items()}
        unknown = given.keys() - {"team", "tenant", "signal", "limit", "cursor"}
        limit = given.get("limit", "100")
        cursor = given.get("cursor", "-1.")
        arrival, _, batch_id = cursor.partition(".")
        if unknown or not limit.isdecimal() or not 0 < int(limit) <= _MAX_PAGE:
            raise _wrong("give team, tenant, signal, cursor, or a limit from 1 to 1000")
        try:
            after = int(arrival), bytes.fromhex(batch_id)
        except ValueError:
            raise _wrong("cursor: give next of the page before") from None
        found = await asyncio.to_thread(
            self._sealed.find,
            team=given.get("team"),
            tenant=given.get("tenant"),
            signal=given.get("signal"),
            after=after,
            limit=int(limit),
        )
        more = f"{found[-1].received_unix_nano}.{found[-1].id}" if len(found) == int(limit) else None
        return msgspec.json.encode({"batches": found, "next": more})

    async def _read(self, name: str) -> bytes:
        sealed = (
            await asyncio.to_thread(self._sealed.read, bytes.fromhex(name)) if _ID.fullmatch(name) else None
        )
        if sealed is None:
            raise Problem(404, "unknown-batch", "No such batch", "no sealed batch with this id is stored")
        return sealed


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > _MAX_BODY:
            raise Problem(413, "too-large", "The message is too large", f"give at most {_MAX_BODY} bytes")
        parts.append(part)
        more = message["type"] == "http.request" and message.get("more_body", False)
    return b"".join(parts)


def _client(scope: Scope) -> str:
    client: tuple[str, int] | None = scope.get("client")
    return client[0] if client else ""


def _word(query: dict[str, list[str]], name: str) -> str:
    return _WORD.sub("", query.get(name, [""])[-1])[:100]


def _wrong(detail: str) -> Problem:
    return Problem(400, "parameter", "A parameter is wrong", detail)
