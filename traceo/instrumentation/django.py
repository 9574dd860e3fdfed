"""Django: one server span a request, under WSGI and ASGI, with nothing to add to the settings.

The handlers' ``__call__`` is hooked, outside all middleware; of the two handlers only what the app imports.
The route is the one that the resolver has matched, prefixes of includes in front. An exception that Django,
or a middleware, has turned into a response is told if that response is a 5xx.
"""

import re
import sys
from functools import lru_cache
from typing import Any, Final

from django.core.handlers import exception
from django.core.handlers.base import BaseHandler

from traceo.instrumentation import asgi, wsgi
from traceo.instrumentation.asgi import Scope
from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.http_server import MARK, Exchange, current

__all__ = ["install"]

_REGEX_ENDS: Final = re.compile(r"^\^|(?<!\\)\$$|\\Z$")


def install(site: Site) -> None:
    """Wrap the handlers, and listen where a request is resolved and where errors become responses."""
    site.replace(BaseHandler, "resolve_request", lambda original: _resolved(site, original))
    site.replace(
        BaseHandler, "process_exception_by_middleware", lambda original: _by_middleware(site, original)
    )
    site.replace(exception, "response_for_exception", lambda original: _by_django(site, original))
    hooked: set[type] = set()
    _hook_handlers(site, hooked)
    # The handlers' modules import the one that this hook waits for: theirs may not be there yet.
    site.replace(BaseHandler, "load_middleware", lambda original: _loaded(site, original, hooked))


def _hook_handlers(site: Site, hooked: set[type]) -> None:
    wsgi_handler = getattr(sys.modules.get("django.core.handlers.wsgi"), "WSGIHandler", None)
    if wsgi_handler is not None and wsgi_handler not in hooked:
        hooked.add(wsgi_handler)
        site.replace(wsgi_handler, "__call__", lambda original: wsgi.observed(site, original, _is_whole))
    asgi_handler = getattr(sys.modules.get("django.core.handlers.asgi"), "ASGIHandler", None)
    if asgi_handler is not None and asgi_handler not in hooked:
        hooked.add(asgi_handler)
        site.replace(
            asgi_handler, "__call__", lambda original: asgi.observed(site, original, _route_of, _wanted)
        )


def _loaded(site: Site, original: Any, hooked: set[type]) -> Any:
    def load_middleware(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            if site.active:
                _hook_handlers(site, hooked)
        except Exception as error:
            failed("django.install", error)
        return original(self, *args, **kwargs)

    return load_middleware


def _resolved(site: Site, original: Any) -> Any:
    def resolve_request(self: Any, *args: Any, **kwargs: Any) -> Any:
        match = original(self, *args, **kwargs)
        try:
            exchange = current() if site.active else None
            if exchange is not None and match.route is not None:
                exchange.rule = _template(match.route)
        except Exception as error:
            failed("django.route", error)
        return match

    return resolve_request


def _by_middleware(site: Site, original: Any) -> Any:
    def process_exception_by_middleware(self: Any, exception: Any, request: Any) -> Any:
        response = original(self, exception, request)
        if response is not None and site.active:
            _note(exception)
        return response

    return process_exception_by_middleware


def _by_django(site: Site, original: Any) -> Any:
    def response_for_exception(request: Any, exc: Any) -> Any:
        if site.active:
            _note(exc)
        return original(request, exc)

    return response_for_exception


def _note(error: BaseException) -> None:
    try:
        exchange = current()
        if exchange is not None:
            exchange.error = error
    except Exception as failure:
        failed("django.error", failure)


def _route_of(app: Any, scope: Scope, path: str) -> str | None:
    del app, path
    exchange = scope.get(MARK)
    if not isinstance(exchange, Exchange) or exchange.rule is None:
        return None
    return (scope.get("root_path") or "").rstrip("/") + exchange.rule


def _wanted(app: Any, scope: Scope) -> bool:
    del app
    return scope["type"] == "http"  # Django refuses everything else


def _is_whole(body: Any) -> bool:
    return getattr(body, "streaming", True) is False


@lru_cache(1024)
def _template(route: str) -> str:
    """``route`` as other frameworks write theirs: from a slash on, a regular expression without its ends."""
    return "/" + _REGEX_ENDS.sub("", route).removeprefix("/")
