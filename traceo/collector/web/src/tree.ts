/** A trace's spans as a tree laid out on one time axis. */

import type { Span, Trace } from "./types";

export type Node = {
  readonly span: Span;
  readonly children: readonly Node[];
  readonly depth: number;
  /** Nanoseconds after the start of the axis. */
  readonly offset: number;
  /** Spans below this one, at any depth. */
  readonly below: number;
  /** Spans below this one whose status is error. */
  readonly errorsBelow: number;
};

export type Tree = {
  readonly roots: readonly Node[];
  readonly byId: ReadonlyMap<string, Node>;
  /** Unix nanoseconds of the earliest start. */
  readonly origin: bigint;
  /** Nanoseconds from the earliest start to the latest end; at least 1. */
  readonly length: number;
};

const byStart = (a: Span, b: Span): number => {
  const difference = BigInt(a.start_unix_nano) - BigInt(b.start_unix_nano);
  if (difference !== 0n) return difference < 0n ? -1 : 1;
  return b.duration_ns - a.duration_ns || (a.span_id < b.span_id ? -1 : 1);
};

/**
 * Children under their parents, each level by start time. A span whose parent is absent is a root of its own;
 * so is the earliest span of a ring of parents. A span id that comes twice is shown once.
 */
export function buildTree(trace: Pick<Trace, "spans" | "start_unix_nano">): Tree {
  const spans = [...new Map(trace.spans.map((span) => [span.span_id, span])).values()].sort(byStart);
  const known = new Set(spans.map((span) => span.span_id));
  const childrenOf = new Map<string, Span[]>();
  const tops: Span[] = [];
  for (const span of spans) {
    const parent = span.parent_span_id;
    if (!parent || !known.has(parent) || parent === span.span_id) tops.push(span);
    else childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), span]);
  }

  const origin = spans[0] ? BigInt(spans[0].start_unix_nano) : BigInt(trace.start_unix_nano);
  const byId = new Map<string, Node>();
  const placed = new Set<string>();
  let length = 1;

  // Depth first with an own stack: a chain of ten thousand spans must not exhaust the engine's.
  const place = (top: Span): Node => {
    type Open = { span: Span; depth: number; rest: Span[]; children: Node[] };
    const open = (span: Span, depth: number): Open => {
      placed.add(span.span_id);
      return { span, depth, rest: [...(childrenOf.get(span.span_id) ?? [])], children: [] };
    };
    const stack: Open[] = [open(top, 0)];
    for (;;) {
      const current = stack[stack.length - 1] as Open;
      const next = current.rest.shift();
      if (next) {
        if (!placed.has(next.span_id)) stack.push(open(next, current.depth + 1));
        continue;
      }
      const node = close(current.span, current.depth, current.children);
      stack.pop();
      const parent = stack[stack.length - 1];
      if (!parent) return node;
      parent.children.push(node);
    }
  };
  const close = (span: Span, depth: number, children: readonly Node[]): Node => {
    const offset = Number(BigInt(span.start_unix_nano) - origin);
    length = Math.max(length, offset + span.duration_ns);
    let below = 0;
    let errorsBelow = 0;
    for (const child of children) {
      below += 1 + child.below;
      errorsBelow += (child.span.status.code === "error" ? 1 : 0) + child.errorsBelow;
    }
    const node = { span, children, depth, offset, below, errorsBelow };
    byId.set(span.span_id, node);
    return node;
  };

  const roots = tops.map(place);
  for (const span of spans) if (!placed.has(span.span_id)) roots.push(place(span));
  return { roots, byId, origin, length };
}

/** The rows to show, in order, without what lies below a collapsed span. */
export function visibleRows(tree: Tree, collapsed: ReadonlySet<string>): Node[] {
  const rows: Node[] = [];
  const stack = [...tree.roots].reverse();
  for (let node = stack.pop(); node; node = stack.pop()) {
    rows.push(node);
    if (collapsed.has(node.span.span_id)) continue;
    for (let index = node.children.length - 1; index >= 0; index--) stack.push(node.children[index] as Node);
  }
  return rows;
}

/** The ids of the spans above this one, nearest first. */
export function ancestors(tree: Tree, id: string): string[] {
  const above: string[] = [];
  let parent = tree.byId.get(id)?.span.parent_span_id;
  while (parent && tree.byId.has(parent) && !above.includes(parent)) {
    above.push(parent);
    parent = tree.byId.get(parent)?.span.parent_span_id;
  }
  return above;
}

/** The span to name the trace by: the first without a parent, else the earliest. */
export function rootOf(tree: Tree): Span | null {
  const top = tree.roots.find((node) => !node.span.parent_span_id) ?? tree.roots[0];
  return top ? top.span : null;
}
