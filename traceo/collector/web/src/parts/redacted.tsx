/** Values as they came, with a chip where redaction took something out. */

import type { ComponentChildren } from "preact";
import { rulesAt, splitMarkers } from "../marker";
import type { Redaction, Value } from "../types";
import { ShieldIcon } from "./icons";
import { tipOf } from "./tip";

const PROMISE = "The value never left the process.";

function describeRule(rule: string): ComponentChildren {
  return rule.split(", ").map((one, index) => (
    <>
      {index > 0 && ", "}
      <code>{one}</code>
    </>
  ));
}

type ChipProps = {
  readonly type: string;
  readonly rule: string;
  readonly marker: string;
  readonly plain: boolean;
};

function Chip({ type, rule, marker, plain }: ChipProps) {
  const label = `Redacted ${type}, rule ${rule}. ${PROMISE}`;
  const inside = (
    <>
      <ShieldIcon />
      {type}
    </>
  );
  const tip = tipOf(
    <>
      <strong class="tip-title">
        <ShieldIcon /> Redacted by rule {describeRule(rule)}
      </strong>
      <span>{PROMISE}</span>
      {marker.includes(":") && <code class="tip-note">{marker.slice(1, -1)}</code>}
    </>,
  );
  if (plain) {
    return (
      <span
        class="chip"
        role="img"
        aria-label={label}
        onMouseEnter={tip.onMouseEnter}
        onMouseLeave={tip.onMouseLeave}
      >
        {inside}
      </span>
    );
  }
  return (
    <button type="button" class="chip" aria-label={label} data-rule={rule} {...tip}>
      {inside}
    </button>
  );
}

type TextProps = {
  readonly text: string;
  readonly path: string;
  readonly redacted: readonly Redaction[];
  /** The rules to look for; those of the value at `path` when absent. */
  readonly rules?: readonly string[];
  /** Inside another control a chip may not be a control of its own. */
  readonly plain?: boolean;
};

export function RedactedText({ text, path, redacted, rules, plain = false }: TextProps) {
  const pieces = splitMarkers(text, rules ?? rulesAt(redacted, path));
  return (
    <>
      {pieces.map((piece) =>
        piece.kind === "text" ? (
          piece.text
        ) : (
          <>
            {piece.text === "" && text !== "" && " "}
            <Chip type={piece.type} rule={piece.rule} marker={piece.text} plain={plain} />
          </>
        ),
      )}
    </>
  );
}

type ValueProps = { readonly value: Value; readonly path: string; readonly redacted: readonly Redaction[] };

/** Any attribute value; nested ones as indented lines, where each leaf has a path of its own. */
export function RedactedValue({ value, path, redacted }: ValueProps) {
  if (typeof value === "string") {
    if (value === "" && rulesAt(redacted, path).length === 0) return <span class="faint">empty</span>;
    return <RedactedText text={value} path={path} redacted={redacted} />;
  }
  if (value === null) return <span class="faint">null</span>;
  if (typeof value !== "object") return <span class="literal">{String(value)}</span>;
  const entries = Object.entries(value as { readonly [key: string]: Value });
  if (entries.length === 0) return <span class="faint">{Array.isArray(value) ? "[]" : "{}"}</span>;
  return (
    <ul class="nested">
      {entries.map(([key, member]) => (
        <li>
          <span class="nested-key">{key}</span>{" "}
          <RedactedValue value={member} path={`${path}.${key}`} redacted={redacted} />
        </li>
      ))}
    </ul>
  );
}
