"""urllib3: one client span for each request on the wire, retries and redirects included.

The span sits at the one step that writes a request to a connection. Above it a pool waits for a free
connection and tries again; the number of earlier tries stands in the request's ``Retry``. With
``preload_content`` (urllib3's default, not that of requests) the body is read in the same step.
"""

from collections.abc import Callable
from typing import Any, cast

from opentelemetry import context as otel
from opentelemetry.trace import Span
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util import parse_url

from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.http_client import Sending, Values, answered, begin, broken, sending
from traceo.instrumentation.propagation import inject
from traceo.instrumentation.suppression import is_suppressed

__all__ = ["install"]

_WHERE = "urllib3.send"
_VERSIONS = {9: "0.9", 10: "1.0", 11: "1.1", 20: "2", 30: "3"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


def install(site: Site) -> None:
    """Wrap the one-request step of connection pools."""
    # Not public, and the only place that sees each attempt; `urlopen` calls itself for every further one.
    site.replace(HTTPConnectionPool, "_make_request", lambda original: _wrap(site, original))


def _wrap(site: Site, original: Callable[..., Any]) -> Callable[..., Any]:
    def _make_request(pool: Any, conn: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        span = None
        try:
            span = _begin(site, pool, method, url, kwargs)
        except Exception as error:
            failed(_WHERE, error)
        if span is None:
            return original(pool, conn, method, url, *args, **kwargs)
        try:
            response = original(pool, conn, method, url, *args, **kwargs)
        except BaseException as app_error:
            try:
                broken(span, app_error)
            except Exception as error:
                failed(_WHERE, error)
            raise
        try:
            answered(
                site,
                span,
                status=response.status,
                version=_VERSIONS.get(response.version, ""),
                values=_values(response.headers),
            )
        except Exception as error:
            failed(_WHERE, error)
        return response

    return _make_request


def _begin(site: Site, pool: Any, method: str, url: str, kwargs: dict[str, Any]) -> Span | None:
    """The span of this attempt; the headers in ``kwargs`` carry it on."""
    context = otel.get_current()
    if not site.active or is_suppressed(context):
        return None
    headers: Any = kwargs.get("headers")
    if headers is None:
        headers = kwargs["headers"] = {}
    elif pool.proxy is not None:  # through a tunnel urllib3 hands on the caller's own object, else a copy
        headers = kwargs["headers"] = headers.copy()
    put = _put(headers)
    outer = sending.get()
    if outer is not None and not outer.is_taken:
        return _take(outer, context, put)

    retries = kwargs.get("retries")
    resends = len(retries.history) if retries is not None else 0
    if outer is not None:
        resends = outer.sends[0]
        outer.sends[0] += 1
    full, scheme, host, port = _target(pool, url)
    return begin(
        site,
        context,
        method=method,
        url=full,
        scheme=scheme,
        host=host,
        port=port,
        resends=resends,
        values=_values(headers),
        put=put,
    )


def _take(outer: Sending, context: otel.Context, put: Callable[[str, str], object]) -> Span:
    outer.is_taken = True
    try:
        inject(outer.span, context, put)
    except Exception as error:
        failed(_WHERE, error)
    return outer.span


def _target(pool: Any, url: str) -> tuple[str, str, str | None, int | None]:
    """Full URL, scheme, host and port; ``url`` is absolute when it goes to a proxy."""
    if not url.startswith("/"):
        parsed = parse_url(url)
        return url, parsed.scheme or "", parsed.host, parsed.port
    scheme, host, port = pool.scheme, pool.host, pool.port
    netloc = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS.get(scheme):
        netloc = f"{netloc}:{port}"
    return f"{scheme}://{netloc}{url}", scheme, host, port


def _put(headers: Any) -> Callable[[str, str], object]:
    if not isinstance(headers, dict):  # urllib3's, requests' and botocore's know their keys in any case
        return headers.__setitem__
    plain = cast("dict[str, str]", headers)

    def put(name: str, value: str) -> None:
        for known in [key for key in plain if key.lower() == name and key != name]:
            del plain[known]  # an app that hands on what it received: two of a kind are valid for nobody
        plain[name] = value

    return put


def _values(headers: Any) -> Values:
    def values(name: str) -> list[str]:
        if hasattr(headers, "getlist"):
            return list(headers.getlist(name))
        return [str(value) for key, value in headers.items() if key.lower() == name]

    return values
