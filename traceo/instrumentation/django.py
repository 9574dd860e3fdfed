"""Django: one server span a request, under WSGI and ASGI, with nothing to add to the settings.

The handlers' ``__call__`` is hooked, outside all middleware; of the two handlers only what the app imports.
The route is the one that the resolver has matched, prefixes of includes in front. An exception that Django,
or a middleware, has turned into a response is told if that response is a 5xx.
"""

import re
import sys
from collections.abc import Callable
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
    site.replace(BaseHandler, "__init__", lambda original: _made(site, original, hooked))


def _hook_handlers(site: Site, hooked: set[type]) -> None:
    entries: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
        ("core.handlers.wsgi", "WSGIHandler", lambda original: wsgi.observed(site, original, _is_whole)),
        ("core.handlers.asgi", "ASGIHandler", lambda original: _observed_asgi(site, original)),
        ("test.client", "ClientHandler", lambda original: _in_tests(site, original)),
        ("test.client", "AsyncClientHandler", lambda original: _in_async_tests(site, original)),
    )
    for module, name, make in entries:
        handler = getattr(sys.modules.get(f"django.{module}"), name, None)
        if handler is not None and handler not in hooked:
            hooked.add(handler)
            site.replace(handler, "__call__", make)


def _made(site: Site, original: Any, hooked: set[type]) -> Any:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807  takes its place
        try:
            if site.active:
                _hook_handlers(site, hooked)
        except Exception as error:
            failed("django.install", error)
        original(self, *args, **kwargs)

    return __init__


def _observed_asgi(site: Site, original: Any) -> asgi.Application:
    return asgi.observed(site, original, _route_of, _wanted)


def _in_tests(site: Site, original: Any) -> Any:
    """The test client's handler, which gives the response to its caller instead of a server."""

    def __call__(self: Any, environ: Any) -> Any:  # noqa: N807  takes its place
        given: list[Any] = []

        def answer(self: Any, environ: Any, start_response: Any) -> tuple[()]:
            response = original(self, environ)
            given.append(response)
            start_response(f"{response.status_code} ", list(response.items()))
            return ()

        wsgi.observed(site, answer)(self, environ, lambda *_: None)
        return given[0]

    return __call__


def _in_async_tests(site: Site, original: Any) -> Any:
    async def __call__(self: Any, scope: Any) -> Any:  # noqa: N807  takes its place
        given: list[Any] = []

        async def answer(self: Any, scope: Any, receive: Any, send: Any) -> None:
            del receive
            response = await original(self, scope)
            given.append(response)
            headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
            await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            await send({"type": "http.response.body"})

        await _observed_asgi(site, answer)(self, scope, _nothing, _nothing)
        return given[0]

    return __call__


async def _nothing(*_: Any) -> Any:
    return None


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
