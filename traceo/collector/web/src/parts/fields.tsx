/** Fields that more than one page filters by. */

import { useState } from "preact/hooks";
import { fromLocalField, toLocalField } from "../time";
import { CloseIcon } from "./icons";

type ChoiceProps = {
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly all: string;
  /** Why nothing can be chosen yet; empty when it can. */
  readonly hint?: string;
  readonly onPick: (value: string) => void;
};

export function Choice({ label, value, options, all, hint = "", onPick }: ChoiceProps) {
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

type MomentProps = {
  readonly label: string;
  readonly value: string;
  readonly onPick: (value: string) => void;
};

export function Moment({ label, value, onPick }: MomentProps) {
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

type AttributeProps = {
  /** `key=value` each. */
  readonly attributes: readonly string[];
  readonly onPick: (attributes: readonly string[]) => void;
};

export function AttributeField({ attributes, onPick }: AttributeProps) {
  const [text, setText] = useState("");
  const bad = text.trim() !== "" && text.trim().indexOf("=") < 1;
  const add = () => {
    const pair = text.trim();
    if (!pair || bad) return;
    setText("");
    if (!attributes.includes(pair)) onPick([...attributes, pair]);
  };
  return (
    <div class="field grow">
      <label for="attribute-filter">Attributes</label>
      <div class="tokens">
        {attributes.map((pair) => (
          <span class="token">
            <code>{pair}</code>
            <button
              type="button"
              class="icon-button"
              aria-label={`Remove the filter ${pair}`}
              onClick={() => onPick(attributes.filter((other) => other !== pair))}
            >
              <CloseIcon />
            </button>
          </span>
        ))}
        <input
          id="attribute-filter"
          type="text"
          value={text}
          placeholder={attributes.length ? "add another" : "http.route=/checkout"}
          spellcheck={false}
          autocomplete="off"
          aria-invalid={bad}
          title={bad ? "Write key=value, such as http.route=/checkout" : "key=value, then Enter"}
          onInput={(event) => setText(event.currentTarget.value)}
          onBlur={add}
          onKeyDown={(event) => {
            if (event.key === "Enter") add();
            if (event.key === "Backspace" && !text && attributes.length) {
              onPick(attributes.slice(0, -1));
            }
          }}
        />
      </div>
    </div>
  );
}
