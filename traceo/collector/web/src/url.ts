/** The page's state lives in its address; these are its shapes for traces and the one way to change them. */

import {
  METRICS_PATH,
  type MetricState,
  type MetricsState,
  readMetricState,
  readMetricsState,
} from "./metrics/address";
import { isRange, type Range } from "./ranges";

export type ListState = {
  readonly service: string;
  readonly operation: string;
  /** A preset, "" for any time, or "custom" with `start` and `end`. */
  readonly range: Range | "" | "custom";
  /** RFC 3339, only with a custom range; either may be empty. */
  readonly start: string;
  readonly end: string;
  /** As typed, such as `250ms`. */
  readonly min: string;
  readonly max: string;
  /** A span that is not in error is nearly always "unset", so "ok" would find next to nothing. */
  readonly status: "" | "error";
  /** `key=value`, in the order they were added. */
  readonly attributes: readonly string[];
  readonly cursor: string;
  readonly live: boolean;
};

export const NO_FILTER: ListState = {
  service: "",
  operation: "",
  range: "",
  start: "",
  end: "",
  min: "",
  max: "",
  status: "",
  attributes: [],
  cursor: "",
  live: false,
};

export type TraceTab = "timeline" | "logs";
export type TraceState = {
  readonly tab: TraceTab;
  readonly span: string;
  readonly collapsed: readonly string[];
};

export type Route =
  | { readonly page: "list"; readonly state: ListState }
  | { readonly page: "trace"; readonly id: string; readonly state: TraceState }
  | { readonly page: "metrics"; readonly state: MetricsState }
  | { readonly page: "metric"; readonly name: string; readonly state: MetricState }
  | { readonly page: "unknown" };

export function readListState(search: string): ListState {
  const query = new URLSearchParams(search);
  const get = (name: string) => query.get(name) ?? "";
  const range = get("range");
  const status = get("status");
  const custom = get("start") !== "" || get("end") !== "" || range === "custom";
  return {
    service: get("service"),
    operation: get("operation"),
    range: custom ? "custom" : isRange(range) ? range : "",
    start: get("start"),
    end: get("end"),
    min: get("min"),
    max: get("max"),
    status: status === "error" ? status : "",
    attributes: query.getAll("attribute").filter((pair) => pair.indexOf("=") > 0),
    cursor: get("cursor"),
    live: get("live") === "1",
  };
}

export function listHref(state: ListState): string {
  const query = new URLSearchParams();
  const put = (name: string, value: string) => value && query.set(name, value);
  put("service", state.service);
  put("operation", state.operation);
  put("range", state.range);
  if (state.range === "custom") {
    put("start", state.start);
    put("end", state.end);
  }
  put("min", state.min);
  put("max", state.max);
  put("status", state.status);
  for (const pair of state.attributes) query.append("attribute", pair);
  put("cursor", state.cursor);
  if (state.live) query.set("live", "1");
  const text = query.toString();
  return text ? `/?${text}` : "/";
}

/** True when nothing narrows the list. */
export function isUnfiltered(state: ListState): boolean {
  return listHref({ ...state, cursor: "", live: false }) === "/";
}

export function readTraceState(search: string): TraceState {
  const query = new URLSearchParams(search);
  return {
    tab: query.get("tab") === "logs" ? "logs" : "timeline",
    span: query.get("span") ?? "",
    collapsed: (query.get("collapsed") ?? "").split(".").filter(Boolean),
  };
}

export function traceHref(id: string, state: Partial<TraceState> = {}): string {
  const query = new URLSearchParams();
  if (state.tab === "logs") query.set("tab", "logs");
  if (state.span) query.set("span", state.span);
  if (state.collapsed?.length) query.set("collapsed", state.collapsed.join("."));
  const text = query.toString();
  return `/trace/${encodeURIComponent(id)}${text ? `?${text}` : ""}`;
}

export function readRoute(pathname: string, search: string): Route {
  if (pathname === "/" || pathname === "/index.html") return { page: "list", state: readListState(search) };
  if (pathname === METRICS_PATH) {
    const name = new URLSearchParams(search).get("name");
    if (name) return { page: "metric", name, state: readMetricState(search) };
    return { page: "metrics", state: readMetricsState(search) };
  }
  const match = /^\/trace\/([^/]+)\/?$/.exec(pathname);
  if (!match) return { page: "unknown" };
  try {
    return { page: "trace", id: decodeURIComponent(match[1] ?? ""), state: readTraceState(search) };
  } catch {
    return { page: "unknown" }; // a broken %-escape names no trace
  }
}
