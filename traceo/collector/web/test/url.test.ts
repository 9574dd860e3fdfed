import { expect, test } from "vitest";
import { tracesPath } from "../src/api";
import {
  isUnfiltered,
  type ListState,
  listHref,
  NO_FILTER,
  readListState,
  readRoute,
  readTraceState,
  traceHref,
} from "../src/url";

const FULL: ListState = {
  service: "shop & co",
  operation: "POST /checkout/{cart_id}",
  range: "custom",
  start: "2026-11-24T10:00:00.000Z",
  end: "2026-11-24T11:00:00.000Z",
  min: "100ms",
  max: "1.5s",
  status: "error",
  attributes: ["http.route=/a=b", "user.tier=gold plus"],
  cursor: "abc+/=",
  live: true,
};

const search = (href: string) => new URL(href, "http://page").search;

test("the list's state survives the way through its address", () => {
  expect(readListState(search(listHref(FULL)))).toEqual(FULL);
  expect(readListState(search(listHref({ ...FULL, range: "6h", start: "", end: "" })))).toEqual({
    ...FULL,
    range: "6h",
    start: "",
    end: "",
  });
});

test("no filter is the bare address", () => {
  expect(listHref(NO_FILTER)).toBe("/");
  expect(readListState("")).toEqual(NO_FILTER);
});

test("an empty custom range stays open for typing", () => {
  expect(readListState(search(listHref({ ...NO_FILTER, range: "custom" }))).range).toBe("custom");
});

test("values that no control could have made are left out", () => {
  expect(readListState("?range=toString&status=odd&attribute=novalue&attribute==x&live=yes")).toEqual(
    NO_FILTER,
  );
});

test("paging and refreshing narrow nothing", () => {
  expect(isUnfiltered({ ...NO_FILTER, cursor: "x", live: true })).toBe(true);
  expect(isUnfiltered({ ...NO_FILTER, min: "1ms" })).toBe(false);
});

test("the trace's state survives the way through its address", () => {
  const state = { tab: "logs", span: "00f067aa0ba902b7", collapsed: ["aa", "bb"] } as const;
  expect(readTraceState(search(traceHref("4bf9", state)))).toEqual(state);
  expect(traceHref("4bf9")).toBe("/trace/4bf9");
});

test("an address names its page", () => {
  expect(readRoute("/", "")).toEqual({ page: "list", state: NO_FILTER });
  expect(readRoute("/trace/4bf9/", "?span=aa")).toEqual({
    page: "trace",
    id: "4bf9",
    state: { tab: "timeline", span: "aa", collapsed: [] },
  });
  expect(readRoute("/trace/%E0%A4%A", "")).toEqual({ page: "unknown" });
  expect(readRoute("/elsewhere", "")).toEqual({ page: "unknown" });
});

test("the list's state becomes the question to the collector", () => {
  const asked = new URL(tracesPath(FULL, 0), "http://page");
  expect([...asked.searchParams]).toEqual([
    ["service", "shop & co"],
    ["operation", "POST /checkout/{cart_id}"],
    ["start", "2026-11-24T10:00:00.000Z"],
    ["end", "2026-11-24T11:00:00.000Z"],
    ["min_duration_ms", "100"],
    ["max_duration_ms", "1500"],
    ["status", "error"],
    ["attribute", "http.route:/a=b"],
    ["attribute", "user.tier:gold plus"],
    ["limit", "50"],
    ["cursor", "abc+/="],
  ]);
});

test("a preset is anchored at the time of asking", () => {
  const asked = new URL(
    tracesPath({ ...NO_FILTER, range: "15m" }, Date.parse("2026-11-24T12:00:00Z")),
    "http://page",
  );
  expect(asked.searchParams.get("start")).toBe("2026-11-24T11:45:00.000Z");
});
