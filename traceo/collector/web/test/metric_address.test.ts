import { expect, test } from "vitest";
import {
  METRICS_PATH,
  type MetricState,
  metricHref,
  metricPath,
  metricsHref,
  readMetricState,
  readMetricsState,
  WHOLE_METRIC,
} from "../src/metrics/address";
import { readRoute } from "../src/url";

const FULL: MetricState = {
  service: "shop & co",
  range: "custom",
  start: "2026-11-24T10:00:00.000Z",
  end: "2026-11-24T11:00:00.000Z",
  aggregation: "p99",
  groupBy: ["http.route", "service.name"],
  attributes: ["http.route=/a=b", "tier=gold plus"],
  live: true,
};
const search = (href: string) => new URL(href, "http://page").search;

test("a metric's state survives the way through its address", () => {
  expect(readMetricState(search(metricHref("a/b?c", FULL)))).toEqual(FULL);
  expect(readMetricState(search(metricHref("x", { range: "24h" })))).toEqual({
    ...WHOLE_METRIC,
    range: "24h",
  });
  expect(metricHref("x")).toBe("/explore/metrics?name=x");
});

test("the list's state survives the way through its address", () => {
  const state = { service: "a b", search: "x&y" };
  expect(readMetricsState(search(metricsHref(state)))).toEqual(state);
  expect(metricsHref({ service: "", search: "" })).toBe(METRICS_PATH);
});

test("what an address cannot mean falls back to the default", () => {
  const odd = "?name=x&range=1y&aggregation=median&group_by=&attribute=no&start=2026-01-01T00:00:00Z";
  expect(readMetricState(odd)).toEqual(WHOLE_METRIC);
  expect(readMetricState("?group_by=a&group_by=a").groupBy).toEqual(["a"]);
});

test("one path is the list, or a metric when it has a name", () => {
  expect(readRoute(METRICS_PATH, "?service=shop")).toEqual({
    page: "metrics",
    state: { service: "shop", search: "" },
  });
  expect(readRoute(METRICS_PATH, "?name=http.x")).toEqual({
    page: "metric",
    name: "http.x",
    state: WHOLE_METRIC,
  });
  expect(readRoute("/metrics", "")).toEqual({ page: "unknown" });
});

test("the collector is asked for exactly the state", () => {
  const url = new URL(metricPath("a/b", FULL, 0), "http://page");
  expect(url.pathname).toBe("/api/traceo/metrics/a%2Fb");
  expect([...url.searchParams]).toEqual([
    ["service", "shop & co"],
    ["start", FULL.start],
    ["end", FULL.end],
    ["aggregation", "p99"],
    ["group_by", "http.route"],
    ["group_by", "service.name"],
    ["attribute", "http.route:/a=b"],
    ["attribute", "tier:gold plus"],
  ]);
  const preset = new URL(metricPath("x", WHOLE_METRIC, 900_000), "http://page");
  expect([...preset.searchParams]).toEqual([
    ["start", "1970-01-01T00:00:00.000Z"],
    ["end", "1970-01-01T00:15:00.000Z"],
  ]);
});
