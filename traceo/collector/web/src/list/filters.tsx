import { useEffect, useState } from "preact/hooks";
import { useAnswer } from "../api";
import { CloseIcon } from "../parts/icons";
import { Link, navigate } from "../router";
import { fromLocalField, parseDuration, toLocalField } from "../time";
import type { OperationList } from "../types";
import { isUnfiltered, type ListState, listHref, NO_FILTER, RANGES } from "../url";

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
      <AttributeField state={state} onPick={(attributes) => go({ attributes })} />
      {!isUnfiltered(state) && (
        <Link class="button quiet clear" href={listHref({ ...NO_FILTER, live: state.live })}>
          Clear all
        </Link>
      )}
    </search>
  );
}

type ChoiceProps = {
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly all: string;
  /** Why nothing can be chosen yet; empty when it can. */
  readonly hint?: string;
  readonly onPick: (value: string) => void;
};

function Choice({ label, value, options, all, hint = "", onPick }: ChoiceProps) {
  // A value from the address stays selectable even when the collector does not list it (yet).
  const shown = value && !options.includes(value) ? [value, ...options] : options;
  return (
    <label class="field">
      <span>{label}</span>
      <select
        value={value}
        disabled={hint !== ""}
        title={hint || undefined}
        onChange={(event) => onPick(event.currentTarget.value)}
      >
        <option value="">{all}</option>
        {shown.map((option) => (
          <option value={option}>{option}</option>
        ))}
      </select>
    </label>
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

type MomentProps = {
  readonly label: string;
  readonly value: string;
  readonly onPick: (value: string) => void;
};

function Moment({ label, value, onPick }: MomentProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        type="datetime-local"
        value={toLocalField(value)}
        onChange={(event) => onPick(fromLocalField(event.currentTarget.value))}
      />
    </label>
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

type AttributeProps = { readonly state: ListState; readonly onPick: (attributes: readonly string[]) => void };

function AttributeField({ state, onPick }: AttributeProps) {
  const [text, setText] = useState("");
  const bad = text.trim() !== "" && text.trim().indexOf("=") < 1;
  const add = () => {
    const pair = text.trim();
    if (!pair || bad) return;
    setText("");
    if (!state.attributes.includes(pair)) onPick([...state.attributes, pair]);
  };
  return (
    <div class="field grow">
      <label for="attribute-filter">Attributes</label>
      <div class="tokens">
        {state.attributes.map((pair) => (
          <span class="token">
            <code>{pair}</code>
            <button
              type="button"
              class="icon-button"
              aria-label={`Remove the filter ${pair}`}
              onClick={() => onPick(state.attributes.filter((other) => other !== pair))}
            >
              <CloseIcon />
            </button>
          </span>
        ))}
        <input
          id="attribute-filter"
          type="text"
          value={text}
          placeholder={state.attributes.length ? "add another" : "http.route=/checkout"}
          spellcheck={false}
          autocomplete="off"
          aria-invalid={bad}
          title={bad ? "Write key=value, such as http.route=/checkout" : "key=value, then Enter"}
          onInput={(event) => setText(event.currentTarget.value)}
          onBlur={add}
          onKeyDown={(event) => {
            if (event.key === "Enter") add();
            if (event.key === "Backspace" && !text && state.attributes.length) {
              onPick(state.attributes.slice(0, -1));
            }
          }}
        />
      </div>
    </div>
  );
}
