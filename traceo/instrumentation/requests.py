"""requests: one client span for each request on the wire, with urllib3 under it or any other adapter.

The span begins before the adapter is called. When the adapter comes down to a hooked urllib3, that one takes
the span over for its first attempt and gives each retry its own; otherwise it ends when the adapter has
returned. requests sends each redirect through ``Session.send`` again, so each hop is a span by itself.
"""

from collections.abc import Callable
from contextvars import Token
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import context as otel
from requests import Session

from traceo.instrumentation.guard import around, failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.http_client import Sending, Values, answered, begin, broken, sending
from traceo.instrumentation.suppression import is_suppressed

__all__ = ["install"]

_State = tuple[Sending, Token[Sending | None]]
_VERSIONS = {10: "1.0", 11: "1.1", 20: "2", 30: "3"}


def install(site: Site) -> None:
    """Wrap one hop of a session, and the place where its response is first seen."""

    def before(session: Any, request: Any, **kwargs: Any) -> _State | None:
        return _begin(site, session, request, kwargs)

    def after(state: _State, response: Any, error: BaseException | None) -> None:
        hop, token = state
        sending.reset(token)
        if error is not None:
            _fail(hop, error)
        else:
            _answer(site, hop, response)

    site.replace(Session, "send", lambda original: around(original, "requests.send", before, after))
    site.replace(Session, "resolve_redirects", lambda original: _listen(site, original))


def _listen(site: Site, original: Callable[..., Any]) -> Callable[..., Any]:
    """``send`` calls this, redirects or none, once the adapter has returned and before the body is read."""

    def resolve_redirects(session: Any, resp: Any, req: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            hop = sending.get()
            if hop is not None and hop.request is req:
                _answer(site, hop, resp)
        except Exception as error:
            failed("requests.send", error)
        return original(session, resp, req, *args, **kwargs)

    return resolve_redirects


def _begin(site: Site, session: Any, request: Any, kwargs: dict[str, Any]) -> _State | None:
    context = otel.get_current()
    if not site.active or is_suppressed(context):
        return None
    outer = sending.get()
    is_next_hop = outer is not None and outer.owner is session and kwargs.get("allow_redirects") is False
    sends = outer.sends if outer is not None and is_next_hop else [0]
    full: str = request.url
    url = urlsplit(full)
    put, undo = _put(request.headers)
    span = begin(
        site,
        context,
        method=request.method,
        url=full,
        scheme=url.scheme,
        host=url.hostname,
        port=url.port,
        resends=sends[0],
        values=_values(request.headers),
        put=put,
    )
    sends[0] += 1
    hop = Sending(session, request, span, sends, undo)
    return hop, sending.set(hop)


def _put(headers: Any) -> tuple[Callable[[str, str], object], Callable[[], None]]:
    """How to write a header into a prepared request, which may be the app's, and how to take all out."""
    added: list[str] = []
    replaced: list[tuple[str, str]] = []

    def put(name: str, value: str) -> None:
        if name in headers:  # in any case; as it was written it comes back
            replaced.extend((key, headers[key]) for key in headers if key.lower() == name)
        added.append(name)
        headers[name] = value

    def undo() -> None:
        for name in added:
            headers.pop(name, None)
        for name, value in replaced:
            headers[name] = value

    return put, undo


def _answer(site: Site, hop: Sending, response: Any) -> None:
    if hop.request is None:
        return
    hop.request = None  # told; the body that follows is not ours
    hop.undo()
    if hop.is_taken:
        return
    answered(
        site,
        hop.span,
        status=response.status_code,
        version=_VERSIONS.get(getattr(response.raw, "version", 0), ""),
        values=_values(response.headers),
    )


def _fail(hop: Sending, error: BaseException) -> None:
    if hop.request is None:
        return
    hop.request = None
    hop.undo()
    if not hop.is_taken:
        broken(hop.span, error)


def _values(headers: Any) -> Values:
    def values(name: str) -> list[str]:
        value = headers.get(name)
        return [] if value is None else [value]

    return values
