import json
import urllib.parse

import pytest

SHOP, PAY = 0xA1, 0xA2


@pytest.fixture(scope="module", params=["tail", "segments"])
def filled(request, tmp_path_factory, launch, make):
    """The same traces in the hot tail of one collector and in the segments of another."""
    settings = {"roll_rows": 1} if request.param == "segments" else {}
    running = launch(tmp_path_factory.mktemp(request.param) / "data", **settings)
    fill(running, make)
    if request.param == "segments":
        running.wait_for(lambda: running.get("/api/traceo/status").json["wal_bytes"] == 0)
        assert running.get("/api/traceo/status").json["segments"] >= 2
    yield running
    running.end()


def fill(collector, make):
    checkout = make.traces(
        make.span(
            trace=SHOP,
            span=1,
            name="POST /checkout",
            at_ms=1000,
            took_ms=120,
            attributes={
                "http.response.status_code": 201,
                "url.path": "/checkout",
                "traceo.redacted": ["attributes.url.query=EMAIL", "name=key:password"],
                "retry": True,
                "ratio": 0.5,
                "nan": float("nan"),
                "big": 2**60,
                "small": -(2**53),
                "raw": b"\x00\xff",
                "list": ["a", 1, {"k": "v"}],
                'odd "key"/~ü': "ja",
            },
            events=[("exception", {"exception.type": "ValueError"})],
            links=[(PAY, 9)],
        ),
        make.span(trace=SHOP, span=2, parent=1, name="POST", kind=3, at_ms=1010, took_ms=80),
        resource={"host.name": "shop-1", "traceo.redacted": ["resource.attributes.host.ip=IP"]},
    )
    charge = make.traces(
        make.span(
            trace=SHOP,
            span=3,
            parent=2,
            name="POST /charge",
            at_ms=1020,
            took_ms=60,
            status=2,
            message="declined",
        ),
        service="payments",
        resource={"host.name": "pay-1"},
    )
    orphan = make.traces(
        make.span(trace=PAY, span=8, parent=7, name="late", at_ms=2030, took_ms=5),
        make.span(trace=PAY, span=9, parent=7, name="early", at_ms=2010, took_ms=900, status=1),
        service="payments",
    )
    for request in (checkout, charge, orphan, checkout):  # the first is sent twice
        assert collector.post("/v1/traces", request.SerializeToString()).status == 200
    logs = make.logs(
        "order placed", {"n": 1}, trace=SHOP, span=1, attributes={"traceo.redacted": ["body=EMAIL"]}
    )
    assert collector.post("/v1/logs", logs.SerializeToString()).status == 200
    assert (
        collector.post("/v1/logs", make.logs("no trace", trace=0, span=0).SerializeToString()).status == 200
    )
    for number in range(45):
        request = make.traces(
            make.span(trace=0x100 + number, name="GET /tick", at_ms=-number, took_ms=number), service="ticker"
        )
        assert collector.post("/v1/traces", request.SerializeToString()).status == 200


def search(collector, **parameters):
    answer = collector.get("/api/traceo/traces?" + urllib.parse.urlencode(parameters, doseq=True))
    assert answer.status == 200, answer.body
    return answer.json


def found(collector, **parameters):
    return [int(trace["trace_id"], 16) for trace in search(collector, **parameters)["traces"]]


def test_a_summary_has_the_root_and_counts_each_span_once(filled, make):
    first, second = search(filled, limit=2)["traces"]
    assert first == {
        "trace_id": make.trace_id(PAY),
        "root_name": "early",
        "root_service": "payments",
        "start_unix_nano": str(make.NOW_NS + 2_010_000_000),
        "duration_ns": 900_000_000,
        "spans": 2,
        "errors": 0,
        "services": ["payments"],
        "redactions": 0,
    }
    assert second == {
        "trace_id": make.trace_id(SHOP),
        "root_name": "POST /checkout",
        "root_service": "shop",
        "start_unix_nano": str(make.NOW_NS + 1_000_000_000),
        "duration_ns": 120_000_000,
        "spans": 3,
        "errors": 1,
        "services": ["payments", "shop"],
        "redactions": 4,
    }


def test_a_trace_has_its_spans_in_order_with_types_kept_and_its_logs(filled, make):
    trace = filled.get(f"/api/traceo/traces/{make.trace_id(SHOP)}").json
    assert (trace["trace_id"], trace["start_unix_nano"], trace["duration_ns"]) == (
        make.trace_id(SHOP),
        str(make.NOW_NS + 1_000_000_000),
        120_000_000,
    )
    root, call, charge = trace["spans"]
    assert root == {
        "span_id": f"{1:016x}",
        "parent_span_id": None,
        "name": "POST /checkout",
        "service": "shop",
        "kind": "server",
        "start_unix_nano": str(make.NOW_NS + 1_000_000_000),
        "duration_ns": 120_000_000,
        "status": {"code": "unset", "message": ""},
        "scope": {"name": "shop.http", "version": "2.1"},
        "resource": {"service.name": "shop", "host.name": "shop-1"},
        "attributes": {
            "http.response.status_code": 201,
            "url.path": "/checkout",
            "retry": True,
            "ratio": 0.5,
            "nan": "NaN",
            "big": str(2**60),
            "small": -(2**53),
            "raw": "AP8=",
            "list": ["a", 1, {"k": "v"}],
            'odd "key"/~ü': "ja",
        },
        "events": [
            {
                "name": "exception",
                "time_unix_nano": str(make.NOW_NS + 1_000_000_000),
                "attributes": {"exception.type": "ValueError"},
            }
        ],
        "links": [{"trace_id": make.trace_id(PAY), "span_id": f"{9:016x}", "attributes": {}}],
        "redacted": [
            {"path": "resource.attributes.host.ip", "rule": "IP"},
            {"path": "attributes.url.query", "rule": "EMAIL"},
            {"path": "name", "rule": "key:password"},
        ],
    }
    assert (call["kind"], call["parent_span_id"]) == ("client", f"{1:016x}")
    assert (charge["service"], charge["status"]) == ("payments", {"code": "error", "message": "declined"})
    assert trace["logs"] == [
        {
            "time_unix_nano": str(make.NOW_NS + number),
            "severity_number": 9,
            "severity_text": "INFO",
            "body": body,
            "attributes": {},
            "span_id": f"{1:016x}",
            "service": "shop",
            "redacted": [{"path": "body", "rule": "EMAIL"}],
            "event_name": "",
        }
        for number, body in enumerate(["order placed", {"n": 1}])
    ]


def test_a_short_or_upper_case_id_names_the_same_trace(filled, make):
    whole = filled.get(f"/api/traceo/traces/{make.trace_id(SHOP)}").json
    assert filled.get("/api/traceo/traces/A1").json == whole


def test_an_unknown_trace_is_404_and_a_wrong_id_400(filled):
    assert filled.get("/api/traceo/traces/abcdef").status == 404
    assert filled.get("/api/traceo/traces/xyz").status == 400


TICKS = list(range(0x100, 0x100 + 45))
FILTERS = {
    "service": ({"service": "payments"}, [PAY, SHOP]),
    "another service": ({"service": "shop"}, [SHOP]),
    "a service nobody has": ({"service": "shopp"}, []),
    "operation": ({"operation": "POST /charge"}, [SHOP]),
    "service and operation on one span": ({"service": "shop", "operation": "POST /charge"}, []),
    "start": ({"start": "1790000001015000000"}, [PAY, SHOP]),
    "start, RFC 3339": ({"start": "2026-09-21T14:13:22Z"}, [PAY]),
    "start with an offset": ({"start": "2026-09-21T16:13:22.010+02:00"}, [PAY]),
    "end": ({"start": "1790000000000000000", "end": "1790000001000000000"}, [SHOP, TICKS[0]]),
    "min duration of a span": ({"min_duration_ms": "100"}, [PAY, SHOP]),
    "min and max duration": ({"min_duration_ms": "43", "max_duration_ms": "44"}, TICKS[43:45]),
    "fractions of a millisecond": ({"max_duration_ms": "0.5"}, [TICKS[0]]),
    "status error": ({"status": "error"}, [SHOP]),
    "status ok": ({"status": "ok"}, [PAY]),
    "a text attribute": ({"attribute": "url.path:/checkout"}, [SHOP]),
    "an int attribute": ({"attribute": "http.response.status_code:201"}, [SHOP]),
    "a part of an int does not match": ({"attribute": "http.response.status_code:20"}, []),
    "a bool attribute": ({"attribute": "retry:true"}, [SHOP]),
    "a float attribute": ({"attribute": "ratio:0.5"}, [SHOP]),
    "a big int": ({"attribute": f"big:{2**60}"}, [SHOP]),
    "an odd key": ({"attribute": 'odd "key"/~ü:ja'}, [SHOP]),
    "a nested key does not match": ({"attribute": "k:v"}, []),
    "a resource attribute": ({"attribute": "host.name:pay-1"}, [SHOP]),
    "two attributes on one span": ({"attribute": ["host.name:shop-1", "retry:true"]}, [SHOP]),
    "two attributes on two spans": ({"attribute": ["host.name:pay-1", "retry:true"]}, []),
    "an attribute nobody has": ({"attribute": "url.path:/'; DROP TABLE spans"}, []),
    "all at once": (
        {
            "service": "payments",
            "operation": "POST /charge",
            "status": "error",
            "min_duration_ms": 60,
            "attribute": "host.name:pay-1",
        },
        [SHOP],
    ),
}


@pytest.mark.parametrize("case", FILTERS)
def test_searches_by(filled, case):
    parameters, expected = FILTERS[case]
    assert found(filled, **parameters) == expected


def test_pages_show_each_trace_once_newest_first(filled):
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = search(filled, limit=10, **({"cursor": cursor} if cursor else {}))
        seen += [int(trace["trace_id"], 16) for trace in page["traces"]]
        cursor, pages = page["next"], pages + 1
    assert seen == [PAY, SHOP, *TICKS]
    assert pages == 5


def test_pages_of_a_filtered_search_keep_the_filter(filled):
    first = search(filled, service="ticker", limit=44)
    last = search(filled, service="ticker", limit=44, cursor=first["next"])
    assert (len(first["traces"]), [int(t["trace_id"], 16) for t in last["traces"]], last["next"]) == (
        44,
        [TICKS[44]],
        None,
    )


def test_twenty_is_a_page_when_nothing_is_said(filled):
    assert len(search(filled)["traces"]) == 20


WRONG = {
    "limit=0": "limit",
    "limit=1001": "limit",
    "limit=x": "limit",
    "start=yesterday": "start",
    "start=2026-01-01T00:00:00": "start",
    "start=2&end=1": "start",
    "min_duration_ms=-1": "min_duration_ms",
    "max_duration_ms=nan": "max_duration_ms",
    "status=bad": "status",
    "attribute=nocolon": "attribute",
    "attribute=:v": "attribute",
    "cursor=1": "cursor",
    "service=a&service=b": "service",
    "sevice=a": "did you mean service?",
}


@pytest.mark.parametrize("query", WRONG)
def test_a_wrong_parameter_is_named_with_the_fix(filled, query):
    answer = filled.get(f"/api/traceo/traces?{query}")
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json["type"] == "urn:traceo:problem:parameter"
    assert WRONG[query] in answer.json["detail"]


def test_services_and_operations_are_counted(filled, make):
    services = {service["name"]: service for service in filled.get("/api/traceo/services").json["services"]}
    assert sorted(services) == ["payments", "shop", "ticker"]
    assert services["payments"] == {
        "name": "payments",
        "spans": 3,
        "errors": 1,
        "last_seen_unix_nano": str(make.NOW_NS + 2_030_000_000),
    }
    assert filled.get("/api/traceo/operations?service=payments").json == {
        "operations": [
            {"name": "POST /charge", "kind": "server", "spans": 1},
            {"name": "early", "kind": "server", "spans": 1},
            {"name": "late", "kind": "server", "spans": 1},
        ]
    }
    assert filled.get("/api/traceo/operations?service=nobody").json == {"operations": []}
    assert filled.get("/api/traceo/operations").status == 400


def test_status_counts_rows_and_batches(filled):
    status = filled.get("/api/traceo/status").json
    assert (status["spans"], status["logs"], status["batches"], status["duplicates"]) == (52, 3, 51, 0)


def test_the_api_describes_itself_without_anything_from_elsewhere(filled):
    document = filled.get("/api/openapi.json").json
    assert sorted(document["paths"]) == [
        "/api/traceo/keys",
        "/api/traceo/metrics",
        "/api/traceo/metrics/{name}",
        "/api/traceo/operations",
        "/api/traceo/services",
        "/api/traceo/status",
        "/api/traceo/traces",
        "/api/traceo/traces/{trace_id}",
    ]
    named = [p["name"] for p in document["paths"]["/api/traceo/traces"]["get"]["parameters"]]
    assert {"service", "attribute", "cursor"} <= set(named)
    page = filled.get("/api/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    text = page.body.decode()
    assert "min_duration_ms" in text
    assert "Traces that have one span for which all filters hold, newest first." in text
    assert "http://" not in text
    assert "https://" not in text
    assert "<script" not in text
    assert filled.get("/api/docs.css").headers["content-type"] == "text/css; charset=utf-8"


def test_errors_of_the_api_are_problems(filled):
    for method, path, status in (("GET", "/api/traceo/nothing", 404), ("POST", "/api/traceo/traces", 405)):
        answer = filled.request(method, path)
        assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json["status"] == status
    assert "GET" in filled.request("DELETE", "/api/traceo/status").headers["allow"]


def test_metrics_are_in_prometheus_text_format(filled):
    answer = filled.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "\ntraceo_collector_spans 52\n" in answer.body.decode()


def test_answers_are_not_kept_by_caches(filled):
    assert filled.get("/api/traceo/services").headers["cache-control"] == "no-store"


def test_the_log_is_one_json_object_a_line(filled):
    for line in filled.errors.read_text().splitlines():
        assert {"time", "level", "event"} <= set(json.loads(line))
