import { expect, test } from "vitest";
import {
  formatAgo,
  formatDuration,
  formatOffset,
  fromLocalField,
  parseDuration,
  ticks,
  toDate,
  toLocalField,
} from "../src/time";

test.each([
  [0, "0 ns"],
  [850, "850 ns"],
  [12_340, "12.3 µs"],
  [999_499, "999 µs"],
  [999_999, "1 ms"],
  [1_500_000, "1.5 ms"],
  [99_960_000, "100 ms"],
  [250_000_000, "250 ms"],
  [999_600_000, "1 s"],
  [1_234_000_000, "1.23 s"],
  [59_970_000_000, "1 m 00 s"],
  [125_000_000_000, "2 m 05 s"],
  [3_599_900_000_000, "1 h 00 m"],
  [3_720_000_000_000, "1 h 02 m"],
])("a duration of %i ns is written %s", (ns, text) => {
  expect(formatDuration(ns)).toBe(text);
});

test("an offset has a sign, and none of a unit at the origin", () => {
  expect([0, 1_500_000, -2000].map(formatOffset)).toEqual(["+0", "+1.5 ms", "−2 µs"]);
});

test.each([
  ["250", 250],
  ["250ms", 250],
  [" 1.5 s ", 1500],
  ["2m", 120_000],
  ["100us", 0.1],
  ["100 µs", 0.1],
  ["1h", 3_600_000],
  ["fast", null],
  ["-5ms", null],
  ["5 weeks", null],
  ["", null],
])("the typed duration %j means %j milliseconds", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test("nanoseconds become a date without losing the millisecond", () => {
  expect(toDate("1764000000123999999").toISOString()).toBe("2025-11-24T16:00:00.123Z");
});

test.each([
  [0, "just now"],
  [12, "12 s ago"],
  [300, "5 min ago"],
  [7200, "2 h ago"],
  [200_000, "2 days ago"],
])("%i seconds back is %s", (seconds, text) => {
  const now = new Date("2026-11-24T12:00:00Z");
  expect(formatAgo(new Date(now.getTime() - seconds * 1000), now)).toBe(text);
});

test("a moment survives the way into a date field and back, to the minute", () => {
  expect(fromLocalField(toLocalField("2026-11-24T12:34:00.000Z"))).toBe("2026-11-24T12:34:00.000Z");
  expect([toLocalField("never"), fromLocalField("")]).toEqual(["", ""]);
});

test("an axis is cut at round steps", () => {
  expect(ticks(448, 5)).toEqual([0, 100, 200, 300, 400]);
  expect(ticks(10, 5)).toEqual([0, 2, 4, 6, 8, 10]);
  expect(ticks(0, 5)).toEqual([0]);
});
