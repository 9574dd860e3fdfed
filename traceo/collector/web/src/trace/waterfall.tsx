/** The tree of spans beside one time axis. Only the rows in view are in the document. */

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { closeTip, openTip } from "../parts/tip";
import { formatDuration, ticks } from "../time";
import { type Node, type Tree, visibleRows } from "../tree";
import type { Log } from "../types";
import { Row, RowTip } from "./row";

/** As in trace.css. */
const ROW_PX = 30;
const OVERSCAN_ROWS = 12;

type WaterfallProps = {
  readonly tree: Tree;
  readonly colors: ReadonlyMap<string, number>;
  readonly logsBySpan: ReadonlyMap<string, readonly Log[]>;
  readonly collapsed: ReadonlySet<string>;
  readonly selected: string;
  readonly onSelect: (span: string, replace?: boolean) => void;
  readonly onToggle: (span: string) => void;
  readonly onClose: () => void;
};

export function Waterfall(props: WaterfallProps) {
  const { tree, colors, logsBySpan, collapsed, selected, onSelect, onToggle, onClose } = props;
  const rows = useMemo(() => visibleRows(tree, collapsed), [tree, collapsed]);
  const frame = useRef<HTMLDivElement>(null);
  const view = useWindow(frame, rows.length);
  const [active, setActive] = useState(selected);
  const index = Math.max(
    0,
    rows.findIndex(({ span }) => span.span_id === active),
  );
  const activeId = rows[index]?.span.span_id ?? "";

  // Before the next key: an effect after the paint would undo the step that was made meanwhile.
  useLayoutEffect(() => {
    if (selected) setActive(selected);
  }, [selected]);
  useLayoutEffect(() => {
    const position = rows.findIndex(({ span }) => span.span_id === selected);
    if (position >= 0) reveal(frame.current, position);
  }, [selected, rows]);

  const move = (to: number) => {
    const node = rows[Math.min(rows.length - 1, Math.max(0, to))];
    if (!node) return;
    setActive(node.span.span_id);
    reveal(frame.current, rows.indexOf(node));
    // With the panel open it follows the cursor; else the tooltip tells what the row is.
    if (selected) onSelect(node.span.span_id, true);
    else requestAnimationFrame(() => showTip(node, tree));
  };
  const pick = (node: Node) => {
    closeTip(); // the details say more
    setActive(node.span.span_id);
    onSelect(node.span.span_id);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const node = rows[index];
    if (!node) return;
    const open = node.children.length > 0 && !collapsed.has(node.span.span_id);
    const parent = rows.findIndex(({ span }) => span.span_id === node.span.parent_span_id);
    const page = Math.max(1, Math.floor((frame.current?.clientHeight ?? 0) / ROW_PX) - 2);
    const steps: Record<string, () => void> = {
      ArrowDown: () => move(index + 1),
      ArrowUp: () => move(index - 1),
      PageDown: () => move(index + page),
      PageUp: () => move(index - page),
      Home: () => move(0),
      End: () => move(rows.length - 1),
      ArrowRight: () => (open ? move(index + 1) : node.children.length > 0 && onToggle(node.span.span_id)),
      ArrowLeft: () => (open ? onToggle(node.span.span_id) : parent >= 0 && move(parent)),
      Enter: () => pick(node),
      " ": () => pick(node),
      Escape: () => selected && onClose(),
    };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    step();
  };

  return (
    <div class="waterfall" ref={frame}>
      <Axis length={tree.length} />
      <div class="canvas" style={{ height: `${rows.length * ROW_PX}px` }}>
        <Grid length={tree.length} />
        <div
          class="rows"
          role="tree"
          tabIndex={0}
          aria-label="Spans; arrow keys move, Enter shows a span's details"
          aria-activedescendant={activeId ? `span-${activeId}` : undefined}
          onKeyDown={onKeyDown}
        >
          {rows.slice(view.from, view.to).map((node, position) => (
            <Row
              key={node.span.span_id}
              node={node}
              tree={tree}
              color={colors.get(node.span.service) ?? 0}
              logs={logsBySpan.get(node.span.span_id) ?? NO_LOGS}
              collapsed={collapsed.has(node.span.span_id)}
              selected={node.span.span_id === selected}
              active={node.span.span_id === activeId}
              top={(view.from + position) * ROW_PX}
              onPick={pick}
              onToggle={onToggle}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

const NO_LOGS: readonly Log[] = [];

function showTip(node: Node, tree: Tree): void {
  const bar = document.querySelector(`#span-${CSS.escape(node.span.span_id)} .bar`);
  if (bar) openTip(bar, <RowTip node={node} tree={tree} />);
}

/** Scrolls so that the row is in view below the axis. */
function reveal(frame: HTMLElement | null, index: number): void {
  if (!frame) return;
  const axis = ROW_PX;
  const top = index * ROW_PX;
  if (top < frame.scrollTop) frame.scrollTop = top;
  const bottom = top + ROW_PX + axis;
  if (bottom > frame.scrollTop + frame.clientHeight) frame.scrollTop = bottom - frame.clientHeight;
}

/** The part of the rows that is in view, with some more on both sides. */
function useWindow(frame: { readonly current: HTMLElement | null }, count: number) {
  const [view, setView] = useState({ top: 0, height: 900 });
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const measure = () => setView({ top: element.scrollTop, height: element.clientHeight });
    measure();
    const sizes = new ResizeObserver(measure);
    sizes.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      sizes.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, [frame]);
  const from = Math.max(0, Math.floor(view.top / ROW_PX) - OVERSCAN_ROWS);
  const to = Math.min(count, Math.ceil((view.top + view.height) / ROW_PX) + OVERSCAN_ROWS);
  return { from: Math.min(from, to), to };
}

const MOST_TICKS = 5;

function tickPlaces(length: number): { at: number; left: string }[] {
  return ticks(length, MOST_TICKS).map((at) => ({ at, left: `${((100 * at) / length).toFixed(3)}%` }));
}

function Axis({ length }: { readonly length: number }) {
  return (
    <div class="axis" aria-hidden="true">
      <span class="axis-name">Span</span>
      <span class="axis-times">
        {tickPlaces(length).map(({ at, left }) => (
          <span style={{ left }}>{at === 0 ? "0" : formatDuration(at)}</span>
        ))}
      </span>
    </div>
  );
}

/** The axis' lines behind the rows. */
function Grid({ length }: { readonly length: number }) {
  return (
    <div class="grid" aria-hidden="true">
      {tickPlaces(length).map(({ left }) => (
        <span style={{ left }} />
      ))}
    </div>
  );
}
