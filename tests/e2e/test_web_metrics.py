"""The metrics pages in a real browser: what OpenTelemetry's own SDK measured, seen, and followed to its trace."""

import re
import time

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.sdk.metrics import MeterProvider, TraceBasedExemplarFilter
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind
from playwright.sync_api import expect

S = 1_000_000_000
DURATION = "http.server.request.duration"
BOUNDS = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5]
SEEN = [300, 100_000]
ROUTES = {"/products": 0.03, "/checkout": 0.2}
# Whether the first line's colour has so many pixels on the page's canvases.
LINE_PIXELS = """([least, most]) => {
  const probe = document.createElement("i");
  probe.style.color = "var(--service-1)";
  document.body.append(probe);
  const [r, g, b] = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
  probe.remove();
  let found = 0;
  for (const canvas of document.querySelectorAll("canvas")) {
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4) {
      const near = Math.abs(data[at] - r) + Math.abs(data[at + 1] - g) + Math.abs(data[at + 2] - b) < 12;
      if (near && data[at + 3] > 200) found += 1;
    }
  }
  return least <= found && found <= most;
}"""


def pairs(**attributes):
    return [
        KeyValue(key=key.replace("__", "."), value=AnyValue(string_value=value))
        for key, value in attributes.items()
    ]


def an_hour_of_another_process():
    """Requests and orders, a point a minute."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.extend(pairs(service__name="shop", service__instance__id="before"))
    scope = group.scope_metrics.add()
    durations = scope.metrics.add(name=DURATION, unit="s", description="Duration of HTTP server requests")
    durations.histogram.aggregation_temporality = 2
    orders = scope.metrics.add(name="shop.orders", unit="{order}")
    orders.sum.aggregation_temporality, orders.sum.is_monotonic = 2, True
    now = time.time_ns() - 30 * S
    for minute in range(1, 56):
        times = {"start_time_unix_nano": now - 3600 * S, "time_unix_nano": now - (56 - minute) * 60 * S}
        for number, route in enumerate(ROUTES, 1):
            durations.histogram.data_points.add(
                **times,
                attributes=pairs(http__route=route),
                count=10 * number * minute,
                sum=minute,
                explicit_bounds=BOUNDS,
                bucket_counts=[number * minute * share for share in (6, 2, 1, 1, 0, 0, 0)],
            )
        for customer, factor in (("ada", 2), ("[EMAIL]", 1)):
            orders.sum.data_points.add(
                **times, attributes=pairs(customer=customer), as_int=factor * minute * 60
            )
    return request


def requests_of_an_opentelemetry_app(origin):
    """Real spans, and a histogram recorded inside them, by the SDK's own exporters; the slow trace's id."""
    resource = Resource.create({"service.name": "shop", "service.instance.id": "now"})
    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{origin}/v1/traces")))
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(f"{origin}/v1/metrics"), export_interval_millis=3_600_000
    )
    metering = MeterProvider(
        [reader], resource=resource, exemplar_filter=TraceBasedExemplarFilter(), shutdown_on_exit=False
    )
    histogram = metering.get_meter("shop").create_histogram(
        DURATION, unit="s", explicit_bucket_boundaries_advisory=BOUNDS
    )
    for route, seconds in ROUTES.items():
        attributes = {"http.request.method": "GET", "http.route": route}
        with tracing.get_tracer("shop").start_as_current_span(
            f"GET {route}", kind=SpanKind.SERVER, attributes=attributes
        ) as span:
            histogram.record(seconds, {"http.route": route})
    assert metering.force_flush()
    metering.shutdown()
    tracing.shutdown()
    return format(span.get_span_context().trace_id, "032x")


@pytest.fixture(scope="module")
def measured(tmp_path_factory, running_collector, send):
    """A collector's address, and the id of the trace of its slowest request."""
    with running_collector(tmp_path_factory.mktemp("metrics")) as origin:
        send(origin, "/v1/metrics", an_hour_of_another_process())
        yield origin, requests_of_an_opentelemetry_app(origin)


def open_metric(page, origin, query=""):
    page.goto(f"{origin}/explore/metrics?name={DURATION}{query}")
    expect(page.locator("canvas")).to_be_visible()


def test_a_metric_is_found_its_line_seen_and_an_exemplar_followed_to_its_trace(page, measured):
    origin, trace_id = measured
    page.goto(origin)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Metrics").click()
    rows = page.locator("table.metrics tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Duration of HTTP server requests")
    page.get_by_label("Search").fill("server DURATION")
    expect(rows).to_have_count(1)
    page.get_by_role("link", name=DURATION).click()
    expect(page.get_by_role("heading", name=DURATION)).to_be_visible()
    expect(page.get_by_label("Show")).to_have_value("p95")
    expect(page.locator("canvas")).to_be_visible()
    page.wait_for_function(LINE_PIXELS, arg=SEEN)

    dots = page.get_by_role("navigation", name="Exemplars").get_by_role("link")
    expect(dots).to_have_count(2)
    slow = dots.filter(has_text="Trace with 200 ms")
    slow.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("/checkout")
    slow.click()
    expect(page).to_have_url(re.compile(rf"^{origin}/trace/{trace_id}\?span=[0-9a-f]{{16}}$"))
    expect(page.get_by_role("heading", name="GET /checkout").first).to_be_visible()
    page.get_by_role("link", name="How long such spans take").click()
    expect(page).to_have_url(re.compile(r"\?name=http.server.request.duration&service=shop&start=.*&end="))
    expect(page.locator(".token")).to_have_text("http.route=/checkout")
    expect(page.get_by_role("navigation", name="Exemplars").get_by_role("link")).to_have_count(1)


def test_lines_are_grouped_left_out_and_brought_back(page, measured):
    origin, _ = measured
    open_metric(page, origin)
    page.get_by_label("Group by").select_option("http.route")
    expect(page).to_have_url(f"{origin}/explore/metrics?name={DURATION}&group_by=http.route")
    entries = page.locator(".legend-entry")
    expect(entries).to_have_count(2)
    page.get_by_label("Show").select_option("count")
    expect(page).to_have_url(re.compile(r"aggregation=count"))
    expect(page.get_by_role("navigation", name="Exemplars")).to_have_count(0)
    entries.nth(1).click()
    expect(entries.nth(0)).to_have_attribute("aria-pressed", "false")
    page.wait_for_function(LINE_PIXELS, arg=[0, 0])
    entries.nth(1).click()
    expect(entries.nth(0)).to_have_attribute("aria-pressed", "true")
    page.mouse.move(0, 0)  # the line under the pointer is brought out, the others are faint
    page.wait_for_function(LINE_PIXELS, arg=SEEN)
    page.get_by_role("button", name="Do not group by http.route").click()
    expect(entries).to_have_count(1)


def test_the_exemplars_are_walked_with_the_keyboard_alone(page, measured):
    origin, trace_id = measured
    open_metric(page, origin)
    dots = page.get_by_role("navigation", name="Exemplars").get_by_role("link")
    expect(dots).to_have_count(2)
    page.get_by_label("Attributes").focus()
    page.keyboard.press("Tab")
    expect(dots.nth(0)).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    expect(dots.nth(1)).to_be_focused()
    expect(page.get_by_role("tooltip")).to_contain_text("Open its trace")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/trace/{trace_id}"))


def test_dragging_over_the_chart_picks_a_time_range(page, measured):
    origin, _ = measured
    open_metric(page, origin)
    box = page.locator(".u-over").bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 40, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"&start=2\d{3}-.*&end=2\d{3}-"))
    expect(page.get_by_label("Time")).to_have_value("custom")
    expect(page.locator("figcaption")).to_contain_text("steps of 5 s")
    expect(page.locator(".legend tbody tr")).to_have_count(1)


def test_a_marker_in_an_attribute_is_a_chip(page, measured):
    origin, _ = measured
    page.goto(f"{origin}/explore/metrics?name=shop.orders&group_by=customer")
    expect(page.locator(".legend-entry .chip")).to_have_text("EMAIL")
    expect(page.locator(".legend-entry").nth(0)).to_have_text("ada")
    expect(page.locator(".legend tbody tr").nth(0).locator("td.last")).to_have_text("2/s")


def test_a_range_without_points_leads_to_where_there_are_some(page, measured):
    origin, _ = measured
    past = "&start=2026-01-01T00:00:00.000Z&end=2026-01-01T01:00:00.000Z"
    page.goto(f"{origin}/explore/metrics?name={DURATION}{past}")
    expect(page.get_by_role("heading", name="Nothing to show here")).to_be_visible()
    page.get_by_role("button", name="Show the hour of the last point").click()
    expect(page.locator("canvas")).to_be_visible()
    page.wait_for_function(LINE_PIXELS, arg=SEEN)


def test_a_wrong_question_is_told_as_the_collector_answers_it(browser, measured):
    origin, _ = measured
    with browser.new_context() as context:
        page = context.new_page()  # the browser itself complains of answers like these
        page.goto(f"{origin}/explore/metrics?name=nothing")
        expect(page.get_by_role("heading", name="This metric is not here")).to_be_visible()
        page.goto(f"{origin}/explore/metrics?name=shop.orders&aggregation=p95")
        expect(page.get_by_role("alert")).to_contain_text("p95 says nothing about a metric of kind sum")


def test_a_newcomer_sees_the_first_metric_arrive(page, tmp_path, running_collector, send):
    with running_collector(tmp_path) as origin:
        page.goto(f"{origin}/explore/metrics")
        expect(page.get_by_role("heading", name="No metrics yet")).to_be_visible()
        send(origin, "/v1/metrics", an_hour_of_another_process())
        expect(page.locator("table.metrics tbody tr")).to_have_count(2, timeout=15_000)
        page.goto("about:blank")  # it would ask on while the collector stops


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(browser, measured, width, scheme):
    origin, _ = measured
    with browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(f"{origin}/explore/metrics")
        expect(page.locator("table.metrics tbody tr")).to_have_count(2)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        open_metric(page, origin, "&group_by=http.route&group_by=service.instance.id")
        expect(page.locator(".legend-entry").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.goto("about:blank")
