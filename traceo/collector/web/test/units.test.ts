import { expect, test } from "vitest";
import {
  axisSteps,
  formatNumber,
  formatSize,
  formatStep,
  formatValue,
  measureOf,
  unitName,
} from "../src/metrics/units";
import type { Aggregation } from "../src/types";

const shown = (value: number, unit: string, aggregation: Aggregation, counts = false) =>
  formatValue(value, measureOf(unit, aggregation, counts));

test("a number has three significant digits and a letter for its size", () => {
  expect(
    [0, 0.00001, 0.01234, 1, 12.345, 999.4, 1234.5, 12_345, 4_560_000, 7.8e9, 2e12].map(formatNumber),
  ).toEqual(["0", "1.0e-5", "0.0123", "1", "12.3", "999", "1,235", "12.3k", "4.56M", "7.8G", "2T"]);
  expect(formatNumber(-12_345)).toBe("-12.3k");
});

test("bytes are told in powers of 1024", () => {
  expect([0, 512, 1024, 1536, 300 * 1024 ** 2, 1023.9 * 1024, 5 * 1024 ** 4].map(formatSize)).toEqual([
    "0 B",
    "512 B",
    "1 KiB",
    "1.5 KiB",
    "300 MiB",
    "1 MiB",
    "5 TiB",
  ]);
});

test("a value is told in the unit of its metric and of how it was aggregated", () => {
  expect(shown(0.25, "s", "p95", true)).toBe("250 ms");
  expect(shown(250, "ms", "avg", true)).toBe("250 ms");
  expect(shown(-0.5, "s", "last")).toBe("−500 ms");
  expect(shown(0, "s", "p50", true)).toBe("0");
  expect(shown(2e-10, "s", "p50", true)).toBe("0.2 ns");
  expect(shown(12.5, "s", "rate", true)).toBe("12.5/s");
  expect(shown(0.3, "s", "rate")).toBe("300 ms/s");
  expect(shown(2048, "By", "rate")).toBe("2 KiB/s");
  expect(shown(2, "KiBy", "last")).toBe("2 KiB");
  expect(shown(2048, "By/s", "last")).toBe("2 KiB/s");
  expect(shown(4.5, "{request}", "rate")).toBe("4.5/s");
  expect(shown(4.5, "{request}", "last")).toBe("4.5");
  expect(shown(21, "Cel", "last")).toBe("21 °C");
  expect(shown(80, "%", "last")).toBe("80%");
  expect(shown(3, "EUR", "rate")).toBe("3 EUR/s");
  expect(shown(0.5, "1", "last")).toBe("0.5");
  expect(shown(7, "s", "count", true)).toBe("7");
});

test("the title of an axis names what is counted", () => {
  expect(unitName("s", "p95", true)).toBe("s");
  expect(unitName("s", "rate", true)).toBe("measurements/s");
  expect(unitName("{order}", "rate", false)).toBe("order/s");
  expect(unitName("1", "last", false)).toBe("");
  expect(unitName("1", "rate", false)).toBe("1/s");
  expect(unitName("By", "count", false)).toBe("points");
});

test("the steps of an axis are round in its measure", () => {
  const bytes = axisSteps(measureOf("By", "last", false)) ?? [];
  expect(bytes).toContain(1024);
  expect(bytes).not.toContain(1000);
  const seconds = axisSteps(measureOf("s", "p95", true)) ?? [];
  expect(seconds).toEqual(expect.arrayContaining([0.05, 1, 15, 60, 3600]));
  expect([...seconds].sort((a, b) => a - b)).toEqual(seconds);
  expect(axisSteps(measureOf("{request}", "last", false))).toBeNull();
});

test("a step is told in its largest round unit", () => {
  expect([10, 60, 90, 300, 3600, 5400, 21_600].map(formatStep)).toEqual([
    "10 s",
    "1 min",
    "90 s",
    "5 min",
    "1 h",
    "90 min",
    "6 h",
  ]);
});
