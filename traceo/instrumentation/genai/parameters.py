"""Copying the plain parameters of a request."""

from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.util.types import AttributeValue

__all__ = ["copy_plain", "output_type"]


def copy_plain(
    found: dict[str, AttributeValue],
    body: Mapping[str, Any],
    names: Iterable[tuple[str, str, tuple[type, ...]]],
) -> None:
    """For each (parameter, attribute, types): the value, when it has one of the types; lists as texts."""
    for name, attribute, types in names:
        value = body.get(name)
        if value is None or isinstance(value, bool) or not isinstance(value, types):
            continue
        if list in types:
            found[attribute] = (value,) if isinstance(value, str) else tuple(map(str, value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  foreign JSON
        else:
            found[attribute] = float(value) if float in types else value


def output_type(asked: Any) -> str | None:
    """``gen_ai.output.type`` of a response format."""
    if not isinstance(asked, str):
        return None
    return "json" if asked.startswith("json") else "text" if asked == "text" else None
