"""The messages of a call in the convention's JSON form, for those who ask for content.

It goes to the span as it is: the pipeline drops it unless the policy says ``gen_ai = "scan"``, and redacts it
then. No text is ever cut, because half a secret is not recognised any more: what is too long is left out
whole, the oldest first. Bytes (images, sound, files) are never captured, only that there were some.
"""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

__all__ = [
    "LIMIT",
    "OMITTED",
    "Part",
    "as_json",
    "as_value",
    "blob",
    "field",
    "items",
    "messages",
    "place",
    "text",
    "tool_call",
    "uri",
]

Part: TypeAlias = dict[str, object]

LIMIT: Final = 100_000
"""Characters of one attribute; below what redaction looks at (``scanned_chars``)."""
OMITTED: Final = "[OMITTED]"
_SMALL: Final = 64
_PLACES: Final = 128


def field(value: Any, name: str) -> Any:
    """``value.name`` of an object of the library's, ``value["name"]`` of decoded JSON, else None."""
    if isinstance(value, dict):
        return value.get(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  foreign JSON
    return getattr(value, name, None)


def place(value: Any) -> int:
    """An index that a server gives, as far as it can be believed."""
    return value if isinstance(value, int) and 0 <= value < _PLACES else 0


def items(value: Any) -> list[Any]:
    """``value`` as a list: itself, or nothing when it is not one."""
    return list(value) if isinstance(value, (list, tuple)) else []  # pyright: ignore[reportUnknownArgumentType]  foreign JSON


def text(content: str, kind: str = "text") -> Part:
    """A text part, or a ``reasoning`` one."""
    return {"type": kind, "content": content}


def tool_call(call_id: Any, name: Any, arguments: Any) -> Part:
    """A tool call; arguments that are JSON are written as the object they stand for."""
    if isinstance(arguments, str):
        with contextlib.suppress(msgspec.DecodeError):
            arguments = msgspec.json.decode(arguments)
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def uri(address: Any, modality: str) -> Part:
    """A reference, without the bytes when the address holds them."""
    if not isinstance(address, str) or address.startswith("data:"):
        return blob(modality, address[5:].partition(";")[0] if isinstance(address, str) else None)
    return {"type": "uri", "modality": modality, "uri": address}


def blob(modality: str, mime_type: str | None = None) -> Part:
    """That there were bytes; not the bytes."""
    return {"type": "blob", "modality": modality, "mime_type": mime_type, "content": ""}


def messages(found: Iterable[tuple[str, list[Part]]]) -> list[Part]:
    """Roles and parts as messages."""
    return [{"role": role, "parts": parts} for role, parts in found]


def as_json(found: list[Part]) -> str:
    """One JSON text of at most about ``LIMIT`` characters; longer parts are replaced, from the oldest on."""
    encoded = _encode(found)
    if len(encoded) <= LIMIT:
        return encoded
    room = LIMIT - 2
    kept: list[str] = []
    for message in reversed(found):
        parts: Any = message.get("parts")
        smaller = {**message, "parts": _fitting(items(parts), room)} if parts else message
        one = _encode(smaller)
        if len(one) + 1 > room:
            if "parts" in message or room < _SMALL:
                break
            one = _encode(text(OMITTED))
        kept.append(one)
        room -= len(one) + 1
    return "[" + ",".join(reversed(kept)) + "]"


def as_value(value: object) -> str:
    """One value as JSON, left out whole when it is too long."""
    encoded = _encode(value)
    return encoded if len(encoded) <= LIMIT else _encode(OMITTED)


def _fitting(parts: list[Any], room: int) -> list[Any]:
    kept: list[Any] = []
    for part in reversed(parts):
        size = len(_encode(part)) + 1
        if size + _SMALL > room:
            part, size = text(OMITTED), _SMALL  # noqa: PLW2901  its stand-in
        kept.append(part)
        room -= size
    return kept[::-1]


def _encode(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=_foreign).decode("utf-8", "replace")


def _foreign(value: Any) -> object:
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  foreign
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else f"[{type(value).__name__}]"
