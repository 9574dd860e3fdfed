"""Whether somebody up the stack has asked for silence: an exporter, or a hook that already made the span."""

from typing import Final

from opentelemetry import context as otel
from opentelemetry.context import Context

__all__ = ["is_suppressed", "silenced"]

# The API keeps these keys private, yet every exporter sets them; without them (a later version) nothing is
# silent.
_KEYS: Final = tuple(
    key
    for name in ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY")
    if isinstance(key := getattr(otel, name, None), str)
)


def silenced(context: Context) -> Context:
    """``context`` with the wish for silence: what happens in it has its span already, or needs none."""
    for key in _KEYS[:1]:
        context = otel.set_value(key, value=True, context=context)
    return context


def is_suppressed(context: Context) -> bool:
    """Whether ``context`` asks instrumentation to stay silent."""
    return any(context.get(key) for key in _KEYS) if context else False
