/**
 * What redaction left in a value, told apart from text that only looks like it.
 *
 * A marker is `[EMAIL]` or, for a pseudonym, `[EMAIL:pn_…]`. An application may write such text itself, so it
 * counts only where the record's `redacted` list names the path of the value.
 */

import type { Redaction } from "./types";

export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "marker"; readonly text: string; readonly type: string; readonly rule: string };

const MARKER = /\[([A-Z][A-Z0-9_]*)(?::[A-Za-z0-9_.-]+)?\]/g;

/** The rule that says an attribute's key, not its value, was changed. */
const KEY_RULE = "KEY";

/** The rules that changed the value at `path`, in the order they were recorded. */
export function rulesAt(redacted: readonly Redaction[], path: string): string[] {
  return redacted
    .filter((entry) => entry.path === path && entry.rule !== KEY_RULE)
    .map((entry) => entry.rule);
}

/** The rules of a text that comes without a list of what was redacted in it: its markers name them. */
export function markerRules(text: string): string[] {
  return unique([...text.matchAll(MARKER)].map((match) => match[1] ?? ""));
}

/** The rules that changed the key of the attribute at `path`. */
export function keyRulesAt(redacted: readonly Redaction[], path: string): string[] {
  return redacted.some((entry) => entry.path === path && entry.rule === KEY_RULE) ? [KEY_RULE] : [];
}

/** What was redacted in a record itself, without what it inherits from its resource and scope. */
export function ownRedactions(redacted: readonly Redaction[]): Redaction[] {
  return redacted.filter(({ path }) => !/^(resource|scope)\./.test(path));
}

/** The path of a span's status message, which has been written in two ways. */
export function statusPath(redacted: readonly Redaction[]): string {
  return redacted.some(({ path }) => path === "status_message") ? "status_message" : "status.message";
}

/** Rules that leave no marker of their own: a literal becomes `?`, a long text is cut. */
const MARKLESS: ReadonlySet<string> = new Set(["sql_literal", "too_long"]);
const isFailure = (rule: string): boolean => rule === "depth" || rule.startsWith("error:");

/** The rule behind one marker: the one of its name if any, else those that can have left it. */
function ruleOf(type: string, rules: readonly string[], types: ReadonlySet<string>): string {
  if (rules.includes(type)) return type;
  const unnamed = rules.filter((rule) => !types.has(rule) && !MARKLESS.has(rule));
  const fitting = unnamed.filter((rule) => isFailure(rule) === (type === "DROPPED"));
  return unique(fitting.length > 0 ? fitting : rules).join(", ");
}

/**
 * Cuts a value into plain text and markers; with no rule for it, all of it is plain text. A value that was
 * changed without leaving a marker (dropped, or shortened like an address) ends in an empty piece for each of its rules.
 */
export function splitMarkers(text: string, rules: readonly string[]): Piece[] {
  if (rules.length === 0) return plain(text);
  const found = [...text.matchAll(MARKER)];
  if (found.length === 0) {
    const rest = unique(rules).map(
      (rule) => ({ kind: "marker", text: "", type: typeOf(rule), rule }) as const,
    );
    return [...plain(text), ...rest];
  }
  const types = new Set(found.map((match) => match[1] ?? ""));
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of found) {
    if (match.index > end) pieces.push({ kind: "text", text: text.slice(end, match.index) });
    const type = match[1] ?? "";
    pieces.push({ kind: "marker", text: match[0], type, rule: ruleOf(type, rules, types) });
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push({ kind: "text", text: text.slice(end) });
  return pieces;
}

const unique = (rules: readonly string[]): string[] => [...new Set(rules)];

/** What a rule that left no marker is called on a chip: `key:birth_date` is BIRTH_DATE. */
const typeOf = (rule: string): string => rule.replace(/^key:/, "").toUpperCase();

const plain = (text: string): Piece[] => (text === "" ? [] : [{ kind: "text", text }]);

/** How often each rule applied, most frequent first, then by name. */
export function countRules(redacted: readonly Redaction[]): [rule: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { rule } of redacted) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}
