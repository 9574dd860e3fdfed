"""The pieces of OTLP protobuf that all signals share: requests, attributes, values, strings, numbers.

None of them raises for a *value*: what OTLP cannot carry is replaced by ``UNENCODABLE`` and counted. A field
that is not what its record promises does raise, and ``request`` leaves that record out and counts it.

``otlp.pyx`` has the same in C, byte for byte.
"""

from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import Any, Protocol, TypeVar, cast

from traceo.records import ResourceRecord, ScopeRecord

__all__ = [
    "MAX_DEPTH",
    "TRACE_ID_MASK",
    "UNENCODABLE",
    "WORD_MASK",
    "any_value",
    "attributes",
    "double",
    "field",
    "fixed32",
    "fixed64",
    "losses",
    "number",
    "request",
    "text",
    "time",
    "two_fixed64",
    "varint",
]

UNENCODABLE = "[UNENCODABLE]"

# Parsers refuse messages nested more than 100 deep; a mapping takes three levels, and eight are above it.
MAX_DEPTH = 30

WORD_MASK = 0xFFFF_FFFF_FFFF_FFFF
TRACE_ID_MASK = (1 << 128) - 1
double = Struct("<d").pack
fixed64 = Struct("<Q").pack
fixed32 = Struct("<I").pack
two_fixed64 = Struct("<BQBQ").pack

# Length prefixes below 2^14 and encoded attribute keys are the same few again and again.
_SHORT = [bytes((n,)) for n in range(128)] + [bytes((n & 0x7F | 0x80, n >> 7)) for n in range(128, 1 << 14)]
_HEADS = {tag: [bytes((tag, size)) for size in range(128)] for tag in (0x0A, 0x1A, 0x22, 0x32, 0x3A, 0x4A)}
_STRINGS = [bytes((0x12, size + 2, 0x0A, size)) for size in range(126)]
_NAMES_KEPT = 4096
_names: dict[str, bytes] = {}
# So are most texts of span attributes: the first few of each key are kept as they were written. A key whose
# values are all different fills its share and is left alone.
_SPAN_ATTRIBUTE = 0x4A
_KEYS_KEPT = 256
_TEXTS_KEPT = 16
_TEXT_CHARS = 256
_texts: dict[str, dict[str, bytes]] = {}


class _Losses:
    """How many values were replaced, and how many records left out, since the process started."""

    __slots__ = ("records", "values")

    def __init__(self) -> None:
        self.records = 0
        self.values = 0


losses = _Losses()


class _Grouped(Protocol):
    @property
    def resource(self) -> ResourceRecord: ...
    @property
    def scope(self) -> ScopeRecord: ...


_Item = TypeVar("_Item", bound=_Grouped)


def request(items: Sequence[_Item], encode: Callable[[_Item], bytes]) -> bytes:
    """An export request: ``items`` grouped by identity of resource and scope, in order of appearance."""
    resources: dict[int, tuple[ResourceRecord, dict[int, tuple[ScopeRecord, list[bytes]]]]] = {}
    for item in items:
        resource = item.resource
        scope = item.scope
        known = resources.get(id(resource))
        if known is None:
            known = resources[id(resource)] = (resource, {})
        scoped = known[1].get(id(scope))
        if scoped is None:
            scoped = known[1][id(scope)] = (scope, [])
        try:
            scoped[1].append(field(0x12, encode(item)))
        except Exception:  # a field that is not what its record says it is
            losses.values += 1
            losses.records += 1
    return b"".join(
        [
            field(
                0x0A,
                b"".join(
                    (
                        field(0x0A, attributes(0x0A, resource.attributes)),
                        *(
                            field(
                                0x12,
                                b"".join(
                                    (field(0x0A, _scope(scope)), *encoded, text(0x1A, scope.schema_url))
                                ),
                            )
                            for scope, encoded in scopes.values()
                        ),
                        text(0x1A, resource.schema_url),
                    )
                ),
            )
            for resource, scopes in resources.values()
        ]
    )


def _scope(scope: ScopeRecord) -> bytes:
    return text(0x0A, scope.name) + text(0x12, scope.version) + attributes(0x1A, scope.attributes)


def attributes(tag: int, attributes: Mapping[str, Any] | None) -> bytes:
    """Repeated KeyValue fields; a mapping that cannot be read to its end gives what was read.

    The commonest values, short ASCII strings, small ints and booleans, are put together from prepared pieces.
    """
    if not attributes:
        return b""
    parts: list[bytes] = []
    heads = _HEADS[tag]
    keeps = tag == _SPAN_ATTRIBUTE
    try:
        for key, value in attributes.items():
            if keeps and type(value) is str:
                texts = _texts.get(key)
                if texts is None or (written := texts.get(value)) is None:
                    written = _remembered(key, value, texts)
                if written is not None:
                    parts.append(written)
                    continue
            name = _name(key)
            if type(value) is str:
                size = len(name) + len(value) + 4
                if size < 128 and value.isascii():
                    parts += (heads[size], name, _STRINGS[len(value)], value.encode())
                    continue
            elif value is True or value is False:
                if len(name) < 124:
                    parts += (
                        heads[len(name) + 4],
                        name,
                        b"\x12\x02\x10\x01" if value else b"\x12\x02\x10\x00",
                    )
                    continue
            elif type(value) is int and 0 <= value < 1 << 14 and len(name) < 123:
                number = _SHORT[value]
                size = len(number)
                parts += (
                    heads[len(name) + 3 + size],
                    name,
                    b"\x12\x02\x18" if size == 1 else b"\x12\x03\x18",
                    number,
                )
                continue
            parts.append(field(tag, _pair(name, value, 0)))
    except Exception:
        losses.values += 1
    return b"".join(parts)


def _remembered(key: object, value: str, texts: dict[str, bytes] | None) -> bytes | None:
    """A span attribute, kept among the ``texts`` of its key if there is room; else None."""
    if texts is None:
        if type(key) is not str or len(_texts) >= _KEYS_KEPT:
            return None
        texts = _texts[key] = {}
    if len(texts) >= _TEXTS_KEPT or len(value) > _TEXT_CHARS:
        return None
    before = losses.values
    written = field(_SPAN_ATTRIBUTE, _pair(_name(key), value, 0))
    if losses.values == before:  # else what was replaced is to be counted each time
        texts[value] = written
    return written


def _pair(name: bytes, value: object, depth: int) -> bytes:
    """The content of a KeyValue whose key is encoded already."""
    encoded = any_value(value, depth)
    return name + b"\x12" + varint(len(encoded)) + encoded


def _name(key: object) -> bytes:
    """The key field of a KeyValue."""
    if type(key) is str:
        known = _names.get(key)
        if known is not None:
            return known
    if not isinstance(key, str):
        losses.values += 1
        return text(0x0A, UNENCODABLE)
    before = losses.values
    encoded = text(0x0A, key)
    if type(key) is str and len(key) <= 128 and losses.values == before:
        if len(_names) >= _NAMES_KEPT:
            _names.clear()
        _names[key] = encoded
    return encoded


def any_value(value: Any, depth: int) -> bytes:
    """The content of an AnyValue; what cannot be encoded is replaced and counted."""
    try:
        encoded = _encoded(value, depth)
    except Exception:  # a broken mapping or sequence, or an int of more digits than Python prints
        encoded = None
    if encoded is None:
        losses.values += 1
        return _string(0x0A, UNENCODABLE)
    return encoded


def _encoded(value: Any, depth: int) -> bytes | None:
    """The content of an AnyValue; None for a type that has none, or one nested too deep."""
    if isinstance(value, str):
        return _string(0x0A, value)
    if value is None:
        return b""
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        if -(1 << 63) <= value < (1 << 63):
            return b"\x18" + varint(int.__and__(value, WORD_MASK))
        return _string(0x0A, int.__repr__(value))
    if isinstance(value, float):
        return b"\x21" + double(value)
    if isinstance(value, (bytes, bytearray)):
        return field(0x3A, bytes(value))
    if depth < MAX_DEPTH:
        if isinstance(value, Mapping):
            mapping = cast("Mapping[object, object]", value)
            parts = [field(0x0A, _pair(_name(key), item, depth + 1)) for key, item in mapping.items()]
            return field(0x32, b"".join(parts))
        if isinstance(value, Sequence):
            items = cast("Sequence[object]", value)
            return field(0x2A, b"".join([field(0x0A, any_value(item, depth + 1)) for item in items]))
    return None


def varint(value: int) -> bytes:
    """An unsigned integer in groups of seven bits."""
    if value < 1 << 14:
        return _SHORT[value]
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(tag: int, content: bytes) -> bytes:
    """A length-delimited field."""
    size = len(content)
    if size < 128:
        return b"%c%c%b" % (tag, size, content)
    return b"%c%b%b" % (tag, varint(size), content)


def text(tag: int, text: str) -> bytes:
    """A string field, absent when empty."""
    return _string(tag, text) if text else b""


def _string(tag: int, text: str) -> bytes:
    try:
        return field(tag, str.encode(text))
    except UnicodeEncodeError:
        losses.values += 1
        whole = str.encode(text, "utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return field(tag, whole.encode())


def number(tag: int, value: int) -> bytes:
    """A uint32 or enum field, absent when zero."""
    return b"%c%b" % (tag, varint(value & 0xFFFF_FFFF)) if value else b""


def time(tag: int, time_ns: int) -> bytes:
    """A fixed64 field, absent when zero."""
    return b"%c%b" % (tag, fixed64(time_ns & WORD_MASK)) if time_ns else b""
