import { formatMoment } from "../time";
import type { MetricData } from "../types";
import { colorOf } from "./chart";
import { type Figures, figures } from "./data";
import { Labels } from "./labels";
import { formatValue, type Measure } from "./units";

const COLUMNS: readonly (readonly [keyof Figures, string])[] = [
  ["last", "Last"],
  ["least", "Min"],
  ["mean", "Mean"],
  ["most", "Max"],
];

type LegendProps = {
  readonly data: MetricData;
  readonly measure: Measure;
  readonly keys: readonly string[];
  readonly hidden: ReadonlySet<number>;
  readonly onHidden: (hidden: ReadonlySet<number>) => void;
  readonly onFocus: (series: number | null) => void;
  /** The step under the cursor. */
  readonly step: number | null;
};

/** A line for each series, in order of size; a click leaves only that one, a second click brings all back. */
export function Legend({ data, measure, keys, hidden, onHidden, onFocus, step }: LegendProps) {
  const all = [...data.series.keys()];
  const only = (index: number) => {
    const others = all.filter((other) => other !== index);
    const isOnly = !hidden.has(index) && others.every((other) => hidden.has(other));
    onHidden(new Set(isOnly ? [] : others));
  };
  const under = step === null ? null : data.series[0]?.points[step]?.[0];
  const text = (value: number | null | undefined) =>
    value === null || value === undefined ? <span class="faint">–</span> : formatValue(value, measure);
  return (
    <div class="table-frame legend-frame">
      <table class="legend">
        <caption class="hidden">The lines of the chart</caption>
        <thead>
          <tr>
            <th scope="col">{keys.length ? keys.join(", ") : "Series"}</th>
            <th scope="col" class="number at">
              {under ? formatMoment(new Date(Number(BigInt(under) / 1_000_000n)), "second") : ""}
            </th>
            {COLUMNS.map(([key, title]) => (
              <th scope="col" class={`number ${key}`}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {data.series.map((series, index) => {
            const found = figures(series);
            const off = hidden.has(index);
            return (
              <tr
                key={JSON.stringify(series.attributes)}
                class={off ? "off" : ""}
                onMouseEnter={() => !off && all.length > 1 && onFocus(index)}
                onMouseLeave={() => onFocus(null)}
              >
                <th scope="row">
                  <button
                    type="button"
                    class="legend-entry"
                    aria-pressed={!off}
                    disabled={all.length === 1}
                    title={all.length > 1 ? "Show only this line, or all again" : undefined}
                    onClick={() => only(index)}
                  >
                    <span
                      class={`swatch service-${colorOf(index)} ${index >= 10 ? "dashed" : ""}`}
                      aria-hidden="true"
                    />
                    <Labels attributes={series.attributes} />
                  </button>
                </th>
                <td class="number at">{step === null ? "" : text(series.points[step]?.[1])}</td>
                {COLUMNS.map(([key]) => (
                  <td class={`number ${key}`}>{text(found?.[key])}</td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
