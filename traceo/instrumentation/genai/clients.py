"""The one method through which both vendors' clients send every request: ``request`` of their base client.

``create``, ``parse``, the ``stream`` helpers, ``with_raw_response``, ``with_streaming_response`` and
``client.post`` all meet there, above the retries. What is not a known operation passes by.
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, cast

from traceo.instrumentation.genai.call import Call, Operation, begin
from traceo.instrumentation.genai.content import field
from traceo.instrumentation.genai.streams import CALL, follow, listen_to, read_body
from traceo.instrumentation.guard import around, around_async, failed
from traceo.instrumentation.hooks import Site

__all__ = ["hook_clients"]


def hook_clients(
    site: Site,
    base: ModuleType,
    streaming: ModuleType,
    operations: Mapping[str, Operation],
    *,
    provider_of: Callable[[Any], str],
    add: Callable[[Any, Call], None] | None = None,
    wanted: Callable[[Any], bool] | None = None,
) -> None:
    """Hook the clients of one vendor.

    ``base`` has ``SyncAPIClient`` and ``AsyncAPIClient``, ``streaming`` has ``Stream`` and ``AsyncStream``;
    ``operations`` are by URL path. ``add`` may put more on a new call, ``wanted`` may refuse a client.
    """
    where = f"{site.name}.request"

    def before(client: Any, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Call | None:
        del cast_to, args
        operation = operations.get(str(options.url).partition("?")[0])
        body: Any = options.json_data
        if operation is None or not isinstance(body, dict) or str(options.method).lower() != "post":
            return None
        if wanted is not None and not wanted(client):
            return None
        more: Any = getattr(options, "extra_json", None)
        call = begin(
            site,
            operation,
            cast("dict[str, Any]", {**body, **more} if more else body),
            provider=provider_of(client),
            base_url=field(client, "base_url"),
            streams=bool(kwargs.get("stream")),
        )
        if call is not None and add is not None:
            try:
                add(client, call)
            except Exception as error:  # the call is under way: its span must end
                failed(where, error)
        return call

    def after(call: Call, result: Any, error: BaseException | None) -> None:
        call.leave(error)
        if error is not None:
            call.end(error)
            return
        try:
            is_open = call.span.is_recording() and _take(call, result)
        except Exception as failure:
            failed(where, failure)
            is_open = False
        if not is_open:
            call.end()

    def made(original: Callable[..., None]) -> Callable[..., None]:
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807  takes its place
            original(self, *args, **kwargs)
            try:
                call: Any = self.response.extensions.get(CALL)
                if call is not None and not call.ended:
                    listen_to(self, call)
            except Exception as error:
                failed(where, error)

        return __init__

    site.replace(base.SyncAPIClient, "request", lambda original: around(original, where, before, after))
    site.replace(
        base.AsyncAPIClient, "request", lambda original: around_async(original, where, before, after)
    )
    for name in ("Stream", "AsyncStream"):
        site.replace(getattr(streaming, name), "__init__", made)


def _take(call: Call, result: Any) -> bool:
    """Learn from what the app is about to get; whether more of it is still to come."""
    response: Any = getattr(result, "http_response", None)
    if response is None:
        if not call.streams:
            call.operation.read(call.answer, result)
            return False
        response = field(result, "response")
        if not listen_to(result, call):
            return False
        follow(response, call)
        return True
    if not response.is_closed:
        follow(response, call)
        return True
    read_body(response, call)
    return False
