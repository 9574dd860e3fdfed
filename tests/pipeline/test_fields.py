"""Sealed and pseudonymised values, from the record to whoever holds a reveal key."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import traceo
from traceo import subjects
from traceo.errors import OpenError, TrustError
from traceo.exporters.otlp import encode_traces
from traceo.pipeline.fields import FieldSealer
from traceo.pipeline.scrub import Scrubber
from traceo.records import EventRecord, LogRecord, ResourceRecord, ScopeRecord, SpanRecord
from traceo.redaction import Action, Engine, KeyRule, Policy
from traceo.sealing import PrivateKeys, RecipientSecret
from traceo.sealing.field import is_json
from traceo.sealing.keyring import FieldKeys, RevealKeys
from traceo.sealing.pseudonym import Pseudonyms
from traceo.tracing import SpanLimits, TracerProvider

KEY = bytes(range(32))
RESOURCE, SCOPE = ResourceRecord({"service.name": "shop"}), ScopeRecord("shop")
POLICY = Policy(
    keys=(
        KeyRule("user.email", Action.SEAL),
        KeyRule("user.roles", Action.SEAL),
        KeyRule("user.id", Action.PSEUDONYMISE),
        KeyRule("enduser.id", Action.PSEUDONYMISE),
    ),
    entities=(("PHONE", Action.SEAL),),
    secret=KEY,
)
ENGINE = Engine(POLICY)
token = Pseudonyms(KEY)
ADA, BOB = "user-ada", "user-bob"


@pytest.fixture
def holder():
    return RecipientSecret.generate()


@pytest.fixture
def keys(holder):
    return FieldKeys(lambda: [holder.recipient()])


@pytest.fixture
def scrubber(keys):
    return Scrubber(ENGINE, FieldSealer(POLICY, pseudonyms=token, keys=keys))


@pytest.fixture
def reveal(holder):
    return lambda rows: RevealKeys(PrivateKeys([holder]), rows)


def span(attributes, **more):
    return SpanRecord(resource=RESOURCE, scope=SCOPE, trace_id=1, span_id=2, attributes=attributes, **more)


def log(body, attributes=None):
    return LogRecord(resource=RESOURCE, scope=SCOPE, body=body, attributes=attributes)


def test_a_sealed_value_leaves_a_token_and_a_jwe_that_the_holder_opens(scrubber, keys, reveal):
    clean = scrubber.span(span({"user.email": "Ada@example.com", "http.route": "/pay"})).attributes
    jwe = clean["user.email.sealed"]
    assert clean == {
        "user.email": token("ada@example.com"),
        "user.email.sealed": jwe,
        "http.route": "/pay",
        "traceo.redacted": ("attributes.user.email=key:user.email",),
    }
    assert reveal(keys.drain()).open(jwe, attribute="user.email") == b"Ada@example.com"


def test_a_pseudonymised_value_leaves_a_token_alone(scrubber, keys):
    clean = scrubber.span(span({"user.id": ADA})).attributes
    assert clean["user.id"] == token(ADA)
    assert "user.id.sealed" not in clean
    assert keys.drain() == []


def test_the_same_value_has_the_same_token_in_spans_events_and_lines(scrubber):
    clean = scrubber.span(
        span({"user.id": 7}, events=[EventRecord("e", 1, {"user.id": "7"})]),
    )
    line = scrubber.log(log({"user": {"id": 7}}))
    assert clean.attributes["user.id"] == clean.events[0].attributes["user.id"] == token("7")
    assert line.body["user"]["id"] == token("7")


def test_a_type_that_is_sealed_leaves_its_text_with_a_token_inside(scrubber, keys, reveal):
    clean = scrubber.span(span({"note": "call (415) 555-2671 now"})).attributes
    assert clean["note"] == f"call [PHONE:{token('(415) 555-2671')}] now"
    sealed = clean["note.sealed"]
    assert reveal(keys.drain()).open(sealed, attribute="note") == b"call (415) 555-2671 now"


def test_what_is_no_text_is_sealed_as_json(scrubber, keys, reveal):
    clean = scrubber.span(span({"user.roles": ["admin", 7]})).attributes
    sealed = clean["user.roles.sealed"]
    assert is_json(sealed)
    assert json.loads(reveal(keys.drain()).open(sealed, attribute="user.roles")) == ["admin", 7]


def test_values_inside_maps_are_sealed_under_their_whole_name(scrubber, keys, reveal):
    clean = scrubber.log(log("paid", {"user": {"email": "ada@example.com", "age": 36}})).attributes
    inner = clean["user"]
    assert inner["email"] == token("ada@example.com")
    assert inner["age"] == 36
    assert reveal(keys.drain()).open(inner["email.sealed"], attribute="user.email") == b"ada@example.com"


def test_a_token_that_is_there_already_stays_and_what_only_looks_like_one_does_not(scrubber):
    assert scrubber.span(span({"user.id": token(ADA)})).attributes["user.id"] == token(ADA)
    fake = "pn_ada@example.com"
    assert scrubber.span(span({"user.id": fake})).attributes["user.id"] == token(fake)


def test_the_result_is_valid_otlp(scrubber):
    clean = scrubber.span(span({"user.email": "ada@example.com", "user.roles": ["a"]}))
    request = ExportTraceServiceRequest.FromString(encode_traces([clean]))
    pairs = request.resource_spans[0].scope_spans[0].spans[0].attributes
    assert {pair.key: pair.value.string_value for pair in pairs if pair.key == "user.email"} == {
        "user.email": token("ada@example.com")
    }
    assert "user.roles.sealed" in {pair.key for pair in pairs}


@given(st.text(min_size=1), st.text(min_size=1, max_size=50))
def test_no_value_of_a_sealed_key_leaves(value, who):
    holder = RecipientSecret.generate()
    keys = FieldKeys(lambda: [holder.recipient()])
    scrubber = Scrubber(ENGINE, FieldSealer(POLICY, pseudonyms=token, keys=keys))
    clean = scrubber.span(span({"user.email": value, "enduser.id": who})).attributes
    assert clean["user.email"] == token(value)
    assert clean["enduser.id"] == token(who)
    opened = RevealKeys(PrivateKeys([holder]), keys.drain()).open(
        clean["user.email.sealed"], attribute="user.email"
    )
    assert opened == value.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("keys", [None, FieldKeys(lambda: (_ for _ in ()).throw(TrustError("expired")))])
def test_without_a_reveal_key_the_token_stays_and_the_failure_is_said(keys):
    sealer = FieldSealer(POLICY, pseudonyms=token, keys=keys)
    clean = Scrubber(ENGINE, sealer).span(span({"user.email": "ada@example.com"})).attributes
    assert clean == {
        "user.email": token("ada@example.com"),
        "traceo.redacted": ("attributes.user.email=key:user.email", "attributes.user.email=error:not_sealed"),
    }
    assert sealer.failures == 1
    assert sealer.drain() in ((), [])


def test_a_bug_in_the_sealer_leaves_what_redaction_made():
    def broken(_value):
        raise RuntimeError

    sealer = FieldSealer(POLICY, pseudonyms=broken)
    clean = Scrubber(ENGINE, sealer).span(span({"user.email": "ada@example.com"})).attributes
    assert clean["user.email"] == f"[REDACTED:{token('ada@example.com')}]"
    assert "attributes.*=error:not_sealed" in clean["traceo.redacted"]


def test_without_a_sealer_such_values_are_redacted_and_no_subject_leaves():
    record = log("hi", {"user.email": "ada@example.com", "traceo.subject": ADA})
    clean = Scrubber(ENGINE).log(record).attributes
    assert clean["user.email"] == f"[REDACTED:{token('ada@example.com')}]"
    assert "traceo.subject" not in clean


def test_a_policy_that_seals_nothing_changes_nothing():
    engine = Engine(Policy.default())
    sealer = FieldSealer(Policy.default(), pseudonyms=token)
    record = span({"user.email": "ada@example.com", "n": 1, "map": {"a": 1}})
    assert Scrubber(engine, sealer).span(record).attributes == Scrubber(engine).span(record).attributes


# subjects


def subjects_of(rows):
    return [row.subject for row in rows if row.parent]


def test_the_record_says_whom_it_is_about_by_enduser_id_or_user_id(scrubber, keys):
    for attributes in (
        {"enduser.id": ADA, "user.id": BOB},
        {"user.id": BOB},
        {},
    ):
        scrubber.span(span({**attributes, "user.email": "x@example.com"}))
    assert subjects_of(keys.drain()) == [token(ADA), token(BOB), ""]


@pytest.fixture
def traced():
    """A provider that knows of subjects, and the spans that ended."""
    ended = []
    provider = TracerProvider(
        sink=ended.append, shutdown_on_exit=False, span_limits=SpanLimits(max_span_attribute_length=3)
    )
    subjects.bind(provider)
    yield provider.get_tracer("shop"), ended
    subjects._ended.clear()


def test_spans_that_end_in_a_subject_block_are_about_that_person(traced, scrubber, keys):
    tracer, ended = traced
    with tracer.start_as_current_span("request"):
        with traceo.subject(ADA), tracer.start_as_current_span("pay") as pay:
            pay.set_attribute("user.email", "a@b")
        with traceo.subject(BOB), tracer.start_as_current_span("pay") as pay:
            pay.set_attribute("user.email", "b@c")
            with traceo.subject(7), tracer.start_as_current_span("ship") as ship:
                ship.set_attribute("user.email", "c@d")
    records = [scrubber.span(traceo.tracing.snapshot(span)).attributes or {} for span in ended]
    assert [record.get("traceo.subject") for record in records] == [token(ADA), token("7"), token(BOB), None]
    assert subjects_of(keys.drain()) == [token(ADA), token("7"), token(BOB)]
    assert not subjects._ended


def test_a_token_is_made_after_the_attribute_limits_and_is_never_cut(traced, scrubber, keys, reveal):
    tracer, ended = traced
    with tracer.start_as_current_span("pay") as pay:
        pay.set_attribute("user.email", "ada@example.com")
    clean = scrubber.span(traceo.tracing.snapshot(ended[0])).attributes
    assert clean["user.email"] == token("ada")
    assert len(clean["user.email"]) == 46
    assert reveal(keys.drain()).open(clean["user.email.sealed"], attribute="user.email") == b"ada"


def test_log_lines_in_a_subject_block_are_about_that_person(scrubber, keys):
    lines = []
    put = subjects.tagged(lines.append)
    put(log("before", {"user.email": "x@example.com"}))
    with traceo.subject(ADA):
        put(log("inside", {"user.email": "a@example.com"}))
    cleaned = [scrubber.log(line).attributes for line in lines]
    assert [line.get("traceo.subject") for line in cleaned] == [None, token(ADA)]
    assert subjects_of(keys.drain()) == ["", token(ADA)]


def test_subjects_of_spans_that_never_came_do_not_fill_the_memory(monkeypatch, traced):
    monkeypatch.setattr(subjects, "_KEPT", 3)
    tracer, _ = traced
    with traceo.subject(ADA):
        for _ in range(10):
            tracer.start_span("lost").end()
    assert len(subjects._ended) == 3


def test_erasing_a_person_leaves_others_readable(scrubber, keys, reveal):
    tokens = [
        scrubber.span(span({"enduser.id": who, "user.email": f"{who}@example.com"})).attributes[
            "user.email.sealed"
        ]
        for who in (ADA, BOB)
    ]
    rows = keys.drain()
    before, after = reveal(rows), reveal([row for row in rows if row.subject != token(ADA)])
    assert [before.open(jwe, attribute="user.email") for jwe in tokens] == [
        b"user-ada@example.com",
        b"user-bob@example.com",
    ]
    with pytest.raises(OpenError):
        after.open(tokens[0], attribute="user.email")
    assert after.open(tokens[1], attribute="user.email") == b"user-bob@example.com"
