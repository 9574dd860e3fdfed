"""Taking items out of an encoded OTLP request, without decoding them.

A request is resources, a resource holds scopes, a scope holds spans, log records or metrics; all three levels
have the same field numbers for every signal. The items of metrics are data points, one level down. Works
on what `traceo.exporters.otlp` and `otlp_metrics` write, whose fields stand in the order of their numbers;
anything else raises `ValueError`.
"""

from collections.abc import Callable, Iterator
from itertools import count

__all__ = ["cut", "halves", "identity_of"]

_FIXED64, _BYTES, _FIXED32 = 1, 2, 5
_RESOURCE = _GROUP = 0x0A
_ITEMS = 0x12
_TRACE_ID_OF_SPAN, _TRACE_ID_OF_LOG = 0x0A, 0x4A
_LOG_TIMES = {0x09, 0x59}
_SEVERITY = 0x10
_ERROR = 17  # the first of OTLP's error severities
_DATA = {0x2A, 0x3A, 0x4A, 0x52}  # gauge, sum, histogram and exponential histogram of a metric
_POINT = 0x0A

Wanted = Callable[[bytes], bool]
Cut = Callable[[bytes, Wanted], tuple[bytes, int]]


def cut(payload: bytes, wanted: Wanted, signal: str = "traces") -> tuple[bytes, int]:
    """The request with only the items that are ``wanted``, and how many those are. Order is kept."""
    cut_item = _cut_metric if signal == "metrics" else _whole
    kept = 0
    groups: list[bytes] = []
    for tag, group in _fields(payload):
        if tag != _GROUP:
            raise ValueError("not an OTLP request")
        scopes: list[bytes] = []
        others: list[bytes] = []
        for inner, field in _fields(group):
            if inner != _ITEMS:
                others.append(_field(inner, field))
                continue
            scope, number = _cut_scope(field, wanted, cut_item)
            kept += number
            if number:
                scopes.append(_field(_ITEMS, scope))
        if scopes:
            groups.append(_field(_GROUP, b"".join(_in_order(others, scopes))))
    return b"".join(groups), kept


def halves(payload: bytes, items: int, signal: str = "traces") -> tuple[bytes, bytes]:
    """The request as two: the first half of its ``items``, rounded down, and the rest."""
    middle = items // 2
    first, second = count(), count()
    return (
        cut(payload, lambda _: next(first) < middle, signal)[0],
        cut(payload, lambda _: next(second) >= middle, signal)[0],
    )


def identity_of(item: bytes, signal: str) -> tuple[int, bool]:
    """(trace id, whether it is an error log line). A log line without a trace has its time for an id.

    Whether a span is an error is not looked up: its trace is known to have one by then.
    """
    if signal != "logs":
        if item[0] != _TRACE_ID_OF_SPAN or item[1] != 16:
            raise ValueError("not a span")
        return int.from_bytes(item[2:18], "big"), False
    time_ns = trace_id = severity = 0
    for tag, value in _fields(item):
        if tag in _LOG_TIMES:
            time_ns = time_ns or int.from_bytes(value, "little")
        elif tag == _SEVERITY:
            severity = value[0]
        elif tag == _TRACE_ID_OF_LOG:
            trace_id = int.from_bytes(value, "big")
    return trace_id or time_ns, severity >= _ERROR


def _cut_scope(scope: bytes, wanted: Wanted, cut_item: Cut) -> tuple[bytes, int]:
    parts: list[bytes] = []
    kept = 0
    for tag, field in _fields(scope):
        if tag == _ITEMS:
            item, number = cut_item(field, wanted)
            if not number:
                continue
            kept += number
            parts.append(_field(tag, item))
            continue
        parts.append(_field(tag, field))
    return b"".join(parts), kept


def _whole(item: bytes, wanted: Wanted) -> tuple[bytes, int]:
    return item, int(wanted(item))


def _cut_metric(metric: bytes, wanted: Wanted) -> tuple[bytes, int]:
    """A metric with some of its points: name, unit and the rest stand in each half."""
    parts: list[bytes] = []
    kept = 0
    for tag, field in _fields(metric):
        if tag not in _DATA:
            parts.append(_field(tag, field))
            continue
        data: list[bytes] = []
        for inner, value in _fields(field):
            if inner != _POINT:
                data.append(_number(inner, value))
            elif wanted(value):
                kept += 1
                data.append(_field(inner, value))
        parts.append(_field(tag, b"".join(data)))
    return b"".join(parts), kept


def _number(tag: int, value: bytes) -> bytes:
    """A varint as it stood: temporality and monotonicity."""
    return bytes((tag,)) + value


def _in_order(others: list[bytes], scopes: list[bytes]) -> Iterator[bytes]:
    """The resource first, then its scopes, then the schema: as the encoder writes them."""
    yield from (field for field in others if field[0] == _RESOURCE)
    yield from scopes
    yield from (field for field in others if field[0] != _RESOURCE)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, content) of each field: numbers below 16, as a group, a scope and a log record have."""
    at, end = 0, len(message)
    while at < end:
        tag = message[at]
        wire = tag & 7
        if tag >= 0x80:  # `flags` of a span and its like: two bytes of tag
            tag, at = tag | message[at + 1] << 8, at + 1
        at += 1
        start = at
        if wire == _BYTES:
            size, start = _varint(message, at)
            at = start + size
        elif wire == _FIXED64:
            at += 8
        elif wire == _FIXED32:
            at += 4
        elif wire == 0:
            _, at = _varint(message, at)
        else:
            raise ValueError("a wire type that does not exist")
        if at > end:
            raise ValueError("a field runs past the end")
        yield tag, message[start:at]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("a varint that does not end")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _field(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    head = bytearray((tag,))
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + content
