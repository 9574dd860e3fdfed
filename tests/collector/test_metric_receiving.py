import contextlib
import gzip
import json
import os
import signal
import sqlite3

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from traceo.collector.store.points import read_points
from traceo.collector.store.tables import POINTS
from traceo.sealing import CONTENT_TYPE, BatchHeader, PublishedKeys, seal_batch
from traceo.semconv import TRACEO_CARRIER

JSON = "application/json"
NOW = 1_790_000_000_000_000_000
S = 1_000_000_000


def number(value, at_s=0, **more):
    return {"asDouble": value, "timeUnixNano": NOW + at_s * S, **more}


def every_kind(make):
    exemplar = {
        "timeUnixNano": NOW - 1,
        "asDouble": 0.7,
        "traceId": "q83vEjRWeJCrze8SNFZ4kA==",
        "spanId": "q83vEjRWeJA=",
        "filteredAttributes": {"cart": 7},
    }
    span = {"startTimeUnixNano": NOW - 60 * S, "timeUnixNano": NOW}
    return make.metrics(
        {"name": "temperature", "unit": "Cel", "gauge": {"dataPoints": [number(21.5)]}},
        {
            "name": "orders",
            "unit": "{order}",
            "description": "Orders taken",
            "sum": {
                "aggregationTemporality": 1,
                "isMonotonic": True,
                "dataPoints": [{"asInt": 3, **span, "attributes": {"b": 1, "a": "x"}}],
            },
        },
        {
            "name": "duration",
            "unit": "s",
            "histogram": {
                "aggregationTemporality": 2,
                "dataPoints": [
                    {
                        **span,
                        "count": 3,
                        "sum": 1.5,
                        "min": 0.1,
                        "max": 0.9,
                        "bucketCounts": [1, 2],
                        "explicitBounds": [0.5],
                        "exemplars": [exemplar],
                    }
                ],
            },
        },
        {
            "name": "size",
            "unit": "By",
            "exponentialHistogram": {
                "aggregationTemporality": 1,
                "dataPoints": [
                    {
                        **span,
                        "count": 6,
                        "sum": 12,
                        "scale": 1,
                        "zeroCount": 1,
                        "zeroThreshold": 0.001,
                        "positive": {"offset": 2, "bucketCounts": [1, 3]},
                        "negative": {"offset": -1, "bucketCounts": [1]},
                    }
                ],
            },
        },
        {
            "name": "old",
            "summary": {
                "dataPoints": [
                    {**span, "count": 9, "sum": 4.5, "quantileValues": [{"quantile": 0.5, "value": 0.4}]}
                ]
            },
        },
        resource={"process.pid": 7, "traceo.dropped.full": 2},
    )


def rows_of(request):
    points = read_points(request)
    assert not points.rejected
    return [dict(zip(POINTS.names, row, strict=True)) for row in points.rows]


def test_every_kind_of_point_becomes_a_row(make):
    gauge, total, histogram, exponential, summary = rows_of(every_kind(make))
    common = {"service": "shop", "scope_name": "shop.meter", "scope_version": "1"}
    assert {key: gauge[key] for key in common} == common
    assert gauge["resource_json"] == '{"process.pid":7,"service.name":"shop"}'
    assert (gauge["name"], gauge["kind"], gauge["unit"], gauge["value"]) == ("temperature", 1, "Cel", 21.5)
    assert (gauge["temporality"], gauge["monotonic"], gauge["count"]) == (0, 0, None)
    assert (total["kind"], total["temporality"], total["monotonic"], total["value"]) == (2, 1, 1, 3.0)
    assert (total["description"], total["attributes_json"]) == ("Orders taken", '{"a":"x","b":1}')
    assert (total["start_ns"], total["time_ns"]) == (NOW - 60 * S, NOW)
    assert [histogram[name] for name in ("count", "total", "lowest", "highest", "bounds", "counts")] == [
        3, 1.5, 0.1, 0.9, [0.5], [1, 2],
    ]  # fmt: skip
    assert json.loads(histogram["exemplars_json"]) == [
        {
            "time_unix_nano": str(NOW - 1),
            "value": 0.7,
            "trace_id": "abcdef1234567890abcdef1234567890",
            "span_id": "abcdef1234567890",
            "attributes": {"cart": 7},
        }
    ]
    assert [exponential[name] for name in POINTS.names[POINTS.names.index("counts") :]] == [
        [1, 3], None, 1, 1, 0.001, 2, -1, [1],
    ]  # fmt: skip
    assert [summary[name] for name in ("kind", "count", "total", "bounds", "quantile_values")] == [
        5, 9, 4.5, [0.5], [0.4],
    ]  # fmt: skip


def test_a_stream_is_known_by_all_that_identifies_it_and_by_nothing_else(make):
    def stream(name="m", *, kind="gauge", attributes=None, resource=None, **more):
        metric = {
            "name": name,
            "unit": more.pop("unit", "1"),
            kind: {"dataPoints": [number(1, attributes=attributes or {"a": 1, "b": 2})], **more},
        }
        return rows_of(make.metrics(metric, resource=resource))[0]["stream"]

    same = stream()
    assert stream(attributes={"b": 2, "a": 1}) == same
    assert stream(attributes={"a": 1, "b": 2, "traceo.redacted": ["attributes.a=EMAIL"]}) == same
    assert stream(resource={"traceo.dropped.full": 9}) == same
    others = {
        stream("n"),
        stream(unit="s"),
        stream(attributes={"a": 1}),
        stream(attributes={"a": 1, "b": "2"}),
        stream(resource={"process.pid": 8}),
        stream(resource={"service.instance.id": "x"}),
        stream(kind="sum", aggregationTemporality=1),
        stream(kind="sum", aggregationTemporality=2),
        stream(kind="sum", aggregationTemporality=2, isMonotonic=True),
    }
    assert len(others | {same}) == 10


UNUSABLE = {
    "without a value": {"gauge": {"dataPoints": [{"timeUnixNano": 5}]}},
    "without a time": {"gauge": {"dataPoints": [{"asInt": 5}]}},
    "with a value that is not finite": {"gauge": {"dataPoints": [{"asDouble": "NaN", "timeUnixNano": 5}]}},
    "without temporality": {"sum": {"dataPoints": [{"asInt": 1, "timeUnixNano": 5}]}},
    "with a count that is not the sum of its buckets": {
        "histogram": {
            "aggregationTemporality": 1,
            "dataPoints": [
                {"timeUnixNano": 5, "count": 4, "bucketCounts": [1, 2], "explicitBounds": [1]},
                {"timeUnixNano": 5, "count": 4, "explicitBounds": [1]},
            ],
        }
    },
    "with buckets that do not fit their bounds": {
        "histogram": {
            "aggregationTemporality": 1,
            "dataPoints": [
                {"timeUnixNano": 5, "count": 3, "bucketCounts": [1, 2], "explicitBounds": [1, 2]},
                {"timeUnixNano": 5, "count": 3, "bucketCounts": [1, 1, 1], "explicitBounds": [2, 1]},
                {"timeUnixNano": 5, "count": 3, "bucketCounts": [1, 1, 1], "explicitBounds": [2, "NaN"]},
            ],
        }
    },
    "with a scale that is out of range": {
        "exponentialHistogram": {
            "aggregationTemporality": 1,
            "dataPoints": [{"timeUnixNano": 5, "scale": 65, "count": 0}],
        }
    },
    "with quantiles that are not from 0 to 1": {
        "summary": {
            "dataPoints": [{"timeUnixNano": 5, "count": 3, "quantileValues": [{"quantile": 50, "value": 1}]}]
        }
    },
}


@pytest.mark.parametrize("reason", UNUSABLE)
def test_points_that_cannot_be_used_are_rejected_with_a_reason_and_the_others_stored(collector, make, reason):
    data = UNUSABLE[reason]
    bad = len(next(iter(data.values()))["dataPoints"])
    good = {"name": "good", "gauge": {"dataPoints": [number(1)]}}
    before = collector.get("/api/traceo/status").json
    answer = collector.post("/v1/metrics", make.metrics(good, {"name": "bad", **data}).SerializeToString())
    partial = ExportMetricsServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_data_points) == (200, bad)
    assert partial.error_message == f"data points that are not stored: {bad} {reason}"
    after = collector.get("/api/traceo/status").json
    assert after["rejected_points"] == before["rejected_points"] + bad
    assert after["metric_points"] == before["metric_points"] + 1
    assert (
        f"traceo_collector_metric_points {after['metric_points']}\n"
        in collector.get("/metrics").body.decode()
    )


def test_metrics_are_taken_as_protobuf_json_and_compressed(collector, make):
    plain = make.metrics({"name": "in protobuf", "gauge": {"dataPoints": [number(1)]}}).SerializeToString()
    answer = collector.post("/v1/metrics", plain)
    assert (answer.status, answer.body) == (200, b"")
    assert collector.post("/v1/metrics", gzip.compress(plain), content_encoding="gzip").status == 200
    tree = json_format.MessageToDict(every_kind(make))
    points = tree["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][2]["histogram"]["dataPoints"]
    points[0]["exemplars"][0] |= {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"}
    answer = collector.post("/v1/metrics", json.dumps(tree).encode(), JSON)
    assert (answer.status, answer.json) == (200, {})
    found = collector.get(
        f"/api/traceo/metrics/duration?start={NOW - 60 * S}&end={NOW + S}&aggregation=count"
    ).json
    assert [(one["trace_id"], one["span_id"]) for one in found["exemplars"]] == [
        ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    ]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"\xff\xff not protobuf", "application/x-protobuf", 400),
        (b"[]", JSON, 400),
        (b'{"resourceMetrics": 1}', JSON, 400),
        (
            (
                b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"dataPoints":[{"exemplars":'
                b'[{"traceId":"xyz"}]}]}}]}]}]}'
            ),
            JSON,
            400,
        ),
        (b"a 1", "text/plain; version=0.0.4", 415),
    ],
)
def test_a_broken_payload_is_refused_with_a_problem(collector, body, content_type, status):
    answer = collector.post("/v1/metrics", body, content_type)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json["status"] == status
    assert b"xyz" not in answer.body


def sealed(collector, request, *, batch_id=None):
    document = collector.get("/api/traceo/keys").body
    header = BatchHeader(
        content_type="application/x-protobuf",
        content_encoding="",
        batch_id=batch_id or os.urandom(16),
        tenant="",
        signal="metrics",
        timestamp_ns=1,
    )
    recipient = PublishedKeys.verify(document, pin=None).recipient()
    return seal_batch(request.SerializeToString(), recipients=[recipient], header=header)


def stored(collector):
    return collector.get("/api/traceo/status").json["metric_points"]


def test_a_sealed_batch_counts_once_however_often_it_comes_also_after_a_kill(start, make):
    collector = start()
    body = sealed(collector, every_kind(make), batch_id=b"0123456789abcdef")
    for _ in range(2):
        answer = collector.post("/v1/metrics", body, CONTENT_TYPE)
        assert (answer.status, answer.body) == (200, b"")
    assert (stored(collector), collector.get("/api/traceo/status").json["duplicates"]) == (5, 1)
    written = b"".join(path.read_bytes() for path in (collector.data / "wal").iterdir())
    assert body in written
    assert b"temperature" not in written
    collector.restart(signal.SIGKILL)
    assert stored(collector) == 5
    assert collector.post("/v1/metrics", body, CONTENT_TYPE).status == 200
    assert stored(collector) == 5


def test_a_sealed_batch_of_metrics_is_taken_out_of_its_carrier(start, make):
    collector = start()
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    scope.scope.name = TRACEO_CARRIER
    scope.log_records.add().body.bytes_value = sealed(collector, every_kind(make))
    answer = collector.post("/v1/logs", request.SerializeToString())
    assert (answer.status, answer.body) == (200, b"")
    assert collector.stored() == (0, 0)
    assert stored(collector) == 5


def test_a_batch_without_a_sealed_batch_for_metrics_goes_nowhere_else(collector, make):
    answer = collector.post("/v1/traces", sealed(collector, every_kind(make)), CONTENT_TYPE)
    assert (answer.status, answer.json["type"]) == (400, "urn:traceo:problem:sealed-header-mismatch")


@pytest.mark.parametrize("roll_rows", [20, 100_000])
def test_kill_9_loses_no_point_that_was_answered_and_doubles_none(start, make, roll_rows):
    collector = start(roll_rows=roll_rows)
    for _ in range(3):
        for _ in range(4):
            assert collector.post("/v1/metrics", every_kind(make).SerializeToString()).status == 200
        collector.restart(signal.SIGKILL)
    assert stored(collector) == 60
    assert {metric["name"] for metric in collector.get("/api/traceo/metrics").json["metrics"]} == {
        "temperature",
        "orders",
        "duration",
        "size",
        "old",
    }


def test_what_senders_of_metrics_dropped_is_counted(start, make):
    collector = start()
    collector.post("/v1/metrics", every_kind(make).SerializeToString())
    assert collector.get("/api/traceo/status").json["dropped_by_senders"] == {"full": 2}


VERSION_1 = """
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), applied INTEGER NOT NULL);
INSERT INTO state SELECT id, applied FROM old.state;
CREATE TABLE segments (
    path TEXT PRIMARY KEY, signal INTEGER NOT NULL, rows INTEGER NOT NULL, size INTEGER NOT NULL,
    min_ns INTEGER NOT NULL, max_ns INTEGER NOT NULL, traces BLOB NOT NULL
) WITHOUT ROWID;
INSERT INTO segments SELECT * FROM old.segments;
CREATE TABLE operations (
    path TEXT NOT NULL, service TEXT NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL,
    spans INTEGER NOT NULL, errors INTEGER NOT NULL, last_ns INTEGER NOT NULL,
    PRIMARY KEY (path, service, name, kind)
) WITHOUT ROWID;
INSERT INTO operations SELECT * FROM old.operations;
CREATE TABLE batches (id BLOB PRIMARY KEY, received_ns INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO batches SELECT * FROM old.batches;
CREATE INDEX batches_by_arrival ON batches (received_ns);
PRAGMA user_version = 1;
"""


def test_a_folder_of_the_version_before_metrics_opens_and_has_everything(start, make):
    collector = start(roll_rows=1)
    collector.post("/v1/traces", make.traces(make.span(trace=1, name="GET /old")).SerializeToString())
    collector.post("/v1/logs", make.logs("an old line").SerializeToString())
    collector.wait_for(lambda: collector.get("/api/traceo/status").json["segments"] == 2)
    before = collector.get("/api/traceo/traces/1").json
    services = collector.get("/api/traceo/services").json
    collector.end()
    catalog = collector.data / "catalog.sqlite"
    old = catalog.rename(collector.data / "old.sqlite")
    with contextlib.closing(sqlite3.connect(catalog)) as connection:
        connection.execute("ATTACH ? AS old", (str(old),))
        connection.executescript(VERSION_1)
    old.unlink()
    collector.start()
    assert collector.get("/api/traceo/traces/1").json == before
    assert collector.get("/api/traceo/services").json == services
    assert collector.get("/api/traceo/metrics").json == {"metrics": []}
    collector.post("/v1/metrics", every_kind(make).SerializeToString())
    collector.wait_for(lambda: collector.get("/api/traceo/status").json["segments"] == 3)
    collector.restart()
    assert len(collector.get("/api/traceo/metrics").json["metrics"]) == 5
    assert collector.stored() == (1, 1)
