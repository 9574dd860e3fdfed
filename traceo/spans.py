"""Spans made by hand: `span` around a block, `instrument` around a function.

Before `traceo.init`, and when another tracer provider was there first, both go to OpenTelemetry's global
provider, which records nothing until somebody sets one.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast, overload

from opentelemetry import trace

from traceo._version import __version__
from traceo.records import AnyValue
from traceo.semconv import CODE_FUNCTION_NAME

__all__ = ["bind", "decorated", "instrument", "span"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

_SCOPE = "traceo"

_tracer: Any = None


def span(name: str, /, **attributes: AnyValue) -> AbstractContextManager[trace.Span]:
    """A span that lasts as long as the ``with`` block and is current inside it.

    An exception that leaves the block is recorded on the span and goes on. Attribute names with a dot are
    given as ``**{"order.id": 7}``.

    >>> with span("pay", amount=7) as current:
    ...     current.set_attribute("currency", "EUR")
    """
    if _tracer is None:
        return _Elsewhere(name, attributes)
    return _tracer.start_as_current_span(name, None, trace.SpanKind.INTERNAL, attributes)


@overload
def instrument(function: Callable[_P, _R], /) -> Callable[_P, _R]: ...
@overload
def instrument(
    name: str | None = None, /, **attributes: AnyValue
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]: ...
def instrument(target: Any = None, /, **attributes: AnyValue) -> Any:
    """Decorate a function so that each call is a span: ``@instrument`` or ``@instrument("name", key=value)``.

    ``instrument("redis")``, with the name of a library of the catalogue and nothing else, hooks that library,
    now or when it is imported: see `Instrumented`.

    Functions, coroutine functions, generator functions and async generator functions; a generator's span
    lasts from its first step to its last. The name is the function's qualified name unless given.

    >>> @instrument
    ... def double(number):
    ...     return 2 * number
    >>> double(4)
    8
    """
    if callable(target):
        return decorated(target, None, attributes)

    if isinstance(target, str) and not attributes:
        from traceo.libraries import hook, is_library  # noqa: PLC0415 - a span's name is rarely a library's

        if is_library(target):
            return hook(target)

    def decorator(function: Callable[..., Any]) -> Callable[..., Any]:
        return decorated(function, target, attributes)

    return decorator


def bind(tracer: Any) -> Any:
    """From now on record with this tracer, ``None`` for the global one; returns the one before."""
    global _tracer
    before, _tracer = _tracer, tracer
    return before


def decorated(
    function: Callable[..., Any], name: str | None, attributes: Mapping[str, AnyValue]
) -> Callable[..., Any]:
    """``function``, each call of which is a span of this name (``None``: the function's own)."""
    from traceo.tracing.decorate import decorate  # noqa: PLC0415 - `span` alone does without

    qualified = function.__qualname__.replace("<locals>.", "")
    given = {CODE_FUNCTION_NAME: f"{function.__module__}.{qualified}", **attributes}
    title = name or qualified
    # Opened at each call, so that a function decorated before init() is recorded after it.
    return decorate(function, lambda: span(title, **given))


class _Elsewhere:
    """`span` on OpenTelemetry's global provider, with the parts that stepping through a generator needs."""

    __slots__ = ("_attributes", "_current", "_name", "_span")

    def __init__(self, name: str, attributes: Mapping[str, AnyValue]) -> None:
        self._name = name
        self._attributes = attributes
        self._span: trace.Span = trace.INVALID_SPAN
        self._current: Any = None

    def start(self) -> trace.Span:
        tracer = trace.get_tracer(_SCOPE, __version__)
        self._span = tracer.start_span(self._name, attributes=cast("Any", self._attributes))
        return self._span

    def finish(self, error: BaseException | None) -> None:
        if isinstance(error, Exception):
            self._span.record_exception(error)
            self._span.set_status(trace.Status(trace.StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        self._span.end()

    def __enter__(self) -> trace.Span:
        self._current = trace.use_span(self.start(), record_exception=False, set_status_on_exception=False)
        return self._current.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._current.__exit__(None, None, None)
        self.finish(error)
