"""Flask: one server span a request, named by the rule that matched.

Both ways into an application are hooked, ``app(...)`` and ``app.wsgi_app(...)``, as middleware may stand
between them, around them, or call the inner one only; the outermost makes the span. An exception that an
error handler has turned into a response is told if that response is a 5xx.
"""

from typing import Any

from flask.app import Flask
from flask.globals import request
from werkzeug.exceptions import HTTPException

from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.http_server import Exchange, current
from traceo.instrumentation.wsgi import WsgiExchange, observed

__all__ = ["install"]


def install(site: Site) -> None:
    """Wrap the two entries of ``Flask``, and listen where it makes a response and where it handles errors."""
    for name in ("__call__", "wsgi_app"):
        site.replace(Flask, name, lambda original: observed(site, original))
    site.replace(Flask, "finalize_request", lambda original: _listened(site, original))
    for name in ("handle_user_exception", "handle_exception"):
        site.replace(Flask, name, lambda original: _noted(site, original))


def _listened(site: Site, original: Any) -> Any:
    def finalize_request(self: Any, *args: Any, **kwargs: Any) -> Any:
        response = original(self, *args, **kwargs)
        try:
            exchange = current() if site.active else None
            if exchange is not None:
                _match(exchange)
                if isinstance(exchange, WsgiExchange):
                    exchange.whole = response.is_sequence or any(map(_is_page, args))
        except Exception as error:
            failed("flask.response", error)
        return response

    return finalize_request


def _is_page(made_of: object) -> bool:
    """``abort(404)`` and the like: werkzeug makes its page an iterator, which no code of the app's feeds."""
    return isinstance(made_of, HTTPException) and made_of.response is None


def _noted(site: Site, original: Any) -> Any:
    def handle(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            exchange = current() if site.active else None
            if exchange is not None:
                _match(exchange)
                exchange.error = next(value for value in args if isinstance(value, BaseException))
        except Exception as error:
            failed("flask.error", error)
        return original(self, *args, **kwargs)

    return handle


def _match(exchange: Exchange) -> None:
    rule = request.url_rule
    if rule is not None:
        exchange.rule = rule.rule
