import { useEffect, useState } from "preact/hooks";
import { useAnswer } from "../api";
import { AttributeField, Choice, Moment } from "../parts/fields";
import { RANGES } from "../ranges";
import { Link, navigate } from "../router";
import { parseDuration } from "../time";
import type { OperationList } from "../types";
import { isUnfiltered, type ListState, listHref, NO_FILTER } from "../url";

/** How the collector reads several filters at once. */
const ONE_SPAN = "A trace is listed when one of its spans meets all filters";

type FiltersProps = { readonly state: ListState; readonly services: readonly string[] };

export function Filters({ state, services }: FiltersProps) {
  const go = (change: Partial<ListState>) => navigate(listHref({ ...state, cursor: "", ...change }));
  const operations = useAnswer<OperationList>(
    state.service ? `operations ${state.service}` : null,
    () => `/api/traceo/operations?${new URLSearchParams({ service: state.service })}`,
  );
  const names = [...new Set((operations.data?.operations ?? []).map(({ name }) => name))].sort();
  return (
    <search class="filters" title={ONE_SPAN}>
      <Choice
        label="Service"
        value={state.service}
        options={services}
        all="All services"
        onPick={(service) => go({ service, operation: "" })}
      />
      <Choice
        label="Operation"
        value={state.operation}
        options={names}
        all="All operations"
        hint={state.service || state.operation ? "" : "Pick a service first"}
        onPick={(operation) => go({ operation })}
      />
      <StatusChoice value={state.status} onPick={(status) => go({ status })} />
      <label class="field">
        <span>Time</span>
        <select
          value={state.range}
          onChange={(event) =>
            go({ range: event.currentTarget.value as ListState["range"], start: "", end: "" })
          }
        >
          <option value="">Any time</option>
          {Object.entries(RANGES).map(([range, { label }]) => (
            <option value={range}>{label}</option>
          ))}
          <option value="custom">Custom range</option>
        </select>
      </label>
      {state.range === "custom" && (
        <>
          <Moment label="From" value={state.start} onPick={(start) => go({ start, range: "custom" })} />
          <Moment label="To" value={state.end} onPick={(end) => go({ end, range: "custom" })} />
        </>
      )}
      <DurationField label="Min duration" hint="10ms" value={state.min} onPick={(min) => go({ min })} />
      <DurationField label="Max duration" hint="1.5s" value={state.max} onPick={(max) => go({ max })} />
      <AttributeField attributes={state.attributes} onPick={(attributes) => go({ attributes })} />
      {!isUnfiltered(state) && (
        <Link class="button quiet clear" href={listHref({ ...NO_FILTER, live: state.live })}>
          Clear all
        </Link>
      )}
    </search>
  );
}

const STATUSES = [
  ["", "All"],
  ["error", "Errors"],
] as const;

type StatusProps = {
  readonly value: ListState["status"];
  readonly onPick: (value: ListState["status"]) => void;
};

function StatusChoice({ value, onPick }: StatusProps) {
  return (
    <fieldset class="field segments">
      <legend>Status</legend>
      <div>
        {STATUSES.map(([status, label]) => (
          <label>
            <input
              type="radio"
              name="status"
              value={status}
              checked={value === status}
              onChange={() => onPick(status)}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

type DurationProps = {
  readonly label: string;
  readonly hint: string;
  readonly value: string;
  readonly onPick: (value: string) => void;
};

function DurationField({ label, hint, value, onPick }: DurationProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const bad = text.trim() !== "" && parseDuration(text) === null;
  const commit = () => !bad && text.trim() !== value && onPick(text.trim());
  return (
    <label class="field short">
      <span>{label}</span>
      <input
        type="text"
        value={text}
        placeholder={hint}
        spellcheck={false}
        autocomplete="off"
        aria-invalid={bad}
        title={bad ? "Write a duration such as 250ms, 1.5s or 2m" : undefined}
        onInput={(event) => setText(event.currentTarget.value)}
        onBlur={commit}
        onKeyDown={(event) => event.key === "Enter" && commit()}
      />
    </label>
  );
}
