/** OpenTelemetry's severity numbers (1–24) as the six names they group into. */

import type { Log } from "../types";

const NAMES = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type Severity = (typeof NAMES)[number];

/** The group of a severity number; 0 (unspecified) counts as info. */
export function severityOf(log: Pick<Log, "severity_number">): Severity {
  if (log.severity_number < 1) return "info";
  return NAMES[Math.min(NAMES.length - 1, Math.floor((log.severity_number - 1) / 4))] ?? "info";
}
