import gzip
import json
import os

import pytest
from backports import zstd
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from traceo.sealing import CONTENT_TYPE, BatchHeader, KeySet, PublishedKeys, RecipientSecret, seal_batch

JSON = "application/json"
PROTOBUF = "application/x-protobuf"


def sealed(
    collector, body, *, signal="traces", batch_id=None, encoding="", content_type=PROTOBUF, recipient=None
):
    if recipient is None:
        document = collector.get("/api/traceo/keys").body
        recipient = PublishedKeys.verify(document, pin=None).recipient()
    header = BatchHeader(
        content_type=content_type,
        content_encoding=encoding,
        batch_id=batch_id or os.urandom(16),
        tenant="",
        signal=signal,
        timestamp_ns=1,
    )
    return seal_batch(body, recipients=[recipient], header=header)


def names(collector, trace):
    answer = collector.get(f"/api/traceo/traces/{trace:x}")
    assert answer.status == 200, answer.body
    return [span["name"] for span in answer.json["spans"]]


def test_a_protobuf_request_is_answered_in_protobuf_and_visible_at_once(collector, make):
    body = make.traces(make.span(trace=0x101, name="plain")).SerializeToString()
    answer = collector.post("/v1/traces", body)
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, PROTOBUF, b"")
    assert answer.headers["accept-encoding"] == "zstd, gzip"
    assert names(collector, 0x101) == ["plain"]


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstd.compress), ("identity", bytes)]
)
def test_a_compressed_request_is_read(collector, make, encoding, compress):
    trace = 0x110 + len(encoding) + ord(encoding[0])
    body = compress(make.traces(make.span(trace=trace, name=encoding)).SerializeToString())
    assert collector.post("/v1/traces", body, content_encoding=encoding).status == 200
    assert names(collector, trace) == [encoding]


def test_several_gzip_members_and_zstd_frames_are_one_body(collector, make):
    body = make.traces(make.span(trace=0x120, name="halves")).SerializeToString()
    for encoding, compress in (("gzip", gzip.compress), ("zstd", zstd.compress)):
        halves = compress(body[:20]) + compress(body[20:])
        assert collector.post("/v1/traces", halves, content_encoding=encoding).status == 200


def test_a_json_request_with_hex_ids_and_unknown_fields_is_answered_in_json(collector):
    request = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "json-shop"}}]},
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": "5B8EFFF798038103D269B633813FC60C",
                                "spanId": "EEE19B7EC3C1B174",
                                "parentSpanId": "EEE19B7EC3C1B173",
                                "name": "I'm a server span",
                                "startTimeUnixNano": "1544712660000000000",
                                "endTimeUnixNano": 1544712661000000000,
                                "kind": 2,
                                "attributes": [{"key": "n", "value": {"intValue": "9"}}],
                                "links": [
                                    {
                                        "traceId": "5b8efff798038103d269b633813fc60c",
                                        "spanId": "eee19b7ec3c1b175",
                                    }
                                ],
                                "someFutureField": {"x": [1]},
                            }
                        ]
                    }
                ],
            }
        ]
    }
    answer = collector.post("/v1/traces", json.dumps(request).encode(), JSON + "; charset=utf-8")
    assert (answer.status, answer.headers["content-type"], answer.json) == (200, JSON, {})
    (span,) = collector.get("/api/traceo/traces/5b8efff798038103d269b633813fc60c").json["spans"]
    assert span == {
        "span_id": "eee19b7ec3c1b174",
        "parent_span_id": "eee19b7ec3c1b173",
        "name": "I'm a server span",
        "service": "json-shop",
        "kind": "server",
        "start_unix_nano": "1544712660000000000",
        "duration_ns": 1_000_000_000,
        "status": {"code": "unset", "message": ""},
        "scope": {"name": "", "version": ""},
        "resource": {"service.name": "json-shop"},
        "attributes": {"n": 9},
        "events": [],
        "links": [
            {"trace_id": "5b8efff798038103d269b633813fc60c", "span_id": "eee19b7ec3c1b175", "attributes": {}}
        ],
        "redacted": [],
    }


def test_logs_are_taken_as_protobuf_and_json(collector, make):
    request = make.logs("one", trace=0x130)
    collector.post("/v1/traces", make.traces(make.span(trace=0x130)).SerializeToString())
    answer = collector.post("/v1/logs", request.SerializeToString())
    assert ExportLogsServiceResponse.FromString(answer.body) == ExportLogsServiceResponse()
    text = {
        "resourceLogs": [
            {"scopeLogs": [{"logRecords": [{"traceId": f"{0x130:032x}", "body": {"stringValue": "two"}}]}]}
        ]
    }
    assert collector.post("/v1/logs", json.dumps(text).encode(), JSON).json == {}
    logs = collector.get(f"/api/traceo/traces/{0x130:x}").json["logs"]
    assert sorted(log["body"] for log in logs) == ["one", "two"]


def test_a_sealed_batch_is_opened_and_answered_in_protobuf(collector, make):
    plain = make.traces(make.span(trace=0x140, name="sealed")).SerializeToString()
    for encoding, compress in (("", bytes), ("gzip", gzip.compress), ("zstd", zstd.compress)):
        answer = collector.post(
            "/v1/traces", sealed(collector, compress(plain), encoding=encoding), CONTENT_TYPE
        )
        assert (answer.status, answer.headers["content-type"], answer.body) == (200, PROTOBUF, b"")
    assert names(collector, 0x140) == ["sealed"]


def test_a_sealed_batch_stays_sealed_in_the_log(start, make):
    collector = start()
    body = sealed(collector, make.traces(make.span(name="not to be read")).SerializeToString())
    assert collector.post("/v1/traces", body, CONTENT_TYPE).status == 200
    written = b"".join(path.read_bytes() for path in (collector.data / "wal").iterdir())
    assert body in written
    assert b"not to be read" not in written


def test_spans_without_valid_ids_are_rejected_and_the_others_stored(collector, make):
    request = make.traces(
        make.span(trace=0x150, name="good"), make.span(trace=0x150, span=2), make.span(trace=0x150)
    )
    spans = request.resource_spans[0].scope_spans[0].spans
    spans[1].span_id = bytes(8)
    spans[2].trace_id = b"short"
    response = ExportTraceServiceResponse.FromString(
        collector.post("/v1/traces", request.SerializeToString()).body
    )
    assert response.partial_success.rejected_spans == 2
    assert names(collector, 0x150) == ["good"]


GOOD = b""  # an empty message is a valid request
REFUSED = {
    "an unknown path": ("POST", "/v1/profiles", GOOD, {"content_type": PROTOBUF}, 404, "unknown-path"),
    "another method": ("GET", "/v1/traces", None, {}, 405, "method"),
    "a delete": ("DELETE", "/v1/logs", None, {}, 405, "method"),
    "no content type": ("POST", "/v1/traces", GOOD, {}, 415, "content-type"),
    "a wrong content type": ("POST", "/v1/traces", GOOD, {"content_type": "text/plain"}, 415, "content-type"),
    "another cose type": (
        "POST",
        "/v1/traces",
        GOOD,
        {"content_type": 'application/cose; cose-type="cose-mac"'},
        415,
        "content-type",
    ),
    "an unknown encoding": (
        "POST",
        "/v1/traces",
        GOOD,
        {"content_type": PROTOBUF, "content_encoding": "br"},
        415,
        "content-encoding",
    ),
    "broken protobuf": ("POST", "/v1/traces", b"\xff\xff\xff", {"content_type": PROTOBUF}, 400, "malformed"),
    "a name that is not UTF-8": (
        "POST",
        "/v1/logs",
        b"\x0a\x07\x12\x05\x0a\x03\x0a\x01\xff",
        {"content_type": PROTOBUF},
        400,
        "malformed",
    ),
    "broken JSON": ("POST", "/v1/traces", b'{"resourceSpans": [', {"content_type": JSON}, 400, "malformed"),
    "JSON of another shape": (
        "POST",
        "/v1/traces",
        b'{"resourceSpans": 7}',
        {"content_type": JSON},
        400,
        "malformed",
    ),
    "a JSON array": ("POST", "/v1/logs", b"[]", {"content_type": JSON}, 400, "malformed"),
    "deep JSON": ("POST", "/v1/logs", b"[" * 100_000, {"content_type": JSON}, 400, "malformed"),
    "an id that is not hexadecimal": (
        "POST",
        "/v1/traces",
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}',
        {"content_type": JSON},
        400,
        "malformed",
    ),
    "broken gzip": (
        "POST",
        "/v1/traces",
        b"not gzip",
        {"content_type": PROTOBUF, "content_encoding": "gzip"},
        400,
        "malformed",
    ),
    "gzip cut short": (
        "POST",
        "/v1/traces",
        gzip.compress(b"x" * 1000)[:-9],
        {"content_type": PROTOBUF, "content_encoding": "gzip"},
        400,
        "malformed",
    ),
    "broken zstd": (
        "POST",
        "/v1/traces",
        b"not zstd",
        {"content_type": PROTOBUF, "content_encoding": "zstd"},
        400,
        "malformed",
    ),
    "a sealed batch that is none": (
        "POST",
        "/v1/traces",
        b"\x00" * 300,
        {"content_type": CONTENT_TYPE},
        400,
        "sealed-batch-unopenable",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(collector, case):
    method, path, body, headers, status, reason = REFUSED[case]
    before = collector.stored(), collector.get("/api/traceo/status").json["rejected"]
    answer = collector.request(method, path, body, **headers)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert (answer.status, problem["status"], problem["type"]) == (
        status,
        status,
        f"urn:traceo:problem:{reason}",
    )
    assert problem["title"]
    assert problem["detail"]
    if status == 405:
        assert answer.headers["allow"] == "POST"
    after = collector.stored(), collector.get("/api/traceo/status").json["rejected"]
    assert after == (before[0], before[1] + 1)


def test_a_batch_sealed_to_somebody_else_is_refused(collector, make):
    stranger = RecipientSecret.generate().recipient()
    body = sealed(collector, make.traces(make.span()).SerializeToString(), recipient=stranger)
    answer = collector.post("/v1/traces", body, CONTENT_TYPE)
    assert (answer.status, answer.json["type"]) == (400, "urn:traceo:problem:sealed-batch-unopenable")


def test_a_sealed_batch_with_one_bit_changed_is_refused(collector, make):
    body = bytearray(sealed(collector, make.traces(make.span()).SerializeToString()))
    body[-40] ^= 1
    assert collector.post("/v1/traces", bytes(body), CONTENT_TYPE).status == 400


def test_a_sealed_batch_for_another_signal_or_of_unknown_content_is_refused(collector, make):
    plain = make.traces(make.span()).SerializeToString()
    for body in (
        sealed(collector, plain, signal="logs"),
        sealed(collector, plain, encoding="br"),
        sealed(collector, plain, content_type="text/plain"),
    ):
        answer = collector.post("/v1/traces", body, CONTENT_TYPE)
        assert (answer.status, answer.json["type"]) == (400, "urn:traceo:problem:sealed-header-mismatch")
    answer = collector.post("/v1/traces", sealed(collector, b"\xff\xff\xff"), CONTENT_TYPE)
    assert (answer.status, answer.json["type"]) == (400, "urn:traceo:problem:malformed")


def test_a_problem_never_repeats_what_was_sent(collector):
    body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"ada@example.com"}]}]}]}'
    answer = collector.post("/v1/traces", body, JSON)
    assert answer.status == 400
    assert b"ada" not in answer.body


def test_a_body_over_the_limit_is_refused_before_it_is_read(start):
    collector = start(body_bytes=1000, message_bytes=4000)
    head = (
        f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: 1001\r\n\r\n"
    ).encode()
    assert collector.raw(head).startswith(b"HTTP/1.1 413 ")
    chunk = b"400\r\n" + b"x" * 0x400 + b"\r\n0\r\n\r\n"
    chunked = head.replace(b"Content-Length: 1001", b"Transfer-Encoding: chunked") + chunk
    assert collector.raw(chunked).startswith(b"HTTP/1.1 413 ")
    for encoding, compress in (("gzip", gzip.compress), ("zstd", zstd.compress)):
        bomb = compress(bytes(100_000))
        answer = collector.post("/v1/traces", bomb, content_encoding=encoding)
        assert (answer.status, answer.json["type"]) == (413, "urn:traceo:problem:too-large")
    assert collector.stored() == (0, 0)
    assert collector.get("/healthz").body == b"ok\n"


def test_a_sender_that_hangs_up_in_the_middle_leaves_nothing(collector):
    before = collector.stored()
    head = (
        f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: 100\r\n\r\nabc"
    )
    collector.raw(head.encode())
    assert collector.stored() == before


def test_bytes_that_are_no_http_do_not_stop_it(collector):
    assert b"400" in collector.raw(b"\x00\xff\x13garbage\r\n\r\n")
    assert collector.get("/healthz").status == 200
    assert "uvicorn.error: Invalid HTTP request received." in [entry.get("reason") for entry in collector.log]


def test_the_keys_are_a_signed_set_that_verifies(collector):
    document = collector.get("/api/traceo/keys").body
    fingerprint = KeySet.load(collector.data / "keys").fingerprint
    assert PublishedKeys.verify(document, pin=fingerprint).fingerprint == fingerprint
    assert (collector.data / "keys").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (collector.data / "keys").iterdir()} == {0o600}
