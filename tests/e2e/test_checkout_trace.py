"""One checkout: a request through three services and a queue, seen through the collector's API as one trace."""

import contextlib
import json
import re
import time
from random import Random

import pytest

from traceo.cli.demo.evidence import Api
from traceo.cli.demo.journeys import Browser, Journey
from traceo.cli.demo.ledger import Ledger
from traceo.cli.demo.persons import Persons
from traceo.cli.demo.processes import Processes, free_port
from traceo.cli.demo.services import Services

PAYS_BY_CARD = 3  # a seed
SHOP_STATEMENTS = [
    ("SELECT", "customers"),
    ("SELECT", "cart_items"),
    ("SELECT", "products"),
    ("SELECT", "orders"),
    ("UPDATE", "products"),
    ("INSERT", "orders"),
    ("DELETE", "cart_items"),
]


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    """A checkout paid by card, as the API gives it after both services have ended."""
    folder = tmp_path_factory.mktemp("checkout")
    port = free_port()
    with Processes(folder) as processes:
        words = ("--port", str(port), "--data", str(folder / "data"))
        collector = processes.start("collector", "-m", "traceo", "collector", *words)
        collector.wait_until_ready(f"http://127.0.0.1:{port}/readyz")
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
        services = Services(processes, folder / "services", environ=environ)
        browser = Browser(services.shop_port, lambda: None)
        persons = Persons(1)
        Journey(browser, Ledger(), persons.make(1, Random(5)), Random(PAYS_BY_CARD)).run()
        browser.close()
        with contextlib.closing(Api(port)) as api:
            wait_for_the_mailer(api)
            services.begin()
            services.stop()
            return json.loads(api.get(f"traces/{api.a_checkout()}"))


def wait_for_the_mailer(api):
    deadline = time.monotonic() + 30
    while b"mailer" not in api.get("services"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def spans_of(trace, service, kind):
    return [span for span in trace["spans"] if span["service"] == service and span["kind"] == kind]


def named(trace, service, name):
    [found] = [span for span in trace["spans"] if (span["service"], span["name"]) == (service, name)]
    return found


def test_the_request_to_the_shop_is_the_root(trace):
    [root] = [span for span in trace["spans"] if span["parent_span_id"] is None]
    assert (root["service"], root["kind"], root["name"]) == ("shop", "server", "POST /checkout")
    assert {key: root["attributes"][key] for key in ("http.request.method", "http.route", "url.path")} == {
        "http.request.method": "POST",
        "http.route": "/checkout",
        "url.path": "/checkout",
    }
    assert root["attributes"]["http.response.status_code"] == 201
    assert root["attributes"]["client.address"] == "[IP]"
    assert root["status"]["code"] == "unset"


def test_the_call_to_the_payment_service_continues_in_it(trace):
    [root] = spans_of(trace, "shop", "server")
    [call] = [span for span in spans_of(trace, "shop", "client") if "url.full" in span["attributes"]]
    served = named(trace, "payments", "POST /charges")
    assert call["parent_span_id"] == root["span_id"]
    assert served["parent_span_id"] == call["span_id"]
    assert (call["name"], served["name"]) == ("POST", "POST /charges")
    attributes = call["attributes"]
    assert attributes["url.full"] == f"http://127.0.0.1:{attributes['server.port']}/charges"
    assert (attributes["http.request.method"], attributes["http.response.status_code"]) == ("POST", 201)
    assert served["attributes"]["payment.card"] == "[CREDIT_CARD]"
    assert {"path": "attributes.payment.card", "rule": "CREDIT_CARD"} in served["redacted"]


def test_the_mailer_continues_in_it_through_the_queue(trace):
    [root] = spans_of(trace, "shop", "server")
    sent, task = named(trace, "shop", "send mailer.confirm"), named(trace, "mailer", "process mailer.confirm")
    assert (sent["kind"], sent["parent_span_id"]) == ("producer", root["span_id"])
    assert (task["kind"], task["parent_span_id"]) == ("consumer", sent["span_id"])
    [call] = [span for span in spans_of(trace, "mailer", "client") if "url.full" in span["attributes"]]
    served = named(trace, "payments", "GET /receipts/{receipt}")
    assert (call["name"], call["parent_span_id"], served["parent_span_id"]) == (
        "GET",
        task["span_id"],
        call["span_id"],
    )
    assert call["attributes"]["url.full"].partition("?")[2] == "email=[EMAIL]"


def test_every_statement_is_a_child_of_its_request(trace):
    [root] = spans_of(trace, "shop", "server")
    served = named(trace, "payments", "POST /charges")
    statements = [span for span in trace["spans"] if span["attributes"].get("db.system.name") == "sqlite"]
    seen = {"shop": [], "payments": []}
    for span in statements:
        attributes = span["attributes"]
        parent = root if span["service"] == "shop" else served
        assert (span["kind"], span["parent_span_id"]) == ("client", parent["span_id"])
        what = attributes["db.operation.name"], attributes["db.collection.name"]
        assert span["name"] == " ".join(what)
        if what not in seen[span["service"]]:
            seen[span["service"]].append(what)
    assert seen == {"shop": SHOP_STATEMENTS, "payments": [("INSERT", "charges")]}


def test_literals_are_gone_from_statements_and_no_parameter_is_there(trace):
    texts = {span["attributes"].get("db.query.text") for span in trace["spans"]}
    assert "SELECT count(*) FROM orders WHERE contact = ?" in texts
    assert "INSERT INTO charges (source, holder, amount_cents) VALUES (?, ?, ?)" in texts
    assert not [key for span in trace["spans"] for key in span["attributes"] if "parameter" in key]


def test_no_attribute_has_a_name_from_before_the_conventions_were_stable(trace):
    old = {
        "http.method",
        "http.status_code",
        "http.url",
        "http.target",
        "net.peer.name",
        "db.system",
        "db.statement",
    }
    assert old.isdisjoint(key for span in trace["spans"] for key in span["attributes"])


def test_the_log_lines_belong_to_the_spans_that_wrote_them(trace):
    [root] = spans_of(trace, "shop", "server")
    served = named(trace, "payments", "POST /charges")
    lines = [(log["service"], log["span_id"], str(log["body"]).split(" {")[0]) for log in trace["logs"]]
    # httpx logs each of its calls, celery each of its tasks.
    own = [line for line in lines if not line[2].startswith(("HTTP Request", "Task "))]
    receipt = named(trace, "payments", "GET /receipts/{receipt}")
    task = named(trace, "mailer", "process mailer.confirm")
    assert [line[:2] for line in own] == [
        ("shop", root["span_id"]),
        ("payments", served["span_id"]),
        ("shop", root["span_id"]),
        ("payments", receipt["span_id"]),
        ("mailer", task["span_id"]),
    ]
    assert [line[2] for line in own[:3]] == ["checkout", "charging", "order placed"]
    assert re.fullmatch(r"receipt [0-9a-f]{12} sent to \[EMAIL\]", own[3][2])
    assert own[4][2] == "order 1 confirmed to [EMAIL]"
    assert trace["logs"][0]["severity_text"] == "INFO"
    [charging] = [log for log in trace["logs"] if log["body"] == "charging"]
    assert charging["attributes"]["card_number"] == "[CREDIT_CARD]"


def test_parents_begin_before_and_end_after_their_children_in_one_process(trace):
    spans = {span["span_id"]: span for span in trace["spans"]}
    for span in spans.values():
        if (parent := spans.get(span["parent_span_id"])) is None:
            continue
        start, begin = int(span["start_unix_nano"]), int(parent["start_unix_nano"])
        assert begin <= start
        # A server's span ends after its answer was sent: its client may have it by then.
        if span["service"] == parent["service"]:
            assert start + span["duration_ns"] <= begin + parent["duration_ns"]
