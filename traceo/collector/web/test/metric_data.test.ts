import { expect, test } from "vitest";
import { markerRules, splitMarkers } from "../src/marker";
import {
  aggregationsOf,
  columns,
  dots,
  figures,
  isEmpty,
  kindName,
  largest,
  searched,
  showsExemplars,
  spread,
  steady,
  valueEnds,
} from "../src/metrics/data";
import type { Exemplar, Metric, MetricData, MetricSeries } from "../src/types";

const SECOND = 1_000_000_000n;
const at = (seconds: number): string => String(BigInt(seconds) * SECOND);

const line = (...values: (number | null)[]): MetricSeries => ({
  attributes: {},
  points: values.map((value, index) => [at(100 + 10 * index), value]),
});

const exemplar = (value: number, seconds: number, trace = "a".repeat(32)): Exemplar => ({
  time_unix_nano: at(seconds),
  value,
  trace_id: trace,
  span_id: "b".repeat(16),
  attributes: {},
  series: 0,
});

const data = (series: MetricSeries[], more: Partial<MetricData> = {}): MetricData => ({
  name: "m",
  unit: "s",
  kind: "histogram",
  description: "",
  aggregation: "p95",
  start_unix_nano: at(100),
  step_s: 10,
  series,
  omitted: 0,
  exemplars: [],
  ...more,
});

const metric = (more: Partial<Metric>): Metric => ({
  name: "http.server.request.duration",
  kind: "histogram",
  unit: "s",
  description: "Duration of requests",
  temporality: "cumulative",
  is_monotonic: false,
  services: ["shop"],
  attributes: [],
  series: 1,
  last_seen_unix_nano: "0",
  ...more,
});

test("a value is drawn in the middle of its step", () => {
  expect(columns(data([line(1, null), line(3, 4)]))).toEqual([
    [105, 115],
    [1, null],
    [3, 4],
  ]);
  expect(columns(data([]))).toEqual([[]]);
});

test("a line keeps its place when its rank changes, and its exemplars stay with it", () => {
  const named = (name: string): MetricSeries => ({ attributes: { name }, points: [] });
  const keys = ["a", "b"].map((name) => JSON.stringify({ name }));
  const answer = data([named("new"), named("b"), named("a")], {
    exemplars: [
      { ...exemplar(1, 1), series: 0 },
      { ...exemplar(2, 2), series: 2 },
    ],
  });
  const shown = steady(answer, keys);
  expect(shown.series.map(({ attributes }) => attributes.name)).toEqual(["a", "b", "new"]);
  expect(shown.exemplars.map(({ series }) => series)).toEqual([2, 0]);
  expect(steady(answer, [])).toBe(answer);
});

test("the figures of a line leave its holes out", () => {
  expect(figures(line(null, 4, 2, null, 6, null))).toEqual({ last: 6, least: 2, mean: 4, most: 6 });
  expect(figures(line(null))).toBeNull();
  expect([isEmpty(data([line(null)])), isEmpty(data([line(null), line(0)])), isEmpty(data([]))]).toEqual([
    true,
    false,
    true,
  ]);
});

test("exemplars lie only on an axis of what was measured", () => {
  const shows = (more: Partial<MetricData>) => showsExemplars(data([], more));
  expect(shows({ aggregation: "p50" })).toBe(true);
  expect(shows({ kind: "exponential_histogram", aggregation: "avg" })).toBe(true);
  expect(shows({ aggregation: "rate" })).toBe(false);
  expect(shows({ aggregation: "count" })).toBe(false);
  expect(shows({ kind: "sum", aggregation: "rate" })).toBe(false);
});

test("the axis begins at zero, but for a gauge that stays far from it", () => {
  const [low, high] = valueEnds([[1, 2, null]], [], "histogram");
  expect([low, high > 2]).toEqual([0, true]);
  expect(valueEnds([[500, 510]], [], "gauge")[0]).toBeGreaterThan(490);
  expect(valueEnds([[5, 510]], [], "gauge")[0]).toBe(0);
  expect(valueEnds([[-3, 5]], [], "sum")[0]).toBeLessThan(-3);
  expect(valueEnds([[0, 0]], [], "sum")).toEqual([0, 1]);
  expect(valueEnds([[]], [], "sum")).toEqual([0, 1]);
});

test("the axis has room for an exemplar, but one far above does not flatten the lines", () => {
  expect(valueEnds([[1]], [2], "histogram")[1]).toBeGreaterThan(2);
  expect(valueEnds([[1]], [1000], "histogram")[1]).toBeLessThan(3.5);
  const [dot] = dots([exemplar(1000, 105)], [100, 110], [0, 3]);
  expect([dot?.x, dot?.y, dot?.above]).toEqual([0.5, 1, true]);
});

test("an exemplar outside of a span or of the time range has no dot", () => {
  const some = [exemplar(1, 105), exemplar(1, 105, ""), exemplar(1, 99), exemplar(1, 111)];
  expect(dots(some, [100, 110], [0, 2])).toEqual([{ exemplar: some[0], x: 0.5, y: 0.5, above: false }]);
});

test("of dots that lie on each other the largest stays, in order of time", () => {
  const some = dots(
    [exemplar(0.5, 150), exemplar(0.51, 150), exemplar(0.9, 190), exemplar(0.1, 110)],
    [100, 200],
    [0, 1],
  );
  expect(spread(some, 400, 200, 9).map(({ exemplar: { value } }) => value)).toEqual([0.1, 0.51, 0.9]);
});

test("the largest exemplars are of different traces", () => {
  const some = [exemplar(1, 1, "a"), exemplar(3, 2, "b"), exemplar(2, 3, "b"), exemplar(9, 4, "")];
  expect(largest(some, 5).map(({ value }) => value)).toEqual([3, 1]);
  expect(largest(some, 1).map(({ value }) => value)).toEqual([3]);
});

test("a search finds metrics that have all of its words", () => {
  const all = [metric({}), metric({ name: "shop.orders", description: "" })];
  const names = (text: string) => searched(all, text).map(({ name }) => name);
  expect(names("REQUESTS server")).toEqual(["http.server.request.duration"]);
  expect(names(" ")).toHaveLength(2);
  expect(names("server orders")).toEqual([]);
  const own = [metric({ name: "traceo.batches" }), metric({ name: "z" })];
  expect(searched(own, "").map(({ name }) => name)).toEqual(["z", "traceo.batches"]);
});

test("each kind has its words and what can be asked of it", () => {
  expect(kindName(metric({ kind: "sum", is_monotonic: true }))).toBe("Counter");
  expect(kindName(metric({ kind: "sum" }))).toBe("Up-down counter");
  expect(kindName(metric({}))).toBe("Histogram");
  expect(aggregationsOf(metric({ kind: "sum", is_monotonic: true }))).not.toContain("avg");
  expect(aggregationsOf(metric({ kind: "gauge" }))[0]).toBe("last");
  expect(aggregationsOf(metric({}))).toContain("p99");
});

test("a marker in a label names the rule it comes from", () => {
  expect(markerRules("to [EMAIL] and [EMAIL:pn_1] from [IP]")).toEqual(["EMAIL", "IP"]);
  expect(markerRules("a[0]")).toEqual([]);
  expect(splitMarkers("to [EMAIL]", markerRules("to [EMAIL]")).map(({ kind }) => kind)).toEqual([
    "text",
    "marker",
  ]);
});
