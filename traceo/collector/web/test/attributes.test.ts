import { expect, test } from "vitest";
import { groupAttributes, valueText } from "../src/attributes";
import { assignColors } from "../src/services";

test("attributes come in titled groups, each by key, single ones first", () => {
  expect(
    groupAttributes({
      "url.path": "/a",
      "http.route": "/a",
      "cart.items": 3,
      "risk.rule": "velocity",
      "risk.score": 0.3,
      "http.request.method": "POST",
      "traceo.redacted": ["attributes.url.path=EMAIL"],
    }),
  ).toEqual([
    { title: "General", entries: [["cart.items", 3]] },
    {
      title: "HTTP",
      entries: [
        ["http.request.method", "POST"],
        ["http.route", "/a"],
      ],
    },
    {
      title: "risk",
      entries: [
        ["risk.rule", "velocity"],
        ["risk.score", 0.3],
      ],
    },
    { title: "URL", entries: [["url.path", "/a"]] },
  ]);
});

test("a filter wants every word, in the key or the value", () => {
  const attributes = {
    "http.route": "/Checkout",
    "http.request.method": "POST",
    "db.query.text": "SELECT 1",
  };
  expect(groupAttributes(attributes, "http checkout")).toEqual([
    { title: "HTTP", entries: [["http.route", "/Checkout"]] },
  ]);
  expect(groupAttributes(attributes, "nothing")).toEqual([]);
});

test("a nested value is copied as JSON", () => {
  expect([valueText("plain"), valueText(4), valueText({ a: [1] })]).toEqual([
    "plain",
    "4",
    '{\n  "a": [\n    1\n  ]\n}',
  ]);
});

test("services of one page have different colours, whatever the order", () => {
  const names = ["shop", "payments", "search", "mail", "auth", "stock", "prices", "orders", "users", "jobs"];
  const colors = assignColors(names);
  expect(new Set(colors.values()).size).toBe(10);
  expect([...assignColors([...names].reverse())].sort()).toEqual([...colors].sort());
});
