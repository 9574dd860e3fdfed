import contextlib
import json
import os
import select
import time
from collections.abc import Iterator

import pytest
from opentelemetry import context as otel
from opentelemetry.context import attach, detach, set_value
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from tests.contract.conventions import deprecated_names, known_names
from tests.contract.row import Planted, Row, all_rows
from traceo.instrumentation import Installed, Options, Selection, install
from traceo.instrumentation.guard import failures
from traceo.tracing import TracerProvider, snapshot

ROWS = all_rows()
PLANTED = Planted()
OTHER = Planted(email="grace.canary@cobol.example.org", card="5105105105105100")
KINDS = ("", "internal", "server", "client", "producer", "consumer")

pytestmark = [pytest.mark.parametrize("row", ROWS, ids=str), pytest.mark.xdist_group("contract")]


@contextlib.contextmanager
def hooked(row: Row, provider) -> Iterator[Installed]:
    names = ",".join((row.name, *row.also))
    options = Options(**(row.installs or {}))
    installed = install(Selection.parse(names), tracer_provider=provider, options=options)
    before = failures()
    try:
        assert row.name in installed.names, installed.libraries
        yield installed
        assert failures() == before
    finally:
        installed.uninstall()


def outcome(call, planted: Planted) -> tuple[str, object]:
    """What the application sees: the value, or the error and where it was raised."""
    try:
        return "returned", call(planted)
    except Exception as error:
        innermost = error.__traceback__
        while innermost.tb_next is not None:
            innermost = innermost.tb_next
        code = innermost.tb_frame.f_code
        notes = getattr(error, "__notes__", ())
        return "raised", (type(error), str(error), code.co_filename, code.co_name, tuple(notes))


def ended(capture, row: Row, count: int) -> list[dict]:
    """The spans, once they are all there: a server's may end a moment after the client has its answer."""
    deadline = time.monotonic() + 5
    while len(capture.spans) < count and time.monotonic() < deadline:
        time.sleep(0.005)
    return capture.spans


def titles(spans) -> list[tuple[str, str]]:
    return [(span["kind"], span["name"]) for span in spans]


def test_the_good_call_has_its_spans_with_names_of_the_conventions(row, capture, request):
    with hooked(row, capture.provider), row.open(request) as calls:
        calls.good(PLANTED)
        first = ended(capture, row, len(row.good))
        assert titles(first) == list(row.good)
        calls.good(OTHER)
        both = ended(capture, row, 2 * len(row.good))
    assert titles(both[len(first) :]) == list(row.good), "a span's name depends on a value"
    keys = {key for span in both for key in span.get("attributes", {})} - {"traceo.redacted"}
    assert not keys & deprecated_names()
    templates = tuple(f"{name}." for name in known_names())
    assert not {key for key in keys - known_names() - set(row.more_keys) if not key.startswith(templates)}
    assert not [span["name"] for span in both if span.get("status") == "error"]


def test_the_bad_call_is_told_once(row, capture, request):
    with hooked(row, capture.provider), row.open(request) as calls:
        outcome(calls.bad, PLANTED)
        spans = ended(capture, row, len(row.bad))
    assert titles(spans) == list(row.bad)
    errors = [span["attributes"]["error.type"] for span in spans if span.get("status") == "error"]
    assert tuple(errors) == tuple(row.error)
    for span in spans:
        assert len([event for event in span.get("events", ()) if event["name"] == "exception"]) <= 1


def test_nothing_that_was_planted_leaves(row, capture, request):
    with hooked(row, capture.provider), row.open(request) as calls:
        calls.good(PLANTED)
        ended(capture, row, len(row.good))
        outcome(calls.bad, PLANTED)
        ended(capture, row, len(row.good) + len(row.bad))
    sent = b"".join((*capture.payloads, *capture.memory.payloads("logs")))
    assert sent
    assert not [needle for needle in PLANTED.needles if needle.encode() in sent]


def test_the_application_sees_what_it_would_see_without_us(row, capture, request):
    with row.open(request) as calls:
        expected = [outcome(calls.good, PLANTED), outcome(calls.bad, PLANTED)]
    with hooked(row, capture.provider), row.open(request) as calls:
        assert [outcome(calls.good, PLANTED), outcome(calls.bad, PLANTED)] == expected


@pytest.mark.parametrize("why", ["not sampled", "suppressed"])
def test_nothing_is_recorded_when_nothing_is_wanted(row, request, why):
    spans: list = []
    settings = {"sampler": ALWAYS_OFF} if why == "not sampled" else {}
    provider = TracerProvider(sink=spans.append, shutdown_on_exit=False, **settings)
    with row.open(request) as calls:
        expected = [outcome(calls.good, PLANTED), outcome(calls.bad, PLANTED)]
    with hooked(row, provider), row.open(request) as calls:
        token = None
        if why == "suppressed":
            if row.is_server:
                return  # it runs in its server's context, not in the caller's
            token = attach(set_value(otel._SUPPRESS_INSTRUMENTATION_KEY, value=True))
        try:
            assert [outcome(calls.good, PLANTED), outcome(calls.bad, PLANTED)] == expected
        finally:
            if token is not None:
                detach(token)
    assert titles_of(spans) == []


def test_a_forked_child_has_its_own_spans(row, request):
    if not row.forks:
        assert row.why_not
        return
    spans: list = []
    provider = TracerProvider(sink=spans.append, shutdown_on_exit=False)
    with hooked(row, provider), row.open(request) as calls:
        calls.good(PLANTED)
        deadline = time.monotonic() + 5
        while len(spans) < len(row.good) and time.monotonic() < deadline:
            time.sleep(0.005)
        reader, writer = os.pipe()
        child = os.fork()
        if not child:  # no way back into pytest from here
            with contextlib.suppress(BaseException):
                found = in_child(row, request, spans)
                os.write(writer, json.dumps(found).encode())
            os._exit(0)
        os.close(writer)
        told = read_all(reader, 20)
        os.waitpid(child, 0)
    assert told == [list(title) for title in row.good]


def in_child(row: Row, request, spans: list) -> list[tuple[str, str]]:
    parents = {snapshot(span).trace_id for span in spans}
    spans.clear()
    with row.open(request) as calls:
        calls.good(PLANTED)
        deadline = time.monotonic() + 5
        while len(spans) < len(row.good) and time.monotonic() < deadline:
            time.sleep(0.005)
        assert not parents & {snapshot(span).trace_id for span in spans}
        return titles_of(spans)


def read_all(reader: int, timeout_s: float) -> object:
    """What the child has to say; None when it said nothing in time."""
    said = b""
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], timeout_s)[0]:
            chunk = pipe.read(65536)
            if not chunk:
                break
            said += chunk
    return json.loads(said) if said else None


def titles_of(spans) -> list[tuple[str, str]]:
    records = sorted(map(snapshot, spans), key=lambda span: span.start_ns)
    return [(KINDS[record.kind], record.name) for record in records]


def test_uninstalling_restores_the_very_objects(row, request):
    spans: list = []
    provider = TracerProvider(sink=spans.append, shutdown_on_exit=False)
    with row.open(request):
        before = list(row.objects()) if row.objects else []
    with hooked(row, provider) as installed:
        patches = [patch for site in installed._sites for patch in site._patches]
        if row.objects:
            assert not all(new is old for new, old in zip(row.objects(), before, strict=True))
        else:
            assert patches
    for patch in patches:
        now = vars(patch.owner).get(patch.name)
        assert now is (None if patch.inherited else patch.original)
    if row.objects:
        assert all(new is old for new, old in zip(row.objects(), before, strict=True))
    with row.open(request) as calls:
        calls.good(PLANTED)
    assert titles_of(spans) == []
