/** The state of the two metric pages in their address. Not /metrics: that is the collector's own, for Prometheus. */

import { isRange, RANGES, type Range } from "../ranges";
import type { Aggregation } from "../types";

export const METRICS_PATH = "/explore/metrics";

export type MetricsState = { readonly service: string; readonly search: string };

export type MetricState = {
  readonly service: string;
  /** A preset, or "custom" with `start` and `end`. */
  readonly range: Range | "custom";
  /** RFC 3339, only with a custom range. */
  readonly start: string;
  readonly end: string;
  /** Empty: what suits the metric's kind. */
  readonly aggregation: Aggregation | "";
  readonly groupBy: readonly string[];
  /** `key=value`, in the order they were added. */
  readonly attributes: readonly string[];
  readonly live: boolean;
};

export const WHOLE_METRIC: MetricState = {
  service: "",
  range: "15m",
  start: "",
  end: "",
  aggregation: "",
  groupBy: [],
  attributes: [],
  live: false,
};

const AGGREGATIONS: ReadonlySet<string> = new Set<Aggregation>([
  "rate",
  "sum",
  "last",
  "avg",
  "p50",
  "p90",
  "p95",
  "p99",
  "count",
]);
const isAggregation = (text: string): text is Aggregation => AGGREGATIONS.has(text);

export function readMetricsState(search: string): MetricsState {
  const query = new URLSearchParams(search);
  return { service: query.get("service") ?? "", search: query.get("search") ?? "" };
}

export function metricsHref(state: MetricsState): string {
  const query = new URLSearchParams();
  if (state.service) query.set("service", state.service);
  if (state.search) query.set("search", state.search);
  const text = query.toString();
  return text ? `${METRICS_PATH}?${text}` : METRICS_PATH;
}

export function readMetricState(search: string): MetricState {
  const query = new URLSearchParams(search);
  const get = (name: string) => query.get(name) ?? "";
  const custom = get("start") !== "" && get("end") !== "";
  const [range, aggregation] = [get("range"), get("aggregation")];
  return {
    service: get("service"),
    range: custom ? "custom" : isRange(range) ? range : WHOLE_METRIC.range,
    start: custom ? get("start") : "",
    end: custom ? get("end") : "",
    aggregation: isAggregation(aggregation) ? aggregation : "",
    groupBy: [...new Set(query.getAll("group_by").filter(Boolean))],
    attributes: query.getAll("attribute").filter((pair) => pair.indexOf("=") > 0),
    live: get("live") === "1",
  };
}

export function metricHref(name: string, state: Partial<MetricState> = {}): string {
  const { service, range, start, end, aggregation, groupBy, attributes, live } = {
    ...WHOLE_METRIC,
    ...state,
  };
  const query = new URLSearchParams({ name });
  const put = (key: string, value: string) => value && query.set(key, value);
  put("service", service);
  if (range === "custom") {
    put("start", start);
    put("end", end);
  } else if (range !== WHOLE_METRIC.range) put("range", range);
  put("aggregation", aggregation);
  for (const key of groupBy) query.append("group_by", key);
  for (const pair of attributes) query.append("attribute", pair);
  if (live) query.set("live", "1");
  return `${METRICS_PATH}?${query}`;
}

/** The address that answers a metric's state; `nowMs` anchors the presets. */
export function metricPath(name: string, state: MetricState, nowMs: number): string {
  const query = new URLSearchParams();
  if (state.service) query.set("service", state.service);
  const [start, end] =
    state.range === "custom"
      ? [state.start, state.end]
      : [nowMs - RANGES[state.range].ms, nowMs].map((ms) => new Date(ms).toISOString());
  query.set("start", start ?? "");
  query.set("end", end ?? "");
  if (state.aggregation) query.set("aggregation", state.aggregation);
  for (const key of state.groupBy) query.append("group_by", key);
  for (const pair of state.attributes) query.append("attribute", pair.replace("=", ":"));
  return `/api/traceo/metrics/${encodeURIComponent(name)}?${query}`;
}
