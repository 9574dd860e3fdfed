import { useMemo } from "preact/hooks";
import { lastListHref } from "../list/page";
import { countRules, ownRedactions } from "../marker";
import { CopyButton } from "../parts/copy";
import { ErrorIcon, ShieldIcon } from "../parts/icons";
import { RedactedText } from "../parts/redacted";
import { ServiceTag } from "../parts/service";
import { tipOf } from "../parts/tip";
import { Link } from "../router";
import { formatAgo, formatClock, formatDay, formatDuration, toDate } from "../time";
import { rootOf, type Tree, visibleRows } from "../tree";
import type { Trace } from "../types";

type HeaderProps = {
  readonly trace: Trace;
  readonly tree: Tree;
  readonly colors: ReadonlyMap<string, number>;
  readonly selected: string;
  readonly onSelect: (span: string) => void;
};

const NOTHING_COLLAPSED: ReadonlySet<string> = new Set();

export function TraceHeader({ trace, tree, colors, selected, onSelect }: HeaderProps) {
  const root = rootOf(tree);
  const start = toDate(String(tree.origin));
  const services = useMemo(() => servicesInOrder(tree, colors), [tree, colors]);
  const failed = useMemo(
    () => visibleRows(tree, NOTHING_COLLAPSED).filter(({ span }) => span.status.code === "error"),
    [tree],
  );
  const rules = useMemo(
    () => countRules([...trace.spans, ...trace.logs].flatMap(({ redacted }) => ownRedactions(redacted))),
    [trace],
  );
  const redactions = rules.reduce((sum, [, count]) => sum + count, 0);
  const nextError = () => {
    const after = failed.findIndex(({ span }) => span.span_id === selected) + 1;
    const node = failed[after % failed.length];
    if (node) onSelect(node.span.span_id);
  };
  return (
    <header class="trace-header">
      <p class="crumb">
        <Link href={lastListHref()}>Traces</Link>
        <span aria-hidden="true">/</span>
        <span class="trace-id">
          <code>{trace.trace_id}</code>
          <CopyButton text={trace.trace_id} label="Copy the trace id" />
        </span>
      </p>
      <div class="trace-title">
        <h1>
          {root ? (
            <RedactedText text={root.name || "unnamed"} path="name" redacted={root.redacted} />
          ) : (
            "Trace"
          )}
        </h1>
        <span class="trace-services">
          {services.map((name) => (
            <ServiceTag name={name} color={colors.get(name) ?? 0} />
          ))}
        </span>
      </div>
      <dl class="facts">
        <div>
          <dt>Start</dt>
          <dd>
            <time dateTime={start.toISOString()}>
              {formatDay(start)} {formatClock(start)}
            </time>{" "}
            <span class="faint">{formatAgo(start, new Date())}</span>
          </dd>
        </div>
        <div>
          <dt>Duration</dt>
          <dd>{formatDuration(tree.length)}</dd>
        </div>
        <div>
          <dt>Spans</dt>
          <dd>{tree.byId.size}</dd>
        </div>
        <div>
          <dt>Errors</dt>
          <dd>
            {failed.length > 0 ? (
              <button
                type="button"
                class="errors as-link"
                onClick={nextError}
                title="Go to the next span in error"
              >
                <ErrorIcon />
                {failed.length}
              </button>
            ) : (
              "0"
            )}
          </dd>
        </div>
        <div>
          <dt>Redacted</dt>
          <dd>
            {redactions > 0 ? (
              <button
                type="button"
                class="redactions as-link"
                aria-label={`${redactions} values redacted: ${rules.map(([rule, count]) => `${rule} ${count}`).join(", ")}`}
                {...tipOf(<RuleCounts rules={rules} />)}
              >
                <ShieldIcon />
                {redactions}
              </button>
            ) : (
              "0"
            )}
          </dd>
        </div>
      </dl>
    </header>
  );
}

/** As a reader meets them in the timeline; services that only logged come last. */
function servicesInOrder(tree: Tree, colors: ReadonlyMap<string, number>): string[] {
  const met = visibleRows(tree, NOTHING_COLLAPSED).map(({ span }) => span.service);
  return [...new Set([...met, ...colors.keys()])];
}

function RuleCounts({ rules }: { readonly rules: readonly (readonly [string, number])[] }) {
  return (
    <>
      <strong class="tip-title">Taken out before it left the process</strong>
      <ul class="rule-counts">
        {rules.map(([rule, count]) => (
          <li>
            <code>{rule}</code> <span>{count}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
