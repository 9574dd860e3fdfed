import { REDACTED_KEY } from "../attributes";
import { ArrowIcon } from "../parts/icons";
import { RedactedValue } from "../parts/redacted";
import { ServiceTag } from "../parts/service";
import { formatClock, formatOffset, toDate } from "../time";
import type { Log } from "../types";
import { AttributeTable } from "./attribute_table";
import { severityOf } from "./severity";

type LogLineProps = {
  readonly log: Log;
  /** Unix nanoseconds that times are shown after. */
  readonly origin: bigint;
  readonly color?: number;
  /** The span to jump to, where there is one. */
  readonly spanName?: string;
  readonly onJump?: () => void;
};

export function LogLine({ log, origin, color, spanName, onJump }: LogLineProps) {
  const severity = severityOf(log);
  const after = Number(BigInt(log.time_unix_nano) - origin);
  const attributes = Object.keys(log.attributes).filter((key) => key !== REDACTED_KEY);
  return (
    <li class={`log-line ${severity}`}>
      <span class="log-time" title={formatClock(toDate(log.time_unix_nano))}>
        {formatOffset(after)}
      </span>
      <span class="log-severity">{log.severity_text || severity.toUpperCase()}</span>
      <span class="log-body">
        {color !== undefined && <ServiceTag name={log.service} color={color} />}
        <RedactedValue value={log.body} path="body" redacted={log.redacted} />
        {attributes.length > 0 && (
          <details class="log-attributes">
            <summary>
              {attributes.length} {attributes.length === 1 ? "attribute" : "attributes"}
            </summary>
            <AttributeTable
              attributes={log.attributes}
              paths={["attributes"]}
              redacted={log.redacted}
              filter=""
            />
          </details>
        )}
      </span>
      {onJump && (
        <button type="button" class="log-jump" onClick={onJump} title="Show the span of this line">
          <span>{spanName}</span>
          <ArrowIcon />
        </button>
      )}
    </li>
  );
}
