import { ownRedactions, statusPath } from "../marker";
import { CaretIcon, ErrorIcon, ShieldIcon } from "../parts/icons";
import { RedactedText } from "../parts/redacted";
import { closeTip, openTip } from "../parts/tip";
import { formatDuration, formatOffset } from "../time";
import type { Node, Tree } from "../tree";
import type { Log, Nanos } from "../types";
import { severityOf } from "./severity";

/** More marks on one bar than this are no longer told apart. */
const MOST_TICKS = 100;
const percent = (share: number): string => `${(100 * share).toFixed(3)}%`;

type RowProps = {
  readonly node: Node;
  readonly tree: Tree;
  readonly color: number;
  readonly logs: readonly Log[];
  readonly collapsed: boolean;
  readonly selected: boolean;
  readonly active: boolean;
  readonly top: number;
  readonly onPick: (node: Node) => void;
  readonly onToggle: (span: string) => void;
};

export function Row(props: RowProps) {
  const { node, tree, color, logs, collapsed, selected, active, top, onPick, onToggle } = props;
  const { span } = node;
  const failed = span.status.code === "error";
  const left = node.offset / tree.length;
  const width = span.duration_ns / tree.length;
  const at = (time: Nanos): number =>
    Math.min(1, Math.max(0, Number(BigInt(time) - tree.origin) / tree.length));
  const parent = tree.byId.get(span.parent_span_id ?? "");
  const showService = parent?.span.service !== span.service;
  const hasChildren = node.children.length > 0;
  const onEnter = (event: MouseEvent) =>
    openTip(event.currentTarget as Element, <RowTip node={node} tree={tree} />, event.clientX);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree that holds the row handles the keys
    // biome-ignore lint/a11y/useFocusableInteractive: focus stays on the tree, which names its active row
    <div
      id={`span-${span.span_id}`}
      class={`row service-${color} ${failed ? "failed" : ""} ${selected ? "selected" : ""} ${active ? "active" : ""}`}
      role="treeitem"
      aria-level={node.depth + 1}
      aria-expanded={hasChildren ? !collapsed : undefined}
      aria-selected={selected}
      aria-label={rowLabel(node)}
      style={{ top: `${top}px` }}
      onClick={() => onPick(node)}
    >
      <span class="row-name" style={{ "--depth": String(Math.min(node.depth, 24)) }}>
        {hasChildren ? (
          <span
            class={`caret ${collapsed ? "" : "open"}`}
            aria-hidden="true"
            onClick={(event) => {
              event.stopPropagation();
              onToggle(span.span_id);
            }}
          >
            <CaretIcon />
            {collapsed && <span class="count">{node.below}</span>}
          </span>
        ) : (
          <span class="caret none" />
        )}
        <span class="stripe" />
        <span class="row-text">
          {showService && <span class="row-service">{span.service} </span>}
          <RedactedText text={span.name || "unnamed"} path="name" redacted={span.redacted} plain />
        </span>
        {failed && <ErrorIcon class="error-mark" />}
        {collapsed && !failed && node.errorsBelow > 0 && <ErrorIcon class="error-mark below" />}
        {ownRedactions(span.redacted).length > 0 && <ShieldIcon class="shield-mark" />}
      </span>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the tooltip repeats the label of the row */}
      <span class="row-time" onMouseEnter={onEnter} onMouseLeave={closeTip}>
        <span class="bar" style={{ left: percent(left), width: percent(width) }} />
        {span.events.slice(0, MOST_TICKS).map((event) => (
          <span
            class={`tick event ${event.name === "exception" ? "exception" : ""}`}
            style={{ left: percent(at(event.time_unix_nano)) }}
          />
        ))}
        {logs.slice(0, MOST_TICKS).map((log) => (
          <span class={`tick log ${severityOf(log)}`} style={{ left: percent(at(log.time_unix_nano)) }} />
        ))}
        <span class="bar-label" style={{ left: percent(left + width) }}>
          {formatDuration(span.duration_ns)}
        </span>
      </span>
    </div>
  );
}

function rowLabel({ span, below }: Node): string {
  const parts = [span.name || "unnamed", span.service, formatDuration(span.duration_ns)];
  if (span.status.code === "error") parts.push("error");
  const redactions = ownRedactions(span.redacted).length;
  if (redactions > 0) parts.push(`${redactions} redacted`);
  if (below > 0) parts.push(`${below} below`);
  return parts.join(", ");
}

function shareText(share: number): string {
  return share < 0.001 ? "under 0.1 %" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

export function RowTip({ node, tree }: { readonly node: Node; readonly tree: Tree }) {
  const { span } = node;
  const redactions = ownRedactions(span.redacted).length;
  return (
    <>
      <strong class="tip-title">
        <RedactedText text={span.name || "unnamed"} path="name" redacted={span.redacted} plain />
      </strong>
      <dl class="tip-facts">
        <dt>Service</dt>
        <dd>
          {span.service} · {span.kind}
        </dd>
        <dt>Starts at</dt>
        <dd>{formatOffset(node.offset)}</dd>
        <dt>Takes</dt>
        <dd>
          {formatDuration(span.duration_ns)} · {shareText(span.duration_ns / tree.length)} of the trace
        </dd>
        {span.status.code === "error" && (
          <>
            <dt>Error</dt>
            <dd class="error-text">
              <RedactedText
                text={span.status.message || "no message"}
                path={statusPath(span.redacted)}
                redacted={span.redacted}
                plain
              />
            </dd>
          </>
        )}
        {redactions > 0 && (
          <>
            <dt>Redacted</dt>
            <dd>{redactions}</dd>
          </>
        )}
      </dl>
    </>
  );
}
