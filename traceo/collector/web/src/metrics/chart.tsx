/** Lines over time by uPlot, with the exemplars of the metric as dots over it. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { formatMoment } from "../time";
import type { MetricData } from "../types";
import { columns, dots, type Ends, showsExemplars, spread, valueEnds } from "./data";
import { ExemplarDots } from "./exemplars";
import { axisSteps, formatValue, type Measure } from "./units";

const HEIGHT = 320;
const LOW_HEIGHT = 240;
const NARROW = 560;
/** Dots nearer to each other than this many pixels could not be told apart, or hit. */
const APART = 9;
const COLORS = 10;
const FONT = '11px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
/** Neighbours in the legend are far apart in colour. */
const ORDER = [1, 8, 7, 2, 5, 0, 4, 3, 6, 9];

export const colorOf = (series: number): number => ORDER[series % COLORS] ?? 0;

/** A colour of tokens.css as it is now: light-dark() is resolved by the browser. */
function resolved(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}

function palette() {
  return {
    text: resolved("--faint"),
    grid: resolved("--line"),
    surface: resolved("--surface"),
    series: Array.from({ length: COLORS }, (_, index) => resolved(`--service-${index}`)),
  };
}

/** Redraws when the reader or the system changes the theme. */
function onTheme(redraw: () => void): () => void {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const watch = new MutationObserver(redraw);
  watch.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  media.addEventListener("change", redraw);
  return () => {
    watch.disconnect();
    media.removeEventListener("change", redraw);
  };
}

type Area = { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
type Plot = { readonly area: Area; readonly x: Ends; readonly y: Ends };

type ChartProps = {
  readonly data: MetricData;
  readonly measure: Measure;
  /** Indexes of series that the reader has switched off. */
  readonly hidden: ReadonlySet<number>;
  /** The series to bring out, or null. */
  readonly focus: number | null;
  readonly label: string;
  /** The step under the cursor, or null when it has left. */
  readonly onStep: (step: number | null) => void;
  /** Called with the RFC 3339 ends of a dragged range. */
  readonly onRange: (start: string, end: string) => void;
};

export function Chart({ data, measure, hidden, focus, label, onStep, onRange }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const [plot, setPlot] = useState<Plot | null>(null);
  const handlers = useRef({ onStep, onRange });
  handlers.current = { onStep, onRange };
  // A chart is made anew only when its lines are others; new values of the same lines are put into it.
  const shape = `${data.name} ${data.aggregation} ${data.unit} ${data.series.length} ${data.step_s}`;
  const latest = useRef(data);
  latest.current = data;

  useLayoutEffect(() => {
    const holder = box.current;
    if (!holder) return;
    let colors = palette();
    const height = () => (holder.clientWidth < NARROW ? LOW_HEIGHT : HEIGHT);
    const made = new uPlot(
      options({
        data: () => latest.current,
        measure,
        colors: () => colors,
        width: holder.clientWidth,
        height: height(),
        onStep: (step) => handlers.current.onStep(step),
        onRange: (start, end) => handlers.current.onRange(start, end),
        onDraw: (u) => setPlot((before) => same(before, plotOf(u))),
      }),
      columns(latest.current) as uPlot.AlignedData,
      holder,
    );
    chart.current = made;
    const resize = new ResizeObserver(() => {
      if (holder.clientWidth > 0) made.setSize({ width: holder.clientWidth, height: height() });
    });
    resize.observe(holder);
    const forget = onTheme(() => {
      colors = palette();
      made.redraw(false);
    });
    return () => {
      forget();
      resize.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [shape, measure]);

  useEffect(() => chart.current?.setData(columns(data) as uPlot.AlignedData), [data]);
  useEffect(() => {
    for (const index of data.series.keys()) {
      const show = !hidden.has(index);
      if (chart.current?.series[index + 1]?.show !== show) chart.current?.setSeries(index + 1, { show });
    }
  }, [hidden, data]);
  useEffect(() => {
    chart.current?.setSeries(focus === null ? null : focus + 1, { focus: focus !== null });
  }, [focus]);

  const shown = showsExemplars(data)
    ? data.exemplars.filter(({ series }) => !hidden.has(series) && (focus === null || focus === series))
    : [];
  return (
    <section class="chart" aria-label={label}>
      <div ref={box} class="chart-lines" />
      {plot && shown.length > 0 && (
        <div
          class="dots-area"
          style={{
            left: `${plot.area.left}px`,
            top: `${plot.area.top}px`,
            width: `${plot.area.width}px`,
            height: `${plot.area.height}px`,
          }}
        >
          <ExemplarDots
            dots={spread(dots(shown, plot.x, plot.y), plot.area.width, plot.area.height, APART)}
            series={data.series}
            measure={measure}
          />
        </div>
      )}
    </section>
  );
}

function plotOf(u: uPlot): Plot {
  const { x, y } = u.scales;
  return {
    area: {
      left: u.over.offsetLeft,
      top: u.over.offsetTop,
      width: u.over.clientWidth,
      height: u.over.clientHeight,
    },
    x: [x?.min ?? 0, x?.max ?? 1],
    y: [y?.min ?? 0, y?.max ?? 1],
  };
}

const same = (before: Plot | null, now: Plot): Plot =>
  before && JSON.stringify(before) === JSON.stringify(now) ? before : now;

type Drawn = {
  readonly data: () => MetricData;
  readonly measure: Measure;
  readonly colors: () => ReturnType<typeof palette>;
  readonly width: number;
  readonly height: number;
  readonly onStep: (step: number | null) => void;
  readonly onRange: (start: string, end: string) => void;
  readonly onDraw: (u: uPlot) => void;
};

function options({ data, measure, colors, width, height, onStep, onRange, onDraw }: Drawn): uPlot.Options {
  const { kind, series, step_s } = data();
  const steps = axisSteps(measure);
  const axis = {
    stroke: () => colors().text,
    font: FONT,
    grid: { stroke: () => colors().grid, width: 1 },
    ticks: { show: false },
  };
  const line = (index: number): uPlot.Series => {
    const color = () => colors().series[colorOf(index)] ?? "";
    return {
      stroke: color,
      width: 1.75,
      ...(index >= COLORS ? { dash: [5, 4] } : {}),
      ...(series.length === 1 ? { fill: () => faint(color()) } : {}),
      // a value between two holes has no line: it is shown as a point
      points: { show: true, size: 5, fill: color, filter: (u, i) => lonely(u.data[i] ?? []) },
      spanGaps: false,
    };
  };
  return {
    width,
    height,
    padding: [12, 12, 0, 0],
    legend: { show: false },
    focus: { alpha: 0.2 },
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: 6 },
      points: {
        size: 9,
        width: 2,
        stroke: () => colors().surface,
        fill: (_, i) => colors().series[colorOf(i - 1)] ?? "",
      },
    },
    scales: {
      x: { time: true, range: () => ends(data()) },
      y: {
        range: (u) => {
          const lines = u.data.slice(1).filter((_, i) => u.series[i + 1]?.show);
          const values = showsExemplars(data()) ? data().exemplars.map(({ value }) => value) : [];
          return [...valueEnds(lines as (number | null)[][], values, kind)] as [number, number];
        },
      },
    },
    axes: [
      { ...axis, space: 70, size: 30, values: (_, splits, __, ___, incr) => moments(splits, incr) },
      {
        ...axis,
        ...(steps ? { incrs: steps } : {}),
        space: 42,
        size: (_, values) => 18 + 6.4 * Math.max(4, ...(values ?? []).map((text) => text.length)),
        values: (_, splits) => splits.map((value) => formatValue(value, measure)),
      },
    ],
    series: [{}, ...series.map((_, index) => line(index))],
    hooks: {
      draw: [onDraw],
      setCursor: [(u) => onStep(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          if (u.select.width < 6) return;
          const moment = (left: number) => new Date(u.posToVal(left, "x") * 1000).toISOString();
          onRange(moment(u.select.left), moment(u.select.left + u.select.width));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };

  function ends(now: MetricData): [number, number] {
    const start = Number(BigInt(now.start_unix_nano) / 1_000_000n) / 1000;
    return [start, start + Math.max(1, now.series[0]?.points.length ?? 1) * step_s];
  }
}

const faint = (color: string): string => color.replace(/^rgb\((.*)\)$/, "rgba($1, 0.09)");

/** Indexes of values without a neighbour. */
function lonely(values: ArrayLike<number | null | undefined>): number[] {
  const has = (index: number) => values[index] !== null && values[index] !== undefined;
  return Array.from(values, (_, index) => index).filter(
    (index) => has(index) && !has(index - 1) && !has(index + 1),
  );
}

const DAY_S = 86_400;

/** Labels of the time axis; the day is told where it changes. */
function moments(splits: readonly number[], step: number): string[] {
  let day = "";
  return splits.map((at) => {
    const text = formatMoment(new Date(at * 1000), step >= DAY_S ? "day" : step >= 60 ? "minute" : "second");
    const [date = "", time = ""] = text.split(" ");
    const isNew = date !== day;
    const first = day === "";
    day = date;
    if (step >= DAY_S) return date;
    return isNew && !first ? `${time}\n${date}` : time;
  });
}
