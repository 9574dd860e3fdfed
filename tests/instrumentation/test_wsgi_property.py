"""Whatever an application and its server do in turn: one span, ended once, and the same bytes as without us."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import context as otel

from tests.instrumentation.server_side import environ, ignore
from traceo.instrumentation.guard import failures
from traceo.instrumentation.hooks import Site
from traceo.instrumentation.options import Options
from traceo.instrumentation.wsgi import observed
from traceo.tracing import TracerProvider, snapshot


class BrokenError(Exception):
    pass


class Closing:
    """A body with a ``close``, which may fail."""

    def __init__(self, parts, *, fails: bool) -> None:
        self.parts = parts
        self.fails = fails
        self.closed = 0

    def __iter__(self):
        return self.parts

    def close(self) -> None:
        self.closed += 1
        if self.fails:
            raise BrokenError("close")


class Sized(Closing):
    def __len__(self) -> int:
        return 2


def build(kind: str, parts: list[bytes], breaks_at: str, starts: str, *, closes_badly: bool) -> Any:
    """An application; where it fails and when it starts its response are drawn."""

    def app(self, environ, start_response):
        def stream():
            if starts == "late":
                start_response("201 Created", [("X", "1")])
            for number, part in enumerate(parts):
                if breaks_at == str(number):
                    raise BrokenError(breaks_at)
                yield part

        if starts == "early":
            start_response("201 Created", [("X", "1")])
        if breaks_at == "call":
            raise BrokenError("call")
        if kind in {"list", "tuple"}:
            return parts if kind == "list" else tuple(parts)
        if kind == "generator":
            return stream()
        return (Sized if kind == "sized" else Closing)(stream(), fails=closes_badly)

    return app


def serve(app, takes: int, closes: int) -> list[object]:
    """What a server, or middleware, sees that takes some parts and closes some times; each step alone."""
    seen: list[object] = []

    def step(do):
        try:
            seen.append(do())
        except (BrokenError, StopIteration) as error:
            seen.append((type(error), str(error)))
        assert otel.get_current() == {}

    step(lambda: app(None, environ(), ignore))
    if not seen or (isinstance(seen[0], tuple) and seen[0] and isinstance(seen[0][0], type)):
        return seen
    body: Any = seen.pop()
    seen.append(len(body) if hasattr(body, "__len__") else None)
    iterator = iter(body)
    for _ in range(takes):
        step(lambda: next(iterator))
    for _ in range(closes if hasattr(body, "close") else 0):
        step(body.close)
    return [*seen, getattr(body, "closed", None)]


@given(
    kind=st.sampled_from(["list", "tuple", "generator", "closing", "sized"]),
    parts=st.lists(st.sampled_from([b"", b"a", b"bc"]), max_size=3),
    breaks_at=st.sampled_from(["never", "call", "0", "1", "2"]),
    starts=st.sampled_from(["early", "late", "never"]),
    closes_badly=st.booleans(),
    is_whole=st.booleans(),
    takes=st.integers(0, 5),
    closes=st.integers(0, 2),
)
def test_one_span_ended_once_and_nothing_else_changes(
    kind, parts, breaks_at, starts, closes_badly, is_whole, takes, closes
):
    app = build(kind, parts, breaks_at, starts, closes_badly=closes_badly)
    expected = serve(app, takes, closes)
    ended: list[Any] = []
    provider = TracerProvider(sink=ended.append, shutdown_on_exit=False)
    site = Site("wsgi", provider.get_tracer("test"), Options())
    before = failures()
    assert serve(observed(site, app, lambda body: is_whole), takes, closes) == expected
    assert failures() == before

    is_over = breaks_at == "call" or kind in {"list", "tuple"} or is_whole or closes > 0 or takes > len(parts)
    broke = breaks_at.isdecimal() and int(breaks_at) < min(takes, len(parts))
    assert len(ended) == int(is_over or broke)
    for span in map(snapshot, ended):
        assert span.status_code in {0, 2}
        assert len(span.events) <= 1
        assert span.end_ns >= span.start_ns
