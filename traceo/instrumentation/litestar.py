"""Litestar: one server span a request or websocket, named by the path template that matched."""

from collections.abc import Iterable
from typing import Any

from litestar.app import Litestar

from traceo.instrumentation.asgi import Scope, observed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.http_server import TAIL

__all__ = ["install"]


def install(site: Site) -> None:
    """Wrap ``Litestar.__call__``."""
    site.replace(Litestar, "__call__", lambda original: observed(site, original, _route_of, _wanted))


def _wanted(app: Any, scope: Scope) -> bool:
    del app, scope
    return True


def _route_of(app: Any, scope: Scope, path: str) -> str | None:
    del app
    handler = scope.get("route_handler")
    if handler is None:
        return None
    root: str = (scope.get("root_path") or "").rstrip("/")
    if getattr(handler, "is_mount", False):  # the template in the scope is then that of the root
        template = _mounted(handler.paths, path.removeprefix(root))
    else:
        template = scope.get("path_template")
    return None if template is None else root + template


def _mounted(paths: Iterable[str], path: str) -> str | None:
    """A mount has no parameters in front of it: its path as it came is its template."""
    for mount in sorted(paths, key=len, reverse=True):
        before, found, _ = path.partition(mount)
        if found:
            return (before + found).rstrip("/") + TAIL
    return None
