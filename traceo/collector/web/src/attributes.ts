/** Attributes in groups a reader looks for, and values as text. */

import type { Attributes, Value } from "./types";

/** The pipeline's own list of what it redacted; shown as chips, not as an attribute. */
export const REDACTED_KEY = "traceo.redacted";

const TITLES: Readonly<Record<string, string>> = {
  http: "HTTP",
  url: "URL",
  db: "Database",
  server: "Server",
  client: "Client",
  network: "Network",
  user_agent: "User agent",
  exception: "Exception",
  error: "Error",
  code: "Code",
  thread: "Thread",
  process: "Process",
  host: "Host",
  os: "Operating system",
  service: "Service",
  telemetry: "Telemetry",
  messaging: "Messaging",
  rpc: "RPC",
  gen_ai: "Generative AI",
  enduser: "User",
  user: "User",
  traceo: "Traceo",
};

export type Group = { readonly title: string; readonly entries: readonly (readonly [string, Value])[] };

/** A value as one text, as it is copied. */
export function valueText(value: Value): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function matches(key: string, value: Value, words: readonly string[]): boolean {
  const text = `${key} ${valueText(value)}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/**
 * Groups by the first part of the key; keys without a known or shared first part come first, in one group.
 * Only attributes that contain every word of `filter` (in key or value, in any case) are kept.
 */
export function groupAttributes(attributes: Attributes, filter = ""): Group[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const entries = Object.entries(attributes)
    .filter(([key, value]) => key !== REDACTED_KEY && matches(key, value, words))
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const byPrefix = new Map<string, (readonly [string, Value])[]>();
  for (const entry of entries) {
    const prefix = prefixOf(entry[0]);
    byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), entry]);
  }
  const own: (readonly [string, Value])[] = [];
  const groups: Group[] = [];
  for (const [prefix, members] of byPrefix) {
    const title = TITLES[prefix];
    if (title) groups.push({ title, entries: members });
    else if (prefix && members.length > 1) groups.push({ title: prefix, entries: members });
    else own.push(...members);
  }
  groups.sort((a, b) => a.title.localeCompare(b.title));
  return own.length > 0 ? [{ title: "General", entries: own }, ...groups] : groups;
}

function prefixOf(key: string): string {
  const dot = key.indexOf(".");
  return dot > 0 ? key.slice(0, dot) : "";
}
