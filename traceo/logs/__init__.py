"""Standard log records as telemetry (:class:`Handler`), and as JSON lines (:class:`JsonFormatter`)."""

from typing import TYPE_CHECKING

from traceo.logs.handler import Handler

if TYPE_CHECKING:
    from traceo.logs.json import JsonFormatter

__all__ = ["Handler", "JsonFormatter"]


def __getattr__(name: str) -> object:
    if name == "JsonFormatter":  # datetime and the JSON encoder are for those who use it
        from traceo.logs.json import JsonFormatter  # noqa: PLC0415

        return JsonFormatter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
