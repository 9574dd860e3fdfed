import { useCallback, useEffect, useMemo } from "preact/hooks";
import { useAnswer } from "../api";
import { lastListHref } from "../list/page";
import { Loading, Notice, ProblemPanel } from "../parts/states";
import { Link, navigate } from "../router";
import { assignColors } from "../services";
import { ancestors, buildTree, rootOf } from "../tree";
import type { Log, Trace } from "../types";
import { type TraceState, traceHref } from "../url";
import { Detail } from "./detail";
import { TraceHeader } from "./header";
import { TraceLogs } from "./logs";
import { Waterfall } from "./waterfall";

type TracePageProps = { readonly id: string; readonly state: TraceState };

export function TracePage({ id, state }: TracePageProps) {
  const { data, problem, loading, reload } = useAnswer<Trace>(
    `trace ${id}`,
    () => `/api/traceo/traces/${encodeURIComponent(id)}`,
  );
  if (data) return <TraceView trace={data} state={state} />;
  return (
    <main class="page" id="main">
      <p class="crumb">
        <Link href={lastListHref()}>Traces</Link>
      </p>
      {problem?.status === 404 ? (
        <Notice title="This trace is not here">
          <p>
            <code>{id}</code> has not arrived yet, or its retention has ended.
          </p>
          <p>
            <button type="button" class="button" onClick={reload}>
              Look again
            </button>
          </p>
        </Notice>
      ) : (
        problem && <ProblemPanel problem={problem} retry={reload} />
      )}
      {loading && !problem && <Loading what="the trace" />}
    </main>
  );
}

type TraceViewProps = { readonly trace: Trace; readonly state: TraceState };

function TraceView({ trace, state }: TraceViewProps) {
  const id = trace.trace_id;
  const tree = useMemo(() => buildTree(trace), [trace]);
  const colors = useMemo(
    () => assignColors([...trace.spans, ...trace.logs].map(({ service }) => service)),
    [trace],
  );
  const logsBySpan = useMemo(() => groupLogs(trace.logs), [trace.logs]);
  const collapsed = useMemo(() => new Set(state.collapsed), [state.collapsed]);
  const selected = tree.byId.get(state.span) ?? null;
  const root = rootOf(tree);

  useEffect(() => {
    document.title = `${root?.name || "Trace"} – Traceo`;
  }, [root]);

  const go = useCallback(
    (change: Partial<TraceState>, replace = false) =>
      navigate(traceHref(id, { ...state, ...change }), { replace }),
    [id, state],
  );
  const select = useCallback(
    (span: string, replace = false) => {
      const above = new Set(ancestors(tree, span));
      const kept = state.collapsed.filter((other) => !above.has(other));
      go({ span, collapsed: kept, tab: "timeline" }, replace);
    },
    [go, tree, state.collapsed],
  );
  const toggle = useCallback(
    (span: string) => {
      const others = state.collapsed.filter((other) => other !== span);
      go({ collapsed: collapsed.has(span) ? others : [...others, span] }, true);
    },
    [go, collapsed, state.collapsed],
  );

  return (
    <main class="trace-page" id="main">
      <TraceHeader trace={trace} tree={tree} colors={colors} selected={state.span} onSelect={select} />
      <nav class="tabs" aria-label="Views of this trace">
        <Link
          href={traceHref(id, { ...state, tab: "timeline" })}
          class="tab"
          current={state.tab === "timeline"}
        >
          Timeline
        </Link>
        <Link href={traceHref(id, { ...state, tab: "logs" })} class="tab" current={state.tab === "logs"}>
          Logs <span class="count">{trace.logs.length}</span>
        </Link>
      </nav>
      {state.tab === "logs" ? (
        <TraceLogs logs={trace.logs} tree={tree} colors={colors} onJump={select} />
      ) : (
        <div class={`trace-body ${selected ? "with-detail" : ""}`}>
          <Waterfall
            tree={tree}
            colors={colors}
            logsBySpan={logsBySpan}
            collapsed={collapsed}
            selected={selected?.span.span_id ?? ""}
            onSelect={select}
            onToggle={toggle}
            onClose={() => go({ span: "" })}
          />
          {selected && (
            <Detail
              key={selected.span.span_id}
              node={selected}
              origin={tree.origin}
              color={colors.get(selected.span.service) ?? 0}
              logs={logsBySpan.get(selected.span.span_id) ?? []}
              onClose={() => go({ span: "" })}
            />
          )}
        </div>
      )}
    </main>
  );
}

function groupLogs(logs: readonly Log[]): ReadonlyMap<string, readonly Log[]> {
  const bySpan = new Map<string, Log[]>();
  for (const log of logs) {
    if (!log.span_id) continue;
    const members = bySpan.get(log.span_id);
    if (members) members.push(log);
    else bySpan.set(log.span_id, [log]);
  }
  return bySpan;
}
