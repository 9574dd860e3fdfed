import { ErrorIcon, ShieldIcon } from "../parts/icons";
import { ServiceTag } from "../parts/service";
import { Link } from "../router";
import { formatClock, formatDay, formatDuration, toDate } from "../time";
import type { TraceSummary } from "../types";
import { traceHref } from "../url";

type TableProps = {
  readonly traces: readonly TraceSummary[];
  readonly colors: ReadonlyMap<string, number>;
};

export function TraceTable({ traces, colors }: TableProps) {
  const longest = Math.max(1, ...traces.map((trace) => trace.duration_ns));
  return (
    <div class="table-frame">
      <table class="traces">
        <caption class="hidden">Traces, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Start</th>
            <th scope="col">Trace</th>
            <th scope="col">Duration</th>
            <th scope="col" class="number">
              Spans
            </th>
            <th scope="col" class="number">
              Errors
            </th>
            <th scope="col">Services</th>
            <th scope="col" class="number">
              Redacted
            </th>
          </tr>
        </thead>
        <tbody>
          {traces.map((trace) => (
            <Row key={trace.trace_id} trace={trace} colors={colors} share={trace.duration_ns / longest} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function rootFirst({ services, root_service }: TraceSummary): string[] {
  return [...services].sort((a, b) => Number(b === root_service) - Number(a === root_service));
}

type RowProps = {
  readonly trace: TraceSummary;
  readonly colors: ReadonlyMap<string, number>;
  readonly share: number;
};

function Row({ trace, colors, share }: RowProps) {
  const start = toDate(trace.start_unix_nano);
  const color = (name: string): number => colors.get(name) ?? 0;
  return (
    <tr class={trace.errors > 0 ? "has-errors" : ""}>
      <td class="start">
        <time dateTime={start.toISOString()}>
          <span class="faint">{formatDay(start)}</span> {formatClock(start)}
        </time>
      </td>
      <td class="name">
        <Link href={traceHref(trace.trace_id)} class="row-link">
          {trace.root_name || "unnamed"}
        </Link>
        <ServiceTag name={trace.root_service} color={color(trace.root_service)} />
      </td>
      <td class="duration">
        <span>{formatDuration(trace.duration_ns)}</span>
        <span class={`meter service-${color(trace.root_service)}`} aria-hidden="true">
          <span style={{ width: `${Math.max(1, 100 * share).toFixed(2)}%` }} />
        </span>
      </td>
      <td class="number">{trace.spans}</td>
      <td class="number">
        {trace.errors > 0 ? (
          <span class="errors">
            <ErrorIcon />
            {trace.errors}
          </span>
        ) : (
          <span class="faint">0</span>
        )}
      </td>
      <td class="services">
        {rootFirst(trace).map((name) => (
          <ServiceTag name={name} color={color(name)} />
        ))}
      </td>
      <td class="number">
        {trace.redactions > 0 ? (
          <span class="redactions">
            <ShieldIcon />
            {trace.redactions}
          </span>
        ) : (
          <span class="faint">0</span>
        )}
      </td>
    </tr>
  );
}
