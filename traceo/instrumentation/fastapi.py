"""FastAPI: one server span a request, in the place of those that FastAPI would make itself.

From 0.16x on FastAPI traces on its own as soon as a global tracer provider is set: a server span, and one
more for every dependency, endpoint and serialisation. Here its tracing is off while ours is on; its metrics
and logs go on when the app has providers for them. What the app said in ``FastAPI(telemetry=...)`` counts:
``tracing`` off or ``exclude`` means no span from us either, and a ``tracer_provider`` of its own leaves that
app to FastAPI.
"""

import copy
import weakref
from typing import Any

from fastapi.applications import FastAPI

from traceo.instrumentation.asgi import Scope, observed
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.http_server import MARK
from traceo.instrumentation.routes import route_of

__all__ = ["install"]

_NATIVE = "fastapi.telemetry"


def install(site: Site) -> None:
    """Wrap ``FastAPI.__call__``, and keep FastAPI's own tracing quiet inside it."""
    quiet: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()

    def wanted(app: Any, scope: Scope) -> bool:
        if _NATIVE in scope:
            return False  # already decided by an outer FastAPI
        native: Any = getattr(app, "_native_telemetry", None)
        if native is None:
            return True
        config = native.config
        excluded = config["exclude"]
        if (
            not config["tracing"]
            or config["tracer_provider"] is not None
            or (excluded is not None and excluded(scope))
        ):
            scope[MARK] = None  # nor from the Starlette inside
            return False
        if not _quiet(quiet, native).enabled():
            scope[_NATIVE] = None  # this is how FastAPI marks a request that it is not to observe
        return True

    site.replace(FastAPI, "__call__", lambda original: observed(site, original, route_of, wanted))

    def without_tracing(original: Any) -> Any:
        async def __call__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807  takes its place
            native = self
            try:
                if site.active and MARK in kwargs["scope"]:
                    native = _quiet(quiet, self)
            except Exception as error:
                failed("fastapi.telemetry", error)
            await original(native, *args, **kwargs)

        return __call__

    from fastapi import applications  # noqa: PLC0415  the name is not there before 0.16x

    native_class: type | None = getattr(applications, "NativeTelemetry", None)
    if native_class is not None:
        site.replace(native_class, "__call__", without_tracing)


def _quiet(known: "weakref.WeakKeyDictionary[Any, Any]", native: Any) -> Any:
    """A twin of the app's telemetry that does everything but trace."""
    twin = known.get(native)
    if twin is None:
        twin = copy.copy(native)
        twin.config = {**native.config, "tracing": False}
        known[native] = twin
    return twin
