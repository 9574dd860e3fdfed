"""Any Python value as a bounded OTLP value, without ever raising: what applications put into ``extra=``."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final, cast

from traceo.records import AnyValue

__all__ = ["bounded", "plain_text", "to_value"]

MAX_TEXT: Final = 32 * 1024
"""Characters of one string that are kept."""
MAX_ITEMS: Final = 128
MAX_DEPTH: Final = 6

_CUT: Final = " [cut]"
_BACK: Final = 512
_UNPRINTABLE: Final = "[unprintable {}]"


def to_value(value: object, depth: int = MAX_DEPTH) -> AnyValue:
    """``value`` itself where OTLP knows its type, containers item by item, else its bounded ``str()``."""
    kind = type(value)
    if kind is str:
        text = cast("str", value)
        return text if len(text) <= MAX_TEXT else bounded(text)
    if value is None or kind is int or kind is bool or kind is float:
        return cast("AnyValue", value)
    if kind is bytes:
        return cast("bytes", value)[:MAX_TEXT]
    if isinstance(value, (Mapping, list, tuple, AbstractSet)):
        if depth <= 0:
            return "[too deep]"
        try:
            return _container(value, depth - 1)  # pyright: ignore[reportUnknownArgumentType]  contents are judged one by one
        except Exception:  # a container of the app's own that cannot be walked
            return _UNPRINTABLE.format(kind.__name__)
    return plain_text(value)


def plain_text(value: object) -> str:
    """``str(value)``, bounded; a marker with the type's name if that raises or is no string."""
    try:
        text = str(value)
        return bounded(str.__str__(text))
    except Exception:
        return _UNPRINTABLE.format(type(value).__name__)


def bounded(text: str, limit: int = MAX_TEXT) -> str:
    """``text``, cut after ``limit`` characters.

    The word that the cut falls into goes as well: half an e-mail address or card number is no longer
    recognised as one by the redaction that follows.
    """
    if len(text) <= limit:
        return text
    head = text[:limit]
    space = max(head.rfind(" ", limit - _BACK), head.rfind("\n", limit - _BACK))
    return (head[:space] if space > 0 else head[: max(limit - _BACK, 0)]) + _CUT


def _container(value: object, depth: int) -> AnyValue:
    if isinstance(value, Mapping):
        mapped: dict[str, AnyValue] = {}
        for key, item in cast("Mapping[object, object]", value).items():
            if len(mapped) >= MAX_ITEMS:
                break
            mapped[key if type(key) is str else plain_text(key)] = to_value(item, depth)
        return mapped
    items: list[AnyValue] = []
    for item in cast("list[object]", value):
        if len(items) >= MAX_ITEMS:
            break
        items.append(to_value(item, depth))
    return items
