from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from traceo.exporters.answers import read_answer, retry_after_s
from traceo.exporters.http import Response
from traceo.exporters.outcome import Outcome

PROTOBUF = {"content-type": "application/x-protobuf"}


def outcome(status, body=b"", **headers):
    return read_answer(
        Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)
    )


def test_an_empty_success_is_accepted():
    assert outcome(200) == Outcome.accepted()
    assert outcome(202, b"anything") == Outcome.accepted()


def test_a_partial_success_tells_how_many_and_why():
    traces = ExportTraceServiceResponse()
    traces.partial_success.rejected_spans = 2**40
    traces.partial_success.error_message = "too\nold"
    logs = ExportLogsServiceResponse()
    logs.partial_success.error_message = "a warning"
    assert read_answer(Response(200, PROTOBUF, traces.SerializeToString())) == Outcome.accepted(
        rejected=2**40, message="too old"
    )
    assert read_answer(Response(200, PROTOBUF, logs.SerializeToString())) == Outcome.accepted(
        message="a warning"
    )
    json = b'{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"no"}}'
    assert outcome(200, json, content_type="application/json; charset=utf-8") == Outcome.accepted(
        rejected=3, message="no"
    )


def test_a_negative_rejection_counts_nothing():
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = -1
    assert outcome(200, answer.SerializeToString()) == Outcome.accepted()


@given(
    st.binary(max_size=60),
    st.sampled_from([200, 400, 503]),
    st.sampled_from(["", "application/json", "application/x-protobuf", "text/plain"]),
)
def test_any_body_has_an_outcome(body, status, content_type):
    assert outcome(status, body, content_type=content_type).kind in {"accepted", "refused", "retry"}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_the_specification_calls_retryable_is_tried_again(status):
    assert outcome(status, retry_after="12") == Outcome.retry(
        f"it answered {status}", status=status, after_s=12.0
    )


@pytest.mark.parametrize("status", [400, 404, 408, 411, 413, 415, 422, 500, 501, 505])
def test_everything_else_is_refused_with_its_status(status):
    assert outcome(status) == Outcome.refused(f"it answered {status}", status=status)


def test_a_refusal_says_what_to_do_where_we_know():
    assert "TRACEO_API_KEY" in outcome(401).reason
    assert "redirects are not followed" in outcome(307, location="http://secret.test/?q=1").reason
    assert "secret" not in outcome(307, location="http://secret.test/?q=1").reason


@pytest.mark.parametrize(
    ("content_type", "body", "words"),
    [
        (
            "application/problem+json",
            b'{"title":"Too large","detail":"at most 4 MiB"}',
            "Too large: at most 4 MiB",
        ),
        ("application/problem+json", b'{"title":"Too large"}', "Too large"),
        ("application/json", b'{"code":3,"message":"bad"}', "bad"),
        ("application/x-protobuf", Status(code=3, message="bad\x1b[31m").SerializeToString(), "bad [31m"),
        ("text/plain; charset=utf-8", b"  no \n such  tenant ", "no such tenant"),
    ],
)
def test_the_peers_own_words_are_in_the_reason(content_type, body, words):
    assert outcome(400, body, content_type=content_type).reason == f"it answered 400 ({words})"


@pytest.mark.parametrize("content_type", ["text/html", "application/problem+json"])
def test_pages_and_broken_problems_are_left_out(content_type):
    assert outcome(400, b"<html>", content_type=content_type).reason == "it answered 400"


def test_a_long_text_is_cut():
    assert len(outcome(400, b"x" * 10_000, content_type="text/plain").reason) < 250


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("", None),
        ("0", 0.0),
        ("120", 120.0),
        ("999999999999999999", 3600.0),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
    ],
)
def test_retry_after_in_seconds(value, wait_s):
    assert retry_after_s(Response(503, {"retry-after": value}, b"")) == wait_s


def test_retry_after_as_a_date():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 80 < retry_after_s(Response(503, {"retry-after": soon}, b"")) <= 90
    assert retry_after_s(Response(503, {"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, b"")) == 0.0
    assert retry_after_s(Response(503, {"retry-after": "Sun, 99 Nov 9999"}, b"")) is None
