"""A tree of spans with durations on stderr, for a developer who has no collector yet.

::

    ── 14:03:07.512  POST /checkout  shop  48.1 ms ────────────
    └─ POST /checkout                      48.1 ms  200
       ├─ charge                           31.0 ms
       │  ╰ ERROR CardError: card [CREDIT_CARD] declined
       └─ INSERT orders                     2.2 ms
       · INFO order placed for [EMAIL]

Fed with records that have been through redaction, in the pipeline thread. A trace is shown when its root
has ended, or when it has waited a while; everything is bounded.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from traceo.records import Attributes, LogRecord, SpanRecord

__all__ = ["Console"]

_MOST_TRACES = 200
_MOST_LINES = 60
_WIDTH = 100
_WAIT_S = 5.0
_NAME_CHARS = 60

_DIM, _RED, _BOLD, _PLAIN = "\033[2m", "\033[31m", "\033[1m", "\033[0m"


class _Trace:
    __slots__ = ("logs", "since", "spans")

    def __init__(self, since: float) -> None:
        self.since = since
        self.spans: list[SpanRecord] = []
        self.logs: list[LogRecord] = []


class Console:
    """Prints traces.

    Args:
        always: also while a collector takes them; otherwise only while none has ever answered.
        stream: where to; stderr as it is at that moment when not given.
        clock: seconds, monotonic.
    """

    def __init__(
        self, *, always: bool, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._always = always
        self._stream = stream
        self._clock = clock
        self._traces: dict[int, _Trace] = {}
        self._has_explained = False

    def watch(self, spans: Sequence[SpanRecord], logs: Sequence[LogRecord], reason: str) -> None:
        """Take scrubbed records; ``reason`` says why no collector has them, and is empty if one does."""
        if not self._always and not reason:
            self._traces.clear()
            return
        now = self._clock()
        for span in spans:
            self._trace(span.trace_id, now).spans.append(span)
        for log in logs:
            if log.trace_id:  # a line outside of any trace is in the application's own log
                self._trace(log.trace_id, now).logs.append(log)
        for trace_id, trace in list(self._traces.items()):
            if now - trace.since >= _WAIT_S or any(_is_root(span) for span in trace.spans):
                del self._traces[trace_id]
                if trace.spans:
                    self._show(trace)

    def _trace(self, trace_id: int, now: float) -> _Trace:
        trace = self._traces.get(trace_id)
        if trace is None:
            if len(self._traces) >= _MOST_TRACES:  # the oldest makes room
                del self._traces[next(iter(self._traces))]
            trace = self._traces[trace_id] = _Trace(now)
        return trace

    def _show(self, trace: _Trace) -> None:
        stream = self._stream or sys.stderr
        color = stream.isatty()
        lines = list(_lines(trace, color=color))
        if len(lines) > _MOST_LINES:
            lines[_MOST_LINES:] = [f"   … {len(lines) - _MOST_LINES} more lines"]
        stream.write("\n".join([*lines, ""]))
        stream.flush()


def _lines(trace: _Trace, *, color: bool) -> Iterator[str]:
    spans = sorted(trace.spans, key=lambda span: span.start_ns)
    known = {span.span_id for span in spans}
    children: dict[int, list[SpanRecord]] = {}
    tops: list[SpanRecord] = []
    for span in spans:
        if span.parent_span_id in known:
            children.setdefault(span.parent_span_id, []).append(span)
        else:
            tops.append(span)
    logs: dict[int, list[LogRecord]] = {}
    for log in sorted(trace.logs, key=lambda log: log.time_ns):
        logs.setdefault(log.span_id, []).append(log)
    first = tops[0] if tops else spans[0]
    yield _heading(first, color=color)
    # An explicit stack: a trace may be deeper than Python recurses.
    stack = [(span, "", index == len(tops) - 1) for index, span in reversed(list(enumerate(tops)))]
    while stack:
        span, indent, is_last = stack.pop()
        yield _line(span, f"{indent}{'└─' if is_last else '├─'} ", color=color)
        below = indent + ("   " if is_last else "│  ")
        for note in _notes(span, logs.get(span.span_id, ())):
            yield f"{below}{_paint(note, _RED if note.startswith('✗') else _DIM, on=color)}"
        under = children.pop(span.span_id, [])
        stack += [
            (child, below, index == len(under) - 1) for index, child in reversed(list(enumerate(under)))
        ]


def _heading(span: SpanRecord, *, color: bool) -> str:
    moment = time.strftime("%H:%M:%S", time.localtime(span.start_ns / 1e9))
    service = span.resource.attributes.get("service.name", "")
    return _paint(f"── {moment} {service} {span.trace_id:032x}", _DIM, on=color)


def _line(span: SpanRecord, prefix: str, *, color: bool) -> str:
    name = _short(span.name, _NAME_CHARS)
    took = _duration(span.end_ns - span.start_ns)
    fill = " " * max(1, _WIDTH - 30 - len(prefix) - len(name))
    text = f"{name}{fill}{took:>9}"
    code = _attribute(span.attributes, "http.response.status_code")
    mark = " ✗" if span.status_code == 2 else ""
    text = _paint(text, _RED if mark else _BOLD if not span.parent_span_id else "", on=color)
    return f"{_paint(prefix, _DIM, on=color)}{text}{f'  {code}' if code else ''}{mark}"


def _notes(span: SpanRecord, logs: Sequence[LogRecord]) -> Iterator[str]:
    for event in span.events:
        if event.name == "exception":
            kind = _attribute(event.attributes, "exception.type")
            yield f"✗ {kind}: {_short(_attribute(event.attributes, 'exception.message'), _WIDTH)}"
    for log in logs:
        kind = _attribute(log.attributes, "exception.type")
        why = f" ({kind}: {_attribute(log.attributes, 'exception.message')})" if kind else ""
        yield f"· {log.severity_text} {_short(f'{log.body}{why}', _WIDTH)}"


def _attribute(attributes: Attributes | None, key: str) -> str:
    value = (attributes or {}).get(key)
    return "" if value is None else str(value)


def _is_root(span: SpanRecord) -> bool:
    # A server's or a consumer's span is the root of what this process did.
    return not span.parent_span_id or span.kind in {2, 5}


def _duration(ns: int) -> str:
    """For people.

    >>> _duration(1_234_567), _duration(61_000_000_000)
    ('1.23 ms', '61.0 s')
    """
    for unit, size in (("µs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)):
        amount = ns / size
        if amount < 1000 or unit == "s":
            return f"{amount:.3g} {unit}" if amount < 10 else f"{amount:.1f} {unit}"
    return ""


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    # Terminal control sequences in a value stay text.
    line = "".join(char if char.isprintable() else "�" for char in line)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _paint(text: str, style: str, *, on: bool) -> str:
    return f"{style}{text}{_PLAIN}" if on and style else text
