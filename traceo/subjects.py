"""Whom telemetry is about: `subject`, and how the pipeline learns of it.

The person's id never leaves in clear: what does leave is its pseudonym. It is kept beside a span, not on it:
attribute limits could cut it or push it out, and values would be sealed under somebody else's key.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any

from traceo.records import LogRecord
from traceo.semconv import TRACEO_SUBJECT

__all__ = ["bind", "subject", "subject_of", "tagged"]

_KEPT = 65_536  # more spans than a queue can hold; what is older was dropped, not scrubbed

_current: ContextVar[str] = ContextVar("traceo_subject", default="")
_ended: OrderedDict[tuple[int, int], str] = OrderedDict()
_listen: Callable[[], None] | None = None


class subject:  # noqa: N801  reads as a function in the application
    """Say whom the spans that end, and the log lines that are written, inside this block are about.

    Values that the policy seals are sealed under that person's own key, so that erasing the person makes them
    unreadable. Without a subject, ``enduser.id`` or ``user.id`` of the record names the person.

    >>> with subject("user-1"):
    ...     pass
    """

    __slots__ = ("_id", "_token")

    def __init__(self, id: str | int, /) -> None:  # noqa: A002  what it is
        self._id = str(id)
        self._token: Token[str] | None = None

    def __enter__(self) -> None:
        global _listen
        if _listen is not None:
            # The first use in this process: until then a span pays nothing for it.
            listen, _listen = _listen, None
            listen()
        self._token = _current.set(self._id)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _current.reset(self._token)


def bind(provider: Any) -> None:
    """Let spans of `provider` be about subjects, from the first `subject` block on."""
    global _listen
    _listen = lambda: provider.add_span_processor(_Ear())  # noqa: E731  one line with its reason above


def tagged(sink: Callable[[LogRecord], object]) -> Callable[[LogRecord], object]:
    """`sink`, with the subject put on each log record."""

    def put(record: LogRecord) -> object:
        who = _current.get()
        if who:
            record.attributes = {**(record.attributes or {}), TRACEO_SUBJECT: who}
        return sink(record)

    return put


def subject_of(trace_id: int, span_id: int) -> str:
    """The subject that a span ended with, once; "" for none. Pipeline thread."""
    return _ended.pop((trace_id, span_id), "") if _ended else ""


class _Ear:
    """An OpenTelemetry span processor: it notes the subject as a span ends, before the span is queued."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Nothing: what a span is about may be known only later."""

    def on_end(self, span: Any) -> None:
        """Note it."""
        who = _current.get()
        if not who:
            return
        context = span.get_span_context()
        if not context.trace_flags & 1:
            return
        _ended[context.trace_id, context.span_id] = who
        if len(_ended) > _KEPT:
            _ended.popitem(last=False)

    def shutdown(self) -> None:
        """Nothing to do."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002  the SDK's signature
        """Nothing waits here."""
        return True
