"""Where the current span lives: OpenTelemetry's own context, reached without its layers.

The API keeps a ``Context`` (a dict) in one contextvar. With the default runtime context we read and set
that variable directly; with another one (``OTEL_PYTHON_CONTEXT``) we go through it. ``context.pyx`` is the
compiled twin, on CPython's C interface to contextvars; see ``traceo._compiled``.
"""

from collections.abc import Callable
from contextvars import Token
from typing import Any

from opentelemetry import context as _api
from opentelemetry.context.context import Context
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext
from opentelemetry.trace.propagation import _SPAN_KEY  # pyright: ignore[reportPrivateUsage]  shared with the API

__all__ = ["SPAN_KEY", "CurrentSpan", "attach", "current", "detach", "heal", "put"]

SPAN_KEY: str = _SPAN_KEY

_runtime = _api._RUNTIME_CONTEXT  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  the variable itself is not public
put: Callable[[Any, str, object], None] = dict[str, object].__setitem__  # Context forbids item assignment

current: Callable[[], Context]
attach: Callable[[Context], Token[Context]]
detach: Callable[[Token[Context]], Any]

if type(_runtime) is ContextVarsRuntimeContext:
    _variable = _runtime._current_context  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    current, attach, detach = _variable.get, _variable.set, _variable.reset
else:
    current, attach, detach = _runtime.get_current, _runtime.attach, _runtime.detach


class CurrentSpan:
    """The current span of the running task or thread; the class has no state, and one instance serves all."""

    __slots__ = ()

    def get(self) -> Any:
        """The current span, of whatever make; None when there is none."""
        return current().get(SPAN_KEY)

    def around(self, span: Any) -> Any:
        """A context like the one there is, with ``span`` as the current one."""
        outer = current()
        # One that holds nothing but another span has nothing to hand on.
        inner = Context(outer) if len(outer) > 1 or (outer and SPAN_KEY not in outer) else Context()
        put(inner, SPAN_KEY, span)
        return inner

    def enter(self, inner: Any) -> Any:
        """Make ``inner`` the context; give the token back to ``leave``."""
        return attach(inner)

    def leave(self, token: Any, inner: Any, span: Any) -> None:
        """Restore what was current before ``span`` was entered, which made ``inner`` the context.

        A generator that is abandoned or closed late leaves out of turn, or in another task. Then whoever
        still holds ``inner`` as its context, the generator's caller for one, gets the outer span in it; a
        span that is open and current here stays so.
        """
        here = current()
        try:
            if here is not inner:
                found = here.get(SPAN_KEY)
                if found is not span:
                    heal(inner, token)
                    if getattr(found, "is_recording", bool)():
                        return
            detach(token)
        except (ValueError, RuntimeError):  # left in another context than it was entered in
            heal(inner, token)


def heal(inner: Any, token: Any) -> None:
    """Put the span that was current before into ``inner``, in place."""
    outer = getattr(token, "old_value", None)
    span = outer.get(SPAN_KEY) if isinstance(outer, Context) else None
    if span is None:
        dict[str, object].pop(inner, SPAN_KEY, None)
    else:
        put(inner, SPAN_KEY, span)


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
