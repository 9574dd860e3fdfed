import { describe, expect, test } from "vitest";
import { ancestors, buildTree, rootOf, visibleRows } from "../src/tree";
import type { Span } from "../src/types";

const T0 = 1_764_000_000_000_000_000n;

function span(id: string, parent: string | null, startNs: number, durationNs: number, failed = false): Span {
  return {
    span_id: id,
    parent_span_id: parent,
    name: id,
    service: "shop",
    kind: "internal",
    start_unix_nano: String(T0 + BigInt(startNs)),
    duration_ns: durationNs,
    status: { code: failed ? "error" : "unset", message: "" },
    scope: { name: "", version: "" },
    resource: {},
    attributes: {},
    events: [],
    links: [],
    redacted: [],
  };
}

const treeOf = (spans: Span[]) => buildTree({ spans, start_unix_nano: String(T0) });
const shape = (spans: Span[], collapsed: string[] = []) =>
  visibleRows(treeOf(spans), new Set(collapsed)).map(
    (node) => `${"  ".repeat(node.depth)}${node.span.span_id}`,
  );

describe("a trace's tree", () => {
  test("puts children under their parents, each level by start time", () => {
    expect(
      shape([span("c", "a", 30, 5), span("a", null, 0, 100), span("d", "b", 12, 2), span("b", "a", 10, 10)]),
    ).toEqual(["a", "  b", "    d", "  c"]);
  });

  test("keeps nanoseconds exact although they exceed a double", () => {
    const tree = treeOf([span("a", null, 0, 100), span("b", "a", 1, 3)]);
    expect([tree.origin, tree.length, tree.byId.get("b")?.offset]).toEqual([T0, 100, 1]);
  });

  test("ends where the last span ends, also after its root", () => {
    expect(treeOf([span("a", null, 0, 10), span("late", "a", 50, 25)]).length).toBe(75);
  });

  test("shows a span whose parent never arrived as a root", () => {
    expect(shape([span("a", null, 0, 9), span("orphan", "gone", 5, 1)])).toEqual(["a", "orphan"]);
  });

  test("survives a ring of parents and a span that is its own parent", () => {
    expect(shape([span("a", "b", 0, 9), span("b", "a", 1, 1), span("self", "self", 2, 1)])).toEqual([
      "self",
      "a",
      "  b",
    ]);
  });

  test("shows a span that came twice once", () => {
    expect(shape([span("a", null, 0, 9), span("a", null, 0, 9)])).toEqual(["a"]);
  });

  test("hides what lies below a collapsed span and counts it and its errors", () => {
    const spans = [span("a", null, 0, 9), span("b", "a", 1, 3), span("c", "b", 2, 1, true)];
    expect(shape(spans, ["b"])).toEqual(["a", "  b"]);
    const b = treeOf(spans).byId.get("b");
    expect([b?.below, b?.errorsBelow]).toEqual([1, 1]);
  });

  test("takes a chain of twenty thousand spans", () => {
    const spans = Array.from({ length: 20_000 }, (_, index) =>
      span(`s${index}`, index ? `s${index - 1}` : null, index, 1),
    );
    expect(treeOf(spans).byId.get("s0")?.below).toBe(19_999);
  });

  test("is named by the first span without a parent, else by the earliest", () => {
    expect(rootOf(treeOf([span("orphan", "gone", 0, 1), span("root", null, 5, 1)]))?.name).toBe("root");
    expect(rootOf(treeOf([span("orphan", "gone", 0, 1)]))?.name).toBe("orphan");
    expect(rootOf(treeOf([]))).toBeNull();
  });

  test("knows the way up from a span, also in a ring", () => {
    expect(
      ancestors(treeOf([span("a", null, 0, 9), span("b", "a", 1, 3), span("c", "b", 2, 1)]), "c"),
    ).toEqual(["b", "a"]);
    expect(ancestors(treeOf([span("a", "b", 0, 9), span("b", "a", 1, 1)]), "a")).toEqual(["b", "a"]);
  });
});
