"""A span that is current only during the steps of a generator."""

from types import TracebackType
from typing import Any

from traceo.tracing.tracer import use_span

__all__ = ["Stepping"]


class Stepping:
    """Starts the span of ``active`` at the first step; ``with`` this makes it current for one step."""

    __slots__ = ("_active", "_span", "_step")

    def __init__(self, active: Any) -> None:
        self._active = active
        self._span: Any = None
        self._step: Any = None

    def __enter__(self) -> None:
        if self._span is None:
            self._span = self._active.start()
        self._step = use_span(self._span, record_exception=False, set_status_on_exception=False)
        self._step.__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._step.__exit__(None, None, None)

    def end(self, error: BaseException | None) -> None:
        """The generator is done, or ``error`` left it."""
        self._active.finish(error)
