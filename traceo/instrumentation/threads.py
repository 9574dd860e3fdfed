"""Threads and thread pools: what runs in another thread has the caller's current span.

No spans of its own. A thread runs in the context of whoever called ``start()``, ``threading.Timer`` included;
a task of a ``ThreadPoolExecutor`` (so also ``loop.run_in_executor``) in that of whoever called ``submit()``.
``asyncio.to_thread`` carries the context by itself. Without a context there is nothing to carry and next to
nothing to pay.
"""

import threading
from collections.abc import Callable
from typing import Any

from opentelemetry import context as otel
from opentelemetry.context import Context

from traceo.instrumentation.guard import failed
from traceo.instrumentation.hooks import Site

__all__ = ["Carried", "install"]

_OURS = "traceo-"


def install(site: Site) -> None:
    """Hook ``Thread.start``."""

    def make(original: Callable[..., None]) -> Callable[..., None]:
        def start(self: threading.Thread) -> None:
            run: Any = None
            try:
                # A thread of our own must not belong to the request that happened to start it.
                context = otel.get_current() if site.active else None
                if context and not self.name.startswith(_OURS):
                    run = Carried(context, self.run, lambda: vars(self).pop("run", None))
                    self.run = run
            except Exception as error:
                failed("threading.start", error)
            try:
                original(self)
            except BaseException:  # no more threads to be had, or started twice
                if run is not None and vars(self).get("run") is run:
                    del self.run
                raise

        return start

    site.replace(threading.Thread, "start", make)


class Carried:
    """A callable that runs in a context it brings along; ``before`` is called first, in the new thread."""

    __slots__ = ("_before", "_context", "_function")

    def __init__(
        self, context: Context, function: Callable[..., Any], before: Callable[[], object] | None = None
    ) -> None:
        self._context = context
        self._function = function
        self._before = before

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns."""
        context, function = self._context, self._function
        if self._before is not None:
            # As Thread.run does with its target: a finished thread holds on to nothing.
            self._before()
            del self._context, self._function, self._before
        token = otel.attach(context)
        try:
            return function(*args, **kwargs)
        finally:
            otel.detach(token)
