"""``ThreadPoolExecutor``: a task runs in the context of whoever called ``submit()``; see ``threads``."""

from collections.abc import Callable
from concurrent.futures.thread import ThreadPoolExecutor
from typing import Any

from opentelemetry import context as otel
from opentelemetry.context import Context

from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.threads import Carried

__all__ = ["install"]

_EMPTY = Context()


def install(site: Site) -> None:
    """Hook ``submit``, which ``map`` and event loops call too."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def submit(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            token = context = None
            try:
                context = otel.get_current() if site.active else None
                # A worker thread that this call starts outlives the request: it must not inherit its context.
                token = otel.attach(_EMPTY) if context else None
            except Exception as error:
                failed("executors.submit", error)
            if not context or token is None:
                return original(self, fn, *args, **kwargs)
            try:
                return original(self, Carried(context, fn), *args, **kwargs)
            finally:
                otel.detach(token)

        return submit

    site.replace(ThreadPoolExecutor, "submit", make)
