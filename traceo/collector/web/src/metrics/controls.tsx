/** What a metric is asked for. */

import { AttributeField, Choice, Moment } from "../parts/fields";
import { CloseIcon } from "../parts/icons";
import { RANGES } from "../ranges";
import type { Aggregation, Metric } from "../types";
import type { MetricState } from "./address";
import { AGGREGATIONS, aggregationsOf } from "./data";

/** Keys of the resource that tell the senders of a metric apart. */
const OF_SENDERS = ["service.name", "host.name", "service.instance.id", "process.pid"];
const MOST_KEYS = 4;

type ControlsProps = {
  readonly metric: Metric;
  readonly services: readonly string[];
  readonly state: MetricState;
  /** How it is shown now, chosen or by itself. */
  readonly aggregation: Aggregation | "";
  readonly onChange: (change: Partial<MetricState>) => void;
};

export function Controls({ metric, services, state, aggregation, onChange }: ControlsProps) {
  const setRange = (range: MetricState["range"]) => {
    if (range !== "custom") return onChange({ range, start: "", end: "" });
    const ms = state.range === "custom" ? 0 : RANGES[state.range].ms;
    const now = Date.now();
    onChange({ range, start: new Date(now - ms).toISOString(), end: new Date(now).toISOString() });
  };
  return (
    <search class="filters">
      <label class="field">
        <span>Show</span>
        <select
          value={aggregation}
          onChange={(event) => onChange({ aggregation: event.currentTarget.value as Aggregation })}
        >
          {aggregationsOf(metric).map((one) => (
            <option value={one}>{AGGREGATIONS[one]}</option>
          ))}
        </select>
      </label>
      <GroupBy metric={metric} keys={state.groupBy} onPick={(groupBy) => onChange({ groupBy })} />
      <Choice
        label="Service"
        value={state.service}
        options={services}
        all="All services"
        onPick={(service) => onChange({ service })}
      />
      <label class="field">
        <span>Time</span>
        <select
          value={state.range}
          onChange={(event) => setRange(event.currentTarget.value as MetricState["range"])}
        >
          {Object.entries(RANGES).map(([range, { label }]) => (
            <option value={range}>{label}</option>
          ))}
          <option value="custom">Custom range</option>
        </select>
      </label>
      {state.range === "custom" && (
        <>
          <Moment label="From" value={state.start} onPick={(start) => start && onChange({ start })} />
          <Moment label="To" value={state.end} onPick={(end) => end && onChange({ end })} />
        </>
      )}
      <AttributeField attributes={state.attributes} onPick={(attributes) => onChange({ attributes })} />
    </search>
  );
}

type GroupProps = {
  readonly metric: Metric;
  readonly keys: readonly string[];
  readonly onPick: (keys: readonly string[]) => void;
};

function GroupBy({ metric, keys, onPick }: GroupProps) {
  const left = (all: readonly string[]) => all.filter((key) => !keys.includes(key));
  const [own, senders] = [left(metric.attributes), left(OF_SENDERS)];
  return (
    <div class="field group-by">
      <label for="group-by">Group by</label>
      <div class="tokens">
        {keys.map((key) => (
          <span class="token">
            <code>{key}</code>
            <button
              type="button"
              class="icon-button"
              aria-label={`Do not group by ${key}`}
              onClick={() => onPick(keys.filter((other) => other !== key))}
            >
              <CloseIcon />
            </button>
          </span>
        ))}
        {keys.length < MOST_KEYS && (
          <select
            id="group-by"
            value=""
            onChange={(event) => {
              const key = event.currentTarget.value;
              event.currentTarget.value = "";
              if (key) onPick([...keys, key]);
            }}
          >
            <option value="">{keys.length ? "add another" : "nothing"}</option>
            {own.length > 0 && (
              <optgroup label="Attributes">
                {own.map((key) => (
                  <option value={key}>{key}</option>
                ))}
              </optgroup>
            )}
            <optgroup label="Sender">
              {senders.map((key) => (
                <option value={key}>{key}</option>
              ))}
            </optgroup>
          </select>
        )}
      </div>
    </div>
  );
}
