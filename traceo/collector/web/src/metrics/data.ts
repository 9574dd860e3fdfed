/** A metric's answer in the shapes that the chart, its dots and its legend are drawn from. */

import type { Aggregation, Exemplar, Metric, MetricData, MetricKind, MetricSeries, Nanos } from "../types";

export const KINDS: Readonly<Record<MetricKind, string>> = {
  gauge: "Gauge",
  sum: "Sum",
  histogram: "Histogram",
  exponential_histogram: "Exponential histogram",
  summary: "Summary",
};

export const AGGREGATIONS: Readonly<Record<Aggregation, string>> = {
  rate: "Rate per second",
  sum: "Sum",
  last: "Last value",
  avg: "Average",
  p50: "p50 (median)",
  p90: "p90",
  p95: "p95",
  p99: "p99",
  count: "Count",
};

const OF_HISTOGRAMS: readonly Aggregation[] = ["p50", "p90", "p95", "p99", "avg", "rate", "count", "sum"];

/** What can be asked about a metric, as the API allows it. */
export function aggregationsOf({ kind, is_monotonic }: Metric): readonly Aggregation[] {
  if (kind === "gauge") return ["last", "avg", "sum", "count"];
  if (kind !== "sum") return OF_HISTOGRAMS;
  return is_monotonic ? ["rate", "sum", "last", "count"] : ["last", "avg", "rate", "sum", "count"];
}

export const countsMeasurements = (kind: MetricKind): boolean => kind !== "gauge" && kind !== "sum";

/** A counter counts up, an up-down counter both ways: the words of those who made it. */
export function kindName({ kind, is_monotonic }: Metric): string {
  if (kind !== "sum") return KINDS[kind];
  return is_monotonic ? "Counter" : "Up-down counter";
}

/** Exemplars lie on the chart when its axis shows values of the kind that was measured. */
export function showsExemplars({ kind, aggregation }: MetricData): boolean {
  return (
    countsMeasurements(kind) && aggregation !== "rate" && aggregation !== "count" && aggregation !== "sum"
  );
}

const seconds = (nanos: Nanos): number => Number(BigInt(nanos) / 1000n) / 1e6;

/** Columns: the middle of each step (unix seconds), then the values of each series. */
export function columns(data: MetricData): [number[], ...(number | null)[][]] {
  const times = (data.series[0]?.points ?? []).map(([at]) => seconds(at) + data.step_s / 2);
  return [times, ...data.series.map(({ points }) => points.map(([, value]) => value))];
}

/** What a line is, as one text. */
export const lineKey = ({ attributes }: MetricSeries): string => JSON.stringify(attributes);

/**
 * The same lines in the order that they had before, new ones behind: a line keeps its colour while its rank changes
 * from one answer to the next.
 */
export function steady(data: MetricData, before: readonly string[]): MetricData {
  const place = (index: number): number => {
    const series = data.series[index];
    const known = series ? before.indexOf(lineKey(series)) : -1;
    return known < 0 ? before.length + index : known;
  };
  const order = [...data.series.keys()].sort((a, b) => place(a) - place(b));
  if (order.every((index, at) => index === at)) return data;
  return {
    ...data,
    series: order.flatMap((index) => data.series[index] ?? []),
    exemplars: data.exemplars.map((one) => ({ ...one, series: order.indexOf(one.series) })),
  };
}

export type Figures = {
  readonly last: number;
  readonly least: number;
  readonly mean: number;
  readonly most: number;
};

/** What a legend says of a series; null when it has no value. */
export function figures({ points }: MetricSeries): Figures | null {
  const values = points.map(([, value]) => value).filter((value) => value !== null);
  const last = values.at(-1);
  if (last === undefined) return null;
  const sum = values.reduce((total, value) => total + value, 0);
  return { last, least: Math.min(...values), mean: sum / values.length, most: Math.max(...values) };
}

export const isEmpty = (data: MetricData): boolean => data.series.every((one) => figures(one) === null);

export type Ends = readonly [low: number, high: number];

/** The lowest and highest value of the axis, with room for exemplars, but not for one that would flatten the lines. */
export function valueEnds(
  lines: readonly (readonly (number | null | undefined)[])[],
  exemplars: readonly number[],
  kind: MetricKind,
): Ends {
  const values = lines.flat().filter((value) => value !== null && value !== undefined);
  if (values.length === 0) return exemplars.length ? [0, Math.max(...exemplars) * 1.1 || 1] : [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const above = Math.min(Math.max(high, ...exemplars), high > 0 ? 3 * high : high);
  const fromZero = low >= 0 && (kind !== "gauge" || low <= 0.6 * high);
  const room = (above - (fromZero ? 0 : low)) * 0.08 || Math.abs(above) * 0.1 || 1;
  return [fromZero ? 0 : low - room, above + room];
}

/** Where an exemplar lies, as shares of the plot's width and height from its left and bottom. */
export type Dot = {
  readonly exemplar: Exemplar;
  readonly x: number;
  readonly y: number;
  /** It is larger than the axis shows, and stands at its upper end. */
  readonly above: boolean;
};

export function dots(exemplars: readonly Exemplar[], x: Ends, y: Ends): Dot[] {
  return exemplars
    .filter(({ trace_id }) => trace_id !== "")
    .map((exemplar) => ({
      exemplar,
      x: (seconds(exemplar.time_unix_nano) - x[0]) / (x[1] - x[0]),
      y: Math.min(1, Math.max(0, (exemplar.value - y[0]) / (y[1] - y[0]))),
      above: exemplar.value > y[1],
    }))
    .filter((dot) => dot.x >= 0 && dot.x <= 1);
}

/** Without the dots that would lie on a larger one: at most one in a square of `apart` pixels. */
export function spread(all: readonly Dot[], width: number, height: number, apart: number): Dot[] {
  const taken = new Set<string>();
  return [...all]
    .sort((a, b) => b.exemplar.value - a.exemplar.value)
    .filter(({ x, y }) => {
      const [column, row] = [Math.round((x * width) / apart), Math.round((y * height) / apart)];
      const near = [-1, 0, 1].flatMap((dx) => [-1, 0, 1].map((dy) => `${column + dx} ${row + dy}`));
      if (near.some((place) => taken.has(place))) return false;
      taken.add(`${column} ${row}`);
      return true;
    })
    .sort((a, b) => a.x - b.x);
}

/** Of these exemplars the ones with the largest values, each trace once. */
export function largest(exemplars: readonly Exemplar[], most: number): Exemplar[] {
  const seen = new Set<string>();
  return [...exemplars]
    .sort((a, b) => b.value - a.value)
    .filter(({ trace_id }) => trace_id !== "" && !seen.has(trace_id) && seen.add(trace_id))
    .slice(0, most);
}

/** An SDK's metrics of itself, which few look for. */
const OWN = /^(traceo|otel)\./;

/** Metrics whose name or description has every word of the search, in any case; an SDK's own come last. */
export function searched(metrics: readonly Metric[], search: string): Metric[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = metrics.filter(({ name, description }) => {
    const text = `${name} ${description}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  return found.sort((a, b) => Number(OWN.test(a.name)) - Number(OWN.test(b.name)));
}
