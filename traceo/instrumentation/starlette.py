"""Starlette, and what is built on its application class: one server span a request."""

from typing import Any

from starlette.applications import Starlette

from traceo.instrumentation.asgi import Scope, observed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.routes import route_of

__all__ = ["install"]


def install(site: Site) -> None:
    """Wrap ``Starlette.__call__``."""
    site.replace(Starlette, "__call__", lambda original: observed(site, original, route_of, _wanted))


def _wanted(app: Any, scope: Scope) -> bool:
    del app
    return "fastapi.telemetry" not in scope  # else FastAPI traces this request by itself, or was told not to
