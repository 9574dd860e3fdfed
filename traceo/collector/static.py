"""The web front end's files, and a plain page where they are not built."""

import hashlib
import mimetypes
from pathlib import Path

import msgspec

from traceo.collector.http import Receive, Scope, Send, respond, respond_problem
from traceo.collector.problems import Problem

__all__ = ["Pages"]

_SECURITY = (
    (
        b"content-security-policy",
        b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
)
_IMMUTABLE = b"public, max-age=31536000, immutable"
_NOT_BUILT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Traceo collector</title>
<h1>The Traceo collector is running</h1>
<p>Its web page is not built in this installation. Build it with <code>npm ci &amp;&amp; npm run build</code>
in <code>traceo/collector/web</code>, then start the collector again.</p>
<p>The query API is there all the same: <a href="/api/docs">/api/docs</a>.</p></html>
"""


class _File(msgspec.Struct, frozen=True):
    content_type: bytes
    etag: bytes
    cache: bytes
    body: bytes


class Pages:
    """Serves a folder of built files from memory: read once at start, nothing outside it can be asked for.

    Files in ``assets/`` carry their hash in their name and are immutable. Any other path without a dot in
    its last part is a route of the single-page application (``/trace/<id>``) and gets ``index.html``.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {
            f"/{path.relative_to(folder).as_posix()}": _load(path, folder) for path in _files_in(folder)
        }
        self._index = self._files.get("/index.html") or _page(_NOT_BUILT)

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] not in {"GET", "HEAD"}:
            problem = Problem(
                405, "method", "Method not allowed", "use GET", headers=((b"allow", b"GET, HEAD"),)
            )
            await respond_problem(send, problem)
            return
        path: str = scope["path"]
        file = self._files.get(path)
        if file is None and "." not in path.rpartition("/")[2]:
            file = self._index
        if file is None:
            await respond_problem(send, Problem(404, "unknown-path", "Not found", "there is no such file"))
            return
        headers = (*_SECURITY, (b"etag", file.etag), (b"cache-control", file.cache))
        if file.etag in dict(scope["headers"]).get(b"if-none-match", b""):
            await respond(send, 304, file.content_type, b"", headers)
            return
        await respond(send, 200, file.content_type, file.body, headers)


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []


def _load(path: Path, folder: Path) -> _File:
    body = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/") or kind == "application/json":
        kind += "; charset=utf-8"
    immutable = path.relative_to(folder).parts[0] == "assets"
    return _File(kind.encode(), _etag(body), _IMMUTABLE if immutable else b"no-cache", body)


def _page(body: bytes) -> _File:
    return _File(b"text/html; charset=utf-8", _etag(body), b"no-cache", body)


def _etag(body: bytes) -> bytes:
    return b'"' + hashlib.sha256(body).hexdigest()[:32].encode() + b'"'
