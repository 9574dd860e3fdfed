/** What a series is: the values of the keys it is grouped by, with a chip where redaction left a marker. */

import { markerRules } from "../marker";
import { RedactedText } from "../parts/redacted";
import type { MetricSeries } from "../types";

export function LabelValue({ value }: { readonly value: string | null }) {
  if (value === null) return <span class="faint">none</span>;
  if (value === "") return <span class="faint">empty</span>;
  return <RedactedText text={value} path="" redacted={[]} rules={markerRules(value)} plain />;
}

export function Labels({ attributes }: Pick<MetricSeries, "attributes">) {
  const entries = Object.entries(attributes);
  if (entries.length === 0) return <span class="label">all</span>;
  return (
    <>
      {entries.map(([key, value]) => (
        <span class="label">
          {entries.length > 1 && <span class="label-key">{key}=</span>}
          <LabelValue value={value} />
        </span>
      ))}
    </>
  );
}

/** The same for a screen reader, behind a comma. */
export function labelText(attributes: MetricSeries["attributes"]): string {
  return Object.entries(attributes)
    .map(([key, value]) => `, ${key} ${value ?? "none"}`)
    .join("");
}
