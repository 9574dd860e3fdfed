"""What an OTLP/HTTP answer means for the batch (OTLP specification, "OTLP/HTTP response").

Success may carry a *partial success*; 429, 502, 503 and 504 ask for another attempt, `Retry-After` says when;
all else is final. The text of an answer is the peer's: it is cut, cleaned of control characters and never
trusted.
"""

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from traceo.exporters.http import Response
from traceo.exporters.outcome import Outcome

__all__ = ["read_answer", "retry_after_s"]

_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_MAX_WAIT_S: Final = 3600.0
_MAX_TEXT: Final = 200
_PROTOBUF: Final = "application/x-protobuf"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_INT64: Final = 1 << 64


def read_answer(answer: Response) -> Outcome:
    """The outcome of the request that `answer` answers."""
    if 200 <= answer.status < 300:
        rejected, message = _partial_success(answer)
        return Outcome.accepted(rejected=rejected, message=message)
    reason = f"it answered {answer.status}{_details(answer)}"
    if answer.status in _RETRYABLE:
        return Outcome.retry(reason, status=answer.status, after_s=retry_after_s(answer))
    if 300 <= answer.status < 400:
        reason += "; redirects are not followed: set the endpoint to the final address"
    elif answer.status in {401, 403}:
        reason += "; see TRACEO_API_KEY and OTEL_EXPORTER_OTLP_HEADERS"
    return Outcome.refused(reason, status=answer.status)


def retry_after_s(answer: Response) -> float | None:
    """`Retry-After` in seconds from now, from either of its forms (RFC 9110, 10.2.3); None without one."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:10]), _MAX_WAIT_S)
    if not value:
        return None
    try:
        wait_s = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(wait_s, 0.0), _MAX_WAIT_S)


class _Partial(msgspec.Struct, frozen=True, rename="camel"):
    # OTLP/JSON writes 64-bit integers as strings, and readers take both.
    rejected_spans: int | str = 0
    rejected_log_records: int | str = 0
    rejected_data_points: int | str = 0
    error_message: str = ""


class _Success(msgspec.Struct, rename="camel"):
    partial_success: _Partial = _Partial()


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""
    message: str = ""


def _partial_success(answer: Response) -> tuple[int, str]:
    """(rejected items, message), (0, "") when all is well or the body cannot be read."""
    try:
        if _is(answer, "application/json"):
            partial = msgspec.json.decode(answer.body, type=_Success).partial_success
            counts = (partial.rejected_spans, partial.rejected_log_records, partial.rejected_data_points)
            return max(int(count) for count in counts), _clean(partial.error_message)
        for number, value in _fields(answer.body):
            if number == 1 and isinstance(value, bytes):
                return _rejected(value)
    except (msgspec.DecodeError, ValueError):
        pass
    return 0, ""


def _rejected(body: bytes) -> tuple[int, str]:
    count, message = 0, ""
    for number, value in _fields(body):
        if number == 1 and isinstance(value, int):
            # An int64: what is negative makes no sense here.
            count = value if value < _INT64 >> 1 else 0
        elif number == 2 and isinstance(value, bytes):
            message = _clean(value.decode(errors="replace"))
    return count, message


def _details(answer: Response) -> str:
    """The peer's own words: problem+json (RFC 9457), a JSON message, a google.rpc.Status, or plain text."""
    text = ""
    try:
        if "json" in answer.headers.get("content-type", ""):
            problem = msgspec.json.decode(answer.body, type=_Problem)
            text = ": ".join(filter(None, (problem.title, problem.detail))) or problem.message
        elif _is(answer, _PROTOBUF):
            parts = (value for number, value in _fields(answer.body) if number == 2)
            text = b"".join(part for part in parts if isinstance(part, bytes)).decode(errors="replace")
        elif _is(answer, "text/plain"):
            text = answer.body[: 4 * _MAX_TEXT].decode(errors="replace")
    except (msgspec.DecodeError, ValueError):
        pass
    text = _clean(text)
    return f" ({text})" if text else ""


def _is(answer: Response, content_type: str) -> bool:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower() == content_type


def _clean(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * _MAX_TEXT])
    return " ".join(printable.split())[:_MAX_TEXT]


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message as (number, varint or bytes); fixed-width ones are passed over."""
    at = 0
    while at < len(body):
        key, at = _varint(body, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(body, at)
            yield number, value
        elif wire == _BYTES:
            size, at = _varint(body, at)
            if size > len(body) - at:
                raise ValueError("a field runs past the end")
            yield number, body[at : at + size]
            at += size
        elif wire in {_FIXED64, _FIXED32}:
            at += 8 if wire == _FIXED64 else 4
        else:
            raise ValueError("a wire type that does not exist")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(body):
            break
        byte = body[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value % _INT64, at
    raise ValueError("a varint that does not end")
