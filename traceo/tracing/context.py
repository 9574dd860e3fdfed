"""Where the current span lives: OpenTelemetry's own context, reached without its layers.

The API keeps a ``Context`` (a dict) in one contextvar. With the default runtime context we read and set that variable
directly; with another one (``OTEL_PYTHON_CONTEXT``) we go through the API.
"""

from collections.abc import Callable
from contextvars import Token
from typing import Any

from opentelemetry import context as _api
from opentelemetry.context.context import Context
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext
from opentelemetry.trace.propagation import _SPAN_KEY  # pyright: ignore[reportPrivateUsage]  shared with the API

__all__ = ["SPAN_KEY", "attach", "current", "detach"]

SPAN_KEY: str = _SPAN_KEY

_runtime = _api._RUNTIME_CONTEXT  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  the variable itself is not public

current: Callable[[], Context]
attach: Callable[[Context], Token[Context]]
detach: Callable[[Token[Context]], Any]

if type(_runtime) is ContextVarsRuntimeContext:
    _variable = _runtime._current_context  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    current, attach, detach = _variable.get, _variable.set, _variable.reset
else:
    current, attach, detach = _runtime.get_current, _runtime.attach, _runtime.detach
