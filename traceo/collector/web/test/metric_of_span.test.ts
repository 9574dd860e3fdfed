import { expect, test } from "vitest";
import { readMetricState } from "../src/metrics/address";
import { metricOfSpan } from "../src/metrics/of_span";
import type { Metric, Span } from "../src/types";

const START_MS = Date.parse("2026-01-01T12:00:00Z");

const span = (more: Partial<Span>): Span => ({
  span_id: "b".repeat(16),
  parent_span_id: null,
  name: "GET /products/{id}",
  service: "shop",
  kind: "server",
  start_unix_nano: `${START_MS}000000`,
  duration_ns: 1,
  status: { code: "unset", message: "" },
  scope: { name: "", version: "" },
  resource: {},
  attributes: { "http.request.method": "GET", "http.route": "/products/{id}" },
  events: [],
  links: [],
  redacted: [],
  ...more,
});

const metric = (name: string, ...attributes: string[]): Metric => ({
  name,
  kind: "histogram",
  unit: "s",
  description: "",
  temporality: "delta",
  is_monotonic: false,
  services: ["shop"],
  attributes,
  series: 1,
  last_seen_unix_nano: "0",
});

const HTTP = metric("http.server.request.duration", "http.request.method", "http.route");
const ANY = metric("traces.span.metrics.duration", "span.name");

const found = (one: Span, ...metrics: Metric[]) => {
  const href = metricOfSpan(one, metrics);
  if (href === null) return null;
  const { search, searchParams } = new URL(href, "http://page");
  return [searchParams.get("name"), readMetricState(search).attributes];
};

test("a span leads to the metric of its convention, for spans like it, around its time", () => {
  const href = metricOfSpan(span({}), [ANY, HTTP]);
  const url = new URL(href ?? "", "http://page");
  expect(url.searchParams.get("name")).toBe("http.server.request.duration");
  expect(readMetricState(url.search)).toMatchObject({
    service: "shop",
    range: "custom",
    start: "2026-01-01T11:45:00.000Z",
    end: "2026-01-01T12:15:00.000Z",
    attributes: ["http.route=/products/{id}", "http.request.method=GET"],
  });
});

test("only keys that the metric has are asked for", () => {
  expect(found(span({}), metric(HTTP.name, "http.route"))).toEqual([
    HTTP.name,
    ["http.route=/products/{id}"],
  ]);
});

test("a span of no convention leads to the metric of all others, by its name", () => {
  expect(found(span({ kind: "consumer", attributes: {} }), HTTP, ANY)).toEqual([
    ANY.name,
    ["span.name=GET /products/{id}"],
  ]);
});

test("a metric that is not stored for its service is not offered", () => {
  expect(found(span({}))).toBeNull();
  expect(found(span({ service: "payments" }), HTTP)).toBeNull();
  expect(found(span({ kind: "client" }), HTTP)).toBeNull();
  expect(found(span({ kind: "internal" }), HTTP, ANY)).toBeNull();
});
