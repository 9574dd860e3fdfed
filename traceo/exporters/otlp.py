"""OTLP protobuf, written by hand: records in, the bytes of an export request out.

The wire format is opentelemetry-proto's ``ExportTraceServiceRequest`` and ``ExportLogsServiceRequest``
(OTLP 1.x), fields in number order, so the bytes equal those of the protobuf library. Nothing here raises:
a value that OTLP cannot carry is replaced by ``UNENCODABLE`` and counted in ``encode_failures()``; lone
surrogates become U+FFFD and are counted too. An int beyond 64 bits travels as its decimal digits
(OpenTelemetry's attribute type mapping).

``otlp.pyx`` beside this file is its compiled twin, byte for byte; see ``traceo._compiled``.
"""

from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import Any, Protocol, TypeVar, cast

from traceo.records import EventRecord, LinkRecord, LogRecord, ResourceRecord, ScopeRecord, SpanRecord

__all__ = ["MAX_DEPTH", "UNENCODABLE", "encode_failures", "encode_logs", "encode_traces"]

UNENCODABLE = "[UNENCODABLE]"

# Parsers refuse messages nested more than 100 deep; a mapping takes three levels, and eight are above it.
MAX_DEPTH = 30

_MASK_64 = 0xFFFF_FFFF_FFFF_FFFF
_double = Struct("<d").pack
_fixed64 = Struct("<Q").pack
_fixed32 = Struct("<I").pack
_two_fixed64 = Struct("<BQBQ").pack

_failures = 0

# Length prefixes below 2^14 and encoded attribute keys are the same few again and again.
_SHORT = [bytes((n,)) for n in range(128)] + [bytes((n & 0x7F | 0x80, n >> 7)) for n in range(128, 1 << 14)]
_HEADS = {tag: [bytes((tag, size)) for size in range(128)] for tag in (0x0A, 0x1A, 0x22, 0x32, 0x4A)}
_STRINGS = [bytes((0x12, size + 2, 0x0A, size)) for size in range(126)]
_NAMES_KEPT = 4096
_names: dict[str, bytes] = {}


class _Grouped(Protocol):
    @property
    def resource(self) -> ResourceRecord: ...
    @property
    def scope(self) -> ScopeRecord: ...


_Item = TypeVar("_Item", bound=_Grouped)


def encode_traces(spans: Sequence[SpanRecord]) -> bytes:
    """``spans`` as an ExportTraceServiceRequest, grouped by identity of resource and scope."""
    return _request(spans, _span)


def encode_logs(logs: Sequence[LogRecord]) -> bytes:
    """``logs`` as an ExportLogsServiceRequest, grouped like spans."""
    return _request(logs, _log)


def encode_failures() -> int:
    """How many values were replaced since the process started."""
    return _failures


def _request(items: Sequence[_Item], encode: Callable[[_Item], bytes]) -> bytes:
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
            scoped[1].append(_field(0x12, encode(item)))
        except Exception:  # a field that is not what its record says it is
            _count_failure()
    return b"".join(
        [
            _field(
                0x0A,
                b"".join(
                    (
                        _field(0x0A, _attributes(0x0A, resource.attributes)),
                        *(
                            _field(
                                0x12,
                                b"".join(
                                    (_field(0x0A, _scope(scope)), *encoded, _text(0x1A, scope.schema_url))
                                ),
                            )
                            for scope, encoded in scopes.values()
                        ),
                        _text(0x1A, resource.schema_url),
                    )
                ),
            )
            for resource, scopes in resources.values()
        ]
    )


def _scope(scope: ScopeRecord) -> bytes:
    return _text(0x0A, scope.name) + _text(0x12, scope.version) + _attributes(0x1A, scope.attributes)


def _span(span: SpanRecord) -> bytes:
    parts = [
        b"\x0a\x10",
        (span.trace_id & _MASK_128).to_bytes(16, "big"),
        b"\x12\x08",
        (span.span_id & _MASK_64).to_bytes(8, "big"),
    ]
    add = parts.append
    if span.trace_state:
        add(_text(0x1A, span.trace_state))
    if span.parent_span_id:
        add(b"\x22\x08" + (span.parent_span_id & _MASK_64).to_bytes(8, "big"))
    add(_text(0x2A, span.name))
    add(_number(0x30, span.kind))
    if span.start_ns and span.end_ns:
        add(_two_fixed64(0x39, span.start_ns & _MASK_64, 0x41, span.end_ns & _MASK_64))
    else:
        add(_time(0x39, span.start_ns) + _time(0x41, span.end_ns))
    if span.attributes:
        add(_attributes(0x4A, span.attributes))
    if span.dropped_attributes:
        add(_number(0x50, span.dropped_attributes))
    for event in span.events:
        add(_field(0x5A, _event(event)))
    if span.dropped_events:
        add(_number(0x60, span.dropped_events))
    for link in span.links:
        add(_field(0x6A, _link(link)))
    if span.dropped_links:
        add(_number(0x70, span.dropped_links))
    if span.status_code or span.status_message:
        add(_field(0x7A, _text(0x12, span.status_message) + _number(0x18, span.status_code)))
    else:
        add(b"\x7a\x00")
    if span.flags:
        add(b"\x85\x01" + _fixed32(span.flags & 0xFFFF_FFFF))
    return b"".join(parts)


def _event(event: EventRecord) -> bytes:
    return b"".join(
        (
            _time(0x09, event.time_ns),
            _text(0x12, event.name),
            _attributes(0x1A, event.attributes),
            _number(0x20, event.dropped_attributes),
        )
    )


def _link(link: LinkRecord) -> bytes:
    return b"".join(
        (
            b"\x0a\x10",
            (link.trace_id & _MASK_128).to_bytes(16, "big"),
            b"\x12\x08",
            (link.span_id & _MASK_64).to_bytes(8, "big"),
            _text(0x1A, link.trace_state),
            _attributes(0x22, link.attributes),
            _number(0x28, link.dropped_attributes),
            b"\x35" + _fixed32(link.flags & 0xFFFF_FFFF) if link.flags else b"",
        )
    )


def _log(log: LogRecord) -> bytes:
    return b"".join(
        (
            _time(0x09, log.time_ns),
            _number(0x10, log.severity),
            _text(0x1A, log.severity_text),
            b"" if log.body is None else _field(0x2A, _value(log.body, 0)),
            _attributes(0x32, log.attributes),
            _number(0x38, log.dropped_attributes),
            b"\x45" + _fixed32(log.flags & 0xFFFF_FFFF) if log.flags else b"",
            b"\x4a\x10" + (log.trace_id & _MASK_128).to_bytes(16, "big") if log.trace_id else b"",
            b"\x52\x08" + (log.span_id & _MASK_64).to_bytes(8, "big") if log.span_id else b"",
            _time(0x59, log.observed_ns),
            _text(0x62, log.event_name),
        )
    )


# --- values


def _attributes(tag: int, attributes: Mapping[str, Any] | None) -> bytes:
    """Repeated KeyValue fields; a mapping that cannot be read to its end gives what was read.

    The commonest values, short ASCII strings, small ints and booleans, are put together from prepared pieces.
    """
    if not attributes:
        return b""
    parts: list[bytes] = []
    heads = _HEADS[tag]
    try:
        for key, value in attributes.items():
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
            parts.append(_field(tag, _pair(name, value, 0)))
    except Exception:
        _count_failure()
    return b"".join(parts)


def _pair(name: bytes, value: object, depth: int) -> bytes:
    """The content of a KeyValue whose key is encoded already."""
    encoded = _value(value, depth)
    return name + b"\x12" + _varint(len(encoded)) + encoded


def _name(key: object) -> bytes:
    """The key field of a KeyValue."""
    if type(key) is str:
        known = _names.get(key)
        if known is not None:
            return known
    if not isinstance(key, str):
        _count_failure()
        return _text(0x0A, UNENCODABLE)
    before = _failures
    encoded = _text(0x0A, key)
    if type(key) is str and len(key) <= 128 and _failures == before:
        if len(_names) >= _NAMES_KEPT:
            _names.clear()
        _names[key] = encoded
    return encoded


def _value(value: Any, depth: int) -> bytes:
    """The content of an AnyValue; what cannot be encoded is replaced and counted."""
    try:
        encoded = _encoded(value, depth)
    except Exception:  # a broken mapping or sequence, or an int of more digits than Python prints
        encoded = None
    if encoded is None:
        _count_failure()
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
            return b"\x18" + _varint(int.__and__(value, _MASK_64))
        return _string(0x0A, int.__repr__(value))
    if isinstance(value, float):
        return b"\x21" + _double(value)
    if isinstance(value, (bytes, bytearray)):
        return _field(0x3A, bytes(value))
    if depth < MAX_DEPTH:
        if isinstance(value, Mapping):
            mapping = cast("Mapping[object, object]", value)
            parts = [_field(0x0A, _pair(_name(key), item, depth + 1)) for key, item in mapping.items()]
            return _field(0x32, b"".join(parts))
        if isinstance(value, Sequence):
            items = cast("Sequence[object]", value)
            return _field(0x2A, b"".join([_field(0x0A, _value(item, depth + 1)) for item in items]))
    return None


def _count_failure() -> None:
    global _failures
    _failures += 1


# --- the wire


def _varint(value: int) -> bytes:
    if value < 1 << 14:
        return _SHORT[value]
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(tag: int, content: bytes) -> bytes:
    """A length-delimited field."""
    size = len(content)
    if size < 128:
        return b"%c%c%b" % (tag, size, content)
    return b"%c%b%b" % (tag, _varint(size), content)


def _text(tag: int, text: str) -> bytes:
    """A string field, absent when empty."""
    return _string(tag, text) if text else b""


def _string(tag: int, text: str) -> bytes:
    try:
        return _field(tag, str.encode(text))
    except UnicodeEncodeError:
        _count_failure()
        whole = str.encode(text, "utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return _field(tag, whole.encode())


def _number(tag: int, value: int) -> bytes:
    """A uint32 or enum field, absent when zero."""
    return b"%c%b" % (tag, _varint(value & 0xFFFF_FFFF)) if value else b""


def _time(tag: int, time_ns: int) -> bytes:
    """A fixed64 field, absent when zero."""
    return b"%c%b" % (tag, _fixed64(time_ns & _MASK_64)) if time_ns else b""


_MASK_128 = (1 << 128) - 1


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
