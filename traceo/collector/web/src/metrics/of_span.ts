/** From a span to the metric that tells how long such spans usually take. */

import { valueText } from "../attributes";
import type { Metric, Span } from "../types";
import { metricHref } from "./address";

/** The semantic conventions' metric for spans that have an attribute, by the span's kind; the first that is there. */
const METRICS: readonly (readonly [kinds: string, attribute: string, name: string])[] = [
  ["server", "http.request.method", "http.server.request.duration"],
  ["client", "http.request.method", "http.client.request.duration"],
  ["client", "db.system.name", "db.client.operation.duration"],
  ["client", "gen_ai.operation.name", "gen_ai.client.operation.duration"],
  ["client", "mcp.method.name", "mcp.client.operation.duration"],
  ["server", "mcp.method.name", "mcp.server.operation.duration"],
  ["client", "rpc.system.name", "rpc.client.call.duration"],
  ["server", "rpc.system.name", "rpc.server.call.duration"],
  ["consumer", "messaging.system", "messaging.process.duration"],
  ["client producer consumer", "messaging.system", "messaging.client.operation.duration"],
];
const ANY = "traces.span.metrics.duration";

/** What makes spans alike, most telling first. */
const ALIKE = [
  "http.route",
  "db.query.summary",
  "db.operation.name",
  "db.collection.name",
  "messaging.destination.name",
  "gen_ai.request.model",
  "rpc.method",
  "server.address",
  "http.request.method",
];
const MOST = 2;
const AROUND_MS = 15 * 60_000;

/** Where spans like this one are shown over time, this one in the middle; null when no such metric is stored. */
export function metricOfSpan(span: Span, metrics: readonly Metric[]): string | null {
  if (span.kind === "internal") return null; // nobody measures those
  const stored = (name: string) =>
    metrics.find(
      (metric) => metric.name === name && metric.services.includes(span.service) && metric.kind !== "gauge",
    );
  const names = METRICS.filter(
    ([kinds, attribute]) => kinds.split(" ").includes(span.kind) && attribute in span.attributes,
  ).map(([, , name]) => name);
  const metric = [...names, ANY].map(stored).find((found) => found !== undefined);
  if (!metric) return null;
  const has = (key: string) => metric.attributes.includes(key) && span.attributes[key] !== undefined;
  const attributes =
    metric.name === ANY
      ? [`span.name=${span.name}`]
      : ALIKE.filter(has)
          .slice(0, MOST)
          .map((key) => `${key}=${valueText(span.attributes[key] ?? null)}`);
  const at = Number(BigInt(span.start_unix_nano) / 1_000_000n);
  const end = Math.min(at + AROUND_MS, Date.now());
  return metricHref(metric.name, {
    service: span.service,
    attributes,
    range: "custom",
    start: new Date(at - AROUND_MS).toISOString(),
    end: new Date(Math.max(end, at + 1000)).toISOString(),
  });
}
