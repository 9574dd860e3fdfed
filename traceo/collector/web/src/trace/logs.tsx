import { useMemo } from "preact/hooks";
import { Notice } from "../parts/states";
import type { Tree } from "../tree";
import type { Log } from "../types";
import { LogLine } from "./log_line";

type LogsProps = {
  readonly logs: readonly Log[];
  readonly tree: Tree;
  readonly colors: ReadonlyMap<string, number>;
  readonly onJump: (span: string) => void;
};

/** All log lines of the trace in the order they were written, whichever service wrote them. */
export function TraceLogs({ logs, tree, colors, onJump }: LogsProps) {
  const ordered = useMemo(
    () =>
      [...logs].sort((a, b) => {
        const difference = BigInt(a.time_unix_nano) - BigInt(b.time_unix_nano);
        return difference < 0n ? -1 : difference > 0n ? 1 : 0;
      }),
    [logs],
  );
  if (ordered.length === 0) {
    return (
      <Notice title="This trace has no log lines">
        <p>Lines that Python's logging writes inside a span appear here, next to the span that wrote them.</p>
      </Notice>
    );
  }
  return (
    <ol class="log-lines trace-logs" aria-label="Log lines of the trace">
      {ordered.map((log) => {
        const node = log.span_id ? tree.byId.get(log.span_id) : undefined;
        const jump = node ? { spanName: node.span.name, onJump: () => onJump(node.span.span_id) } : {};
        return <LogLine log={log} origin={tree.origin} color={colors.get(log.service) ?? 0} {...jump} />;
      })}
    </ol>
  );
}
