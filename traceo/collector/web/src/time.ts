/** Times and durations, read and written for people. Times are shown in the reader's own time zone. */

import type { Nanos } from "./types";

const MS = 1e6;
const SECOND = 1e9;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const pad = (value: number, width = 2): string => String(value).padStart(width, "0");

/** Three significant digits without trailing zeros: 1.5, 12.3, 250. */
function short(value: number): string {
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}

/** A duration in nanoseconds as text: `850 ns`, `12.3 µs`, `250 ms`, `1.5 s`, `2 m 05 s`, `1 h 02 m`. */
export function formatDuration(ns: number): string {
  if (ns < 1000) return `${Math.max(0, Math.round(ns))} ns`;
  if (ns < 999_500) return `${short(ns / 1000)} µs`;
  if (ns < 999.5 * MS) return `${short(ns / MS)} ms`;
  if (ns < 59.95 * SECOND) return `${short(ns / SECOND)} s`;
  const seconds = Math.round(ns / SECOND);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${pad(seconds % 60)} s`;
  const minutes = Math.round(ns / MINUTE);
  return `${Math.floor((minutes * MINUTE) / HOUR)} h ${pad(minutes % 60)} m`;
}

/** A moment relative to another: `+12.3 ms`, `+0`, or `−2 ms` when it lies before. */
export function formatOffset(ns: number): string {
  if (ns === 0) return "+0";
  return ns < 0 ? `−${formatDuration(-ns)}` : `+${formatDuration(ns)}`;
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
};

/** Milliseconds of `250`, `250ms`, `1.5 s` or `2m`; a number without a unit is milliseconds; null when neither. */
export function parseDuration(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-zµ]*)\s*$/i.exec(text);
  if (!match) return null;
  const unit = UNITS[(match[2] || "ms").toLowerCase()];
  return unit === undefined ? null : Number(match[1]) * unit;
}

export const toDate = (nanos: Nanos): Date => new Date(Number(BigInt(nanos) / 1_000_000n));

/** `2026-11-24` in local time. */
export function formatDay(date: Date): string {
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

/** `14:03:22.123` in local time. */
export function formatClock(date: Date): string {
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
}

/** `just now`, `12 s ago`, `5 min ago`, `3 h ago`, `2 days ago`. */
export function formatAgo(date: Date, now: Date): string {
  const seconds = Math.floor((now.getTime() - date.getTime()) / 1000);
  if (seconds < 2) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} days ago`;
}

/** `2026-11-24T14:03` for a datetime-local field, from an RFC 3339 text; empty when it is none. */
export function toLocalField(rfc3339: string): string {
  const date = new Date(rfc3339);
  if (Number.isNaN(date.getTime())) return "";
  return `${formatDay(date)}T${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

/** RFC 3339 in UTC from a datetime-local field; empty when the field is. */
export function fromLocalField(text: string): string {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}

/** Round steps (1, 2, 2.5 or 5 times a power of ten) from 0 that cut `span` into at most `most` parts. */
export function ticks(span: number, most: number): number[] {
  if (!(span > 0)) return [0];
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => span / size <= most);
  const size = step ?? 10 * power;
  return Array.from({ length: Math.floor(span / size + 1e-9) + 1 }, (_, index) => index * size);
}

/** `2026-11-24`, `2026-11-24 14:03` or `2026-11-24 14:03:22` in local time. */
export function formatMoment(date: Date, to: "day" | "minute" | "second"): string {
  if (to === "day") return formatDay(date);
  return `${formatDay(date)} ${formatClock(date).slice(0, to === "minute" ? 5 : 8)}`;
}
