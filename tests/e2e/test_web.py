"""The page in a real browser, in front of a real collector that got a real batch."""

import re
import time

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from playwright.sync_api import expect

from traceo.collector.web import DIST

DEADLINE_S = 30.0
MS = 1_000_000
CHECKOUT = bytes.fromhex("4bf92f3577b34da6a3ce929d0e0e4736")
ROOT, QUERY, CHARGE = (bytes.fromhex(digit * 16) for digit in "abc")


def value(given):
    if isinstance(given, list):
        return AnyValue(array_value=ArrayValue(values=[value(item) for item in given]))
    return AnyValue(int_value=given) if isinstance(given, int) else AnyValue(string_value=given)


def attributes(**given):
    return [KeyValue(key=key.replace("__", "."), value=value(item)) for key, item in given.items()]


def span(span_id, name, *, start_ms, duration_ms, parent=b"", kind=Span.SPAN_KIND_INTERNAL, **more):
    start = time.time_ns() // MS * MS - 60_000 * MS + start_ms * MS
    return Span(
        trace_id=more.pop("trace_id", CHECKOUT),
        span_id=span_id,
        parent_span_id=parent,
        name=name,
        kind=kind,
        start_time_unix_nano=start,
        end_time_unix_nano=start + duration_ms * MS,
        **more,
    )


def shop_and_payments():
    """A checkout over two services that fails in the second one, and a trace of another kind."""
    request = ExportTraceServiceRequest()
    shop = request.resource_spans.add()
    shop.resource.attributes.extend(attributes(service__name="shop"))
    shop.scope_spans.add().spans.extend(
        [
            span(
                ROOT,
                "POST /checkout/{cart_id}",
                start_ms=0,
                duration_ms=200,
                kind=Span.SPAN_KIND_SERVER,
                attributes=attributes(
                    http__route="/checkout/{cart_id}",
                    http__request__header__cookie="[COOKIE]",
                    url__full="http://shop.test/checkout/7?mail=[EMAIL]&page=1",
                    note="an application may write [EMAIL] itself",
                    traceo__redacted=[
                        "attributes.url.full=EMAIL",
                        "attributes.http.request.header.cookie=key:cookie",
                    ],
                ),
            ),
            span(QUERY, "SELECT carts", start_ms=10, duration_ms=20, parent=ROOT, kind=Span.SPAN_KIND_CLIENT),
            span(b"\x01" * 8, "GET /products", start_ms=500, duration_ms=7, trace_id=b"\x01" * 16),
        ]
    )
    payments = request.resource_spans.add()
    payments.resource.attributes.extend(attributes(service__name="payments"))
    payments.scope_spans.add().spans.append(
        span(
            CHARGE,
            "POST /charges",
            start_ms=50,
            duration_ms=120,
            parent=ROOT,
            kind=Span.SPAN_KIND_SERVER,
            status=Status(code=Status.STATUS_CODE_ERROR, message="card [CREDIT_CARD] was declined"),
            attributes=attributes(payment__method="card", traceo__redacted=["status.message=CREDIT_CARD"]),
        )
    )
    return request


def log_lines():
    request = ExportLogsServiceRequest()
    payments = request.resource_logs.add()
    payments.resource.attributes.extend(attributes(service__name="payments"))
    payments.scope_logs.add().log_records.append(
        LogRecord(
            time_unix_nano=time.time_ns() - 59_900 * MS,
            severity_number=17,
            severity_text="ERROR",
            body=value("no charge for [EMAIL]"),
            trace_id=CHECKOUT,
            span_id=CHARGE,
            attributes=attributes(traceo__redacted=["body=EMAIL"]),
        )
    )
    return request


@pytest.fixture(scope="module")
def origin(tmp_path_factory, running_collector, send):
    assert (DIST / "index.html").is_file(), (
        "build the page first: npm ci && npm run build in traceo/collector/web"
    )
    with running_collector(tmp_path_factory.mktemp("web")) as address:
        send(address, "/v1/traces", shop_and_payments())
        send(address, "/v1/logs", log_lines())
        yield address


def rows(page):
    return page.locator("table.traces tbody tr")


def test_a_trace_is_found_by_filters_and_its_chip_names_the_rule(page, origin):
    page.goto(origin)
    expect(rows(page)).to_have_count(2)
    expect(rows(page).nth(0)).to_contain_text("GET /products")

    page.get_by_label("Service").select_option("payments")
    expect(rows(page)).to_have_count(1)
    page.get_by_text("Errors", exact=True).first.click()
    page.get_by_label("Attributes").fill("payment.method=card")
    page.get_by_label("Attributes").press("Enter")
    expect(page).to_have_url(f"{origin}/?service=payments&status=error&attribute=payment.method%3Dcard")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("POST /checkout/{cart_id}")

    page.get_by_role("link", name="POST /checkout/{cart_id}").click()
    expect(page).to_have_url(f"{origin}/trace/{CHECKOUT.hex()}")
    page.get_by_role("treeitem", name="POST /checkout/{cart_id}").click()
    detail = page.get_by_role("complementary")
    url_row = detail.get_by_role("row", name="url.full")
    chip = url_row.get_by_role("button", name="Redacted EMAIL, rule EMAIL. The value never left the process.")
    expect(chip).to_have_text("EMAIL")
    chip.hover()
    expect(page.get_by_role("tooltip")).to_have_text(
        "Redacted by rule EMAILThe value never left the process."
    )
    cookie = detail.get_by_role("row", name="http.request.header.cookie")
    expect(cookie.get_by_role("button", name="rule key:cookie")).to_have_text("COOKIE")


def test_a_marker_the_application_wrote_itself_is_plain_text(page, origin):
    page.goto(f"{origin}/trace/{CHECKOUT.hex()}?span={ROOT.hex()}")
    note = page.get_by_role("row", name="note an application")
    expect(note).to_contain_text("an application may write [EMAIL] itself")
    expect(note.locator(".chip")).to_have_count(0)


def test_an_address_restores_the_page_and_back_leads_through_it(page, origin):
    filtered = f"{origin}/?service=shop&min=100ms&range=24h"
    page.goto(filtered)
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_label("Min duration")).to_have_value("100ms")
    expect(page.get_by_label("Time")).to_have_value("24h")
    rows(page).get_by_role("link").click()
    page.get_by_role("treeitem", name="SELECT carts").click()
    selected = f"{origin}/trace/{CHECKOUT.hex()}?span={QUERY.hex()}"
    expect(page).to_have_url(selected)
    page.reload()
    expect(page.get_by_role("complementary", name="Span SELECT carts")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("complementary")).to_have_count(0)
    page.go_back()
    expect(page).to_have_url(filtered)
    expect(rows(page)).to_have_count(1)


def test_the_timeline_is_walked_with_the_keyboard_alone(page, origin):
    page.goto(f"{origin}/trace/{CHECKOUT.hex()}")
    names = page.get_by_role("treeitem")
    expect(names).to_have_count(3)
    page.get_by_role("tree").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("tooltip")).to_contain_text("POST /charges")
    page.keyboard.press("Enter")
    charge = page.get_by_role("complementary", name="Span POST /charges")
    expect(charge.locator(".note.error")).to_have_text("card CREDIT_CARD was declined")
    page.keyboard.press("ArrowUp")
    expect(page).to_have_url(re.compile(f"span={QUERY.hex()}$"))
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    expect(names).to_have_count(1)
    expect(page).to_have_url(re.compile(f"collapsed={ROOT.hex()}$"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary")).to_have_count(0)


def test_a_log_line_of_the_trace_leads_to_its_span(page, origin):
    page.goto(f"{origin}/trace/{CHECKOUT.hex()}?tab=logs")
    line = page.get_by_role("listitem").filter(has_text="no charge for")
    expect(line).to_contain_text("ERROR")
    expect(line.get_by_role("button", name="Redacted EMAIL, rule EMAIL")).to_be_visible()
    line.get_by_title("Show the span of this line").click()
    expect(page).to_have_url(f"{origin}/trace/{CHECKOUT.hex()}?span={CHARGE.hex()}")
    expect(page.get_by_role("treeitem", name="POST /charges")).to_have_attribute("aria-selected", "true")


def test_a_chosen_theme_stays_after_a_reload(page, origin):
    page.goto(origin)
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_newcomer_is_told_two_lines_and_sees_the_first_trace_arrive(
    page, tmp_path, running_collector, send
):
    with running_collector(tmp_path) as address:
        page.goto(address)
        expect(page.get_by_role("heading", name="No traces yet")).to_be_visible()
        expect(page.locator("pre").first).to_have_text(f'import traceo\ntraceo.init(endpoint="{address}")')
        send(address, "/v1/traces", shop_and_payments())
        expect(rows(page)).to_have_count(2, timeout=DEADLINE_S * 1000)
        page.goto("about:blank")  # it would ask on while the collector stops
