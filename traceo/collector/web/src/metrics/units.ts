/** Values with their unit (UCUM, as OpenTelemetry writes it), for people. */

import { formatDuration } from "../time";
import type { Aggregation } from "../types";

/** Nanoseconds of the units of time. */
const TIMES: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  min: 60e9,
  h: 3600e9,
  d: 86_400e9,
};
/** Bytes of the units of information. */
const SIZES: Readonly<Record<string, number>> = {
  By: 1,
  KiBy: 1024,
  MiBy: 1024 ** 2,
  GiBy: 1024 ** 3,
  kBy: 1e3,
  MBy: 1e6,
  GBy: 1e9,
};
const SIZE_NAMES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const NAMED: Readonly<Record<string, string>> = { Cel: "°C", "%": "%", "1": "", Hz: "Hz" };

/** What a value of a metric is after it was aggregated. */
export type Measure = {
  readonly kind: "time" | "size" | "number";
  /** Nanoseconds or bytes of one. */
  readonly factor: number;
  /** What stands after a plain number. */
  readonly suffix: string;
  readonly perSecond: boolean;
};

const COUNT: Measure = { kind: "number", factor: 1, suffix: "", perSecond: false };

/** The measure of an aggregated value; `countsMeasurements` is true of histograms and summaries. */
export function measureOf(unit: string, aggregation: Aggregation, countsMeasurements: boolean): Measure {
  if (aggregation === "count") return COUNT;
  const perSecond = aggregation === "rate";
  if (perSecond && countsMeasurements) return { ...COUNT, perSecond };
  const [base = "", per] = unit.split("/");
  const isPerSecond = per === "s";
  const time = TIMES[base];
  if (time !== undefined && per === undefined) return { kind: "time", factor: time, suffix: "", perSecond };
  const size = SIZES[base];
  if (size !== undefined && (per === undefined || isPerSecond))
    return { kind: "size", factor: size, suffix: "", perSecond: perSecond || isPerSecond };
  // {request} is an annotation: how a reader calls one, no unit
  const suffix = NAMED[unit] ?? unit.replace(/\{[^}]*\}/g, "");
  return { kind: "number", factor: 1, suffix, perSecond };
}

/** Four significant digits at most, thousands in steps: 0.0123, 12.3, 1,234, 12.3k, 4.5M. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e15 || size < 1e-4) return value.toExponential(1);
  for (const [from, letter] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e4, "k"],
  ] as const) {
    if (size >= from) return `${trimmed(value / (letter === "k" ? 1e3 : from))}${letter}`;
  }
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return trimmed(value);
}

const trimmed = (value: number): string => String(Number(value.toPrecision(3)));

export function formatSize(bytes: number): string {
  let value = bytes;
  let power = 0;
  while (Math.abs(value) >= 1023.5 && power < SIZE_NAMES.length - 1) {
    value /= 1024;
    power += 1;
  }
  return `${Number(value.toPrecision(Math.abs(value) >= 100 ? 4 : 3))} ${SIZE_NAMES[power]}`;
}

function bare(value: number, { kind, factor, suffix }: Measure): string {
  if (kind === "time") {
    const ns = value * factor;
    if (ns === 0) return "0";
    return ns < 0 ? `−${formatDuration(-ns)}` : ns < 0.5 ? `${formatNumber(ns)} ns` : formatDuration(ns);
  }
  if (kind === "size") return formatSize(value * factor);
  if (!suffix) return formatNumber(value);
  return suffix === "%" ? `${formatNumber(value)}%` : `${formatNumber(value)} ${suffix}`;
}

/** `250 ms`, `12.3 MiB/s`, `4.5/s`, `21 °C`. */
export function formatValue(value: number, measure: Measure): string {
  const text = bare(value, measure);
  return measure.perSecond ? `${text}/s` : text;
}

/** What one on the axis is, for its title: `s`, `By`, `order/s`. */
export function unitName(unit: string, aggregation: Aggregation, countsMeasurements: boolean): string {
  if (aggregation === "count") return countsMeasurements ? "measurements" : "points";
  if (aggregation === "rate" && countsMeasurements) return "measurements/s";
  const annotation = /^\{([^}]*)\}$/.exec(unit)?.[1];
  const name = unit === "1" ? "" : (annotation ?? unit);
  return aggregation === "rate" ? `${name || "1"}/s` : name;
}

/** `30 s`, `5 min`, `2 h`: a step is round in one of them. */
export function formatStep(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

/** Steps of an axis that are round in the measure: powers of two for bytes, minutes and hours for time. */
export function axisSteps({ kind, factor }: Measure): number[] | null {
  if (kind === "size") return powers(2, 0, 60).map((step) => step / factor);
  if (kind !== "time") return null;
  const below = powers(10, 0, 10).flatMap((power) => [power, 2 * power, 5 * power]);
  const above = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600].map((seconds) => seconds * 1e9);
  const hours = [2, 3, 6, 12, 24, 48, 96, 240, 480, 960].map((count) => count * 3600e9);
  return [...below.filter((step) => step < 1e10), ...above, ...hours].map((step) => step / factor);
}

const powers = (base: number, from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => base ** (from + index));
