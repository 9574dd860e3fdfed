/** The listed traces over time, slow ones high; dragging over it picks a time range. */

import { useMemo, useRef, useState } from "preact/hooks";
import { closeTip, openTip } from "../parts/tip";
import { follow } from "../router";
import { formatClock, formatDay, formatDuration, toDate } from "../time";
import type { TraceSummary } from "../types";
import { traceHref } from "../url";

type Scale = { readonly from: number; readonly to: number };

const part = (value: number, { from, to }: Scale): number => (value - from) / (to - from);
const percent = (value: number): string => `${(100 * value).toFixed(3)}%`;

/** A little room on both sides, and a width even when all are equal. */
function around(values: readonly number[], room: number, least: number): Scale {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const margin = Math.max((high - low) * room, (least - (high - low)) / 2);
  return { from: low - margin, to: high + margin };
}

const logOf = (ns: number): number => Math.log10(Math.max(ns, 1));

type ScatterProps = {
  readonly traces: readonly TraceSummary[];
  /** Called with the RFC 3339 ends of a dragged range. */
  readonly onRange: (start: string, end: string) => void;
};

export function Scatter({ traces, onRange }: ScatterProps) {
  const plot = useRef<SVGSVGElement>(null);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const points = useMemo(
    () =>
      traces.map((trace) => ({
        trace,
        ms: toDate(trace.start_unix_nano).getTime(),
        log: logOf(trace.duration_ns),
      })),
    [traces],
  );
  const x = around(
    points.map(({ ms }) => ms),
    0.02,
    20,
  );
  const y = around(
    points.map(({ log }) => log),
    0.12,
    1,
  );
  const decades: number[] = [];
  for (let power = Math.ceil(y.from); power <= y.to; power++) decades.push(power);
  const days = formatDay(new Date(x.from)) !== formatDay(new Date(x.to));
  const moments = [0.02, 0.25, 0.5, 0.75, 0.98].map((at) => ({
    at,
    date: new Date(x.from + at * (x.to - x.from)),
  }));

  const at = (event: PointerEvent): number => {
    const box = plot.current?.getBoundingClientRect();
    return box ? Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) : 0;
  };
  const finish = () => {
    setDrag(null);
    if (!drag || Math.abs(drag.to - drag.from) < 0.01) return;
    const [low, high] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
    const moment = (share: number) => new Date(x.from + share * (x.to - x.from)).toISOString();
    onRange(moment(low), moment(high));
  };

  return (
    <figure class="scatter">
      <figcaption>
        Duration over time <span class="faint">drag to pick a range</span>
      </figcaption>
      <div class="plot">
        <div class="y-axis" aria-hidden="true">
          {decades.map((power) => (
            <span style={{ bottom: percent(part(power, y)) }}>{formatDuration(10 ** power)}</span>
          ))}
        </div>
        <svg
          ref={plot}
          role="img"
          aria-label={`${traces.length} traces by start and duration; the table below lists them`}
          onPointerDown={(event) => {
            if (event.button !== 0 || (event.target as Element).tagName === "circle") return;
            plot.current?.setPointerCapture(event.pointerId);
            setDrag({ from: at(event), to: at(event) });
          }}
          onPointerMove={(event) => drag && setDrag({ ...drag, to: at(event) })}
          onPointerUp={finish}
          onPointerCancel={() => setDrag(null)}
        >
          {decades.map((power) => {
            const line = percent(1 - part(power, y));
            return <line class="grid" x1="0" x2="100%" y1={line} y2={line} />;
          })}
          {drag && (
            <rect
              class="drag"
              x={percent(Math.min(drag.from, drag.to))}
              width={percent(Math.abs(drag.to - drag.from))}
              y="0"
              height="100%"
            />
          )}
          {points.map(({ trace, ms, log }) => (
            <a
              key={trace.trace_id}
              href={traceHref(trace.trace_id)}
              tabIndex={-1}
              onMouseEnter={(event) => openTip(event.currentTarget, <PointTip trace={trace} />)}
              onMouseLeave={closeTip}
              onClick={(event) => follow(event, traceHref(trace.trace_id))}
            >
              <circle
                class={trace.errors > 0 ? "error" : ""}
                cx={percent(part(ms, x))}
                cy={percent(1 - part(log, y))}
                r={Math.min(7, 3 + Math.sqrt(trace.spans) / 2.5).toFixed(1)}
              />
            </a>
          ))}
        </svg>
        <div class="x-axis" aria-hidden="true">
          {moments.map(({ at: share, date }) => (
            <span style={{ left: percent(share) }}>
              {days ? `${formatDay(date).slice(5)} ` : ""}
              {formatClock(date).slice(0, x.to - x.from < 10_000 ? 12 : 8)}
            </span>
          ))}
        </div>
      </div>
    </figure>
  );
}

function PointTip({ trace }: { readonly trace: TraceSummary }) {
  return (
    <>
      <strong class="tip-title">{trace.root_name}</strong>
      <span>
        {trace.root_service} · {formatDuration(trace.duration_ns)} · {trace.spans} spans
        {trace.errors > 0 && ` · ${trace.errors} ${trace.errors === 1 ? "error" : "errors"}`}
      </span>
    </>
  );
}
