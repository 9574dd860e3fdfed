"""The route template of a request, as Starlette and FastAPI know it: ``/tenants/{tenant}/items/{id}``.

The router leaves the matched route in the scope, which is enough for most requests. What it leaves there
says nothing of the mounts in front of it (their parameters would be raw values, of high cardinality), and
nothing at all when a middleware passed on a copy of the scope: then the template is looked up along the
routes, once, after the response.
"""

import sys
from collections.abc import Iterable, MutableMapping
from typing import Any

from traceo.instrumentation.http_server import TAIL

__all__ = ["route_of"]

_DEPTH = 16


def route_of(app: Any, scope: MutableMapping[str, Any], path: str) -> str | None:
    """The template under which ``app`` served ``scope``, after the root path; ``None``: no route matched."""
    root: str = scope.get("app_root_path", scope.get("root_path") or "")
    root = root.rstrip("/")
    if "app_root_path" not in scope:  # set by the first mount on the way
        template = _direct(scope)
        if template is not None:
            return root + template
        if "router" in scope and "endpoint" not in scope:
            return None  # the router has seen this very scope and matched nothing
    inner = path[len(root) :] if root and path.startswith(root) else path
    template = _search(app.routes, inner, scope, _DEPTH)
    return None if template is None else root + template


def _direct(scope: MutableMapping[str, Any]) -> str | None:
    route = scope.get("route")
    if route is None:
        return None
    fastapi = scope.get("fastapi")
    if fastapi:  # a route of an included router does not know its prefix; the context it was matched in does
        effective = fastapi.get("effective_route_context")
        if effective is not None and effective.original_route is route:
            route = effective.starlette_route or effective
    template = getattr(route, "path_format", None)
    return None if hasattr(route, "routes") else template


def _search(routes: Iterable[Any], path: str, scope: MutableMapping[str, Any], depth: int) -> str | None:
    partial: str | None = None
    for route in _flat(routes):
        regex = getattr(route, "path_regex", None)
        template: str | None = getattr(route, "path_format", None)
        children = getattr(route, "routes", None)
        if regex is None or template is None:
            found = (
                _search(children, path, scope, depth - 1) if children and depth else None
            )  # routed by host
            if found is not None:
                return found
            continue
        match = regex.match(path)
        if match is None:
            continue
        if children is not None and template.endswith(TAIL):
            inner = _search(children, "/" + match["path"], scope, depth - 1) if depth else None
            return template.removesuffix(TAIL) + (TAIL if inner is None else inner)
        methods = getattr(route, "methods", None)
        is_http = scope["type"] == "http"
        if not is_http and methods is not None:
            continue
        if not is_http or not methods or scope["method"] in methods:
            return template
        partial = partial or template
    return partial


def _flat(routes: Iterable[Any]) -> Iterable[Any]:
    """``routes`` with FastAPI's included routers taken apart, where this FastAPI keeps them together."""
    fastapi = sys.modules.get("fastapi.routing")
    contexts = getattr(fastapi, "iter_route_contexts", None)
    return routes if contexts is None else contexts(routes)
