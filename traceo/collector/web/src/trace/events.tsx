import { CopyButton } from "../parts/copy";
import { RedactedText } from "../parts/redacted";
import { formatOffset } from "../time";
import type { Attributes, Redaction, SpanEvent } from "../types";
import { AttributeTable } from "./attribute_table";

type EventsProps = {
  readonly events: readonly SpanEvent[];
  readonly redacted: readonly Redaction[];
  /** Unix nanoseconds of the span's start. */
  readonly start: bigint;
};

/** OpenTelemetry's convention for an exception a span recorded. */
export const isException = (event: SpanEvent): boolean =>
  typeof event.attributes["exception.type"] === "string";

export function Events({ events, redacted, start }: EventsProps) {
  return (
    <ol class="events">
      {events.map((event, index) => {
        const path = `events.${index}`;
        const after = Number(BigInt(event.time_unix_nano) - start);
        return (
          <li class={isException(event) ? "exception" : ""}>
            <p class="event-title">
              <strong>
                <RedactedText text={event.name} path={`${path}.name`} redacted={redacted} />
              </strong>
              <span class="faint">{formatOffset(after)}</span>
            </p>
            {isException(event) ? (
              <Exception attributes={event.attributes} path={`${path}.attributes`} redacted={redacted} />
            ) : (
              Object.keys(event.attributes).length > 0 && (
                <AttributeTable
                  attributes={event.attributes}
                  paths={[`${path}.attributes`]}
                  redacted={redacted}
                  filter=""
                />
              )
            )}
          </li>
        );
      })}
    </ol>
  );
}

type ExceptionProps = {
  readonly attributes: Attributes;
  readonly path: string;
  readonly redacted: readonly Redaction[];
};

/** An exception as Python prints it: type, message, and the stack below. */
function Exception({ attributes, path, redacted }: ExceptionProps) {
  const {
    "exception.type": type,
    "exception.message": message,
    "exception.stacktrace": stack,
    ...others
  } = attributes;
  return (
    <>
      <p class="exception-title">
        <code>{String(type)}</code>
        {typeof message === "string" && message !== "" && (
          <>
            {": "}
            <RedactedText text={message} path={`${path}.exception.message`} redacted={redacted} />
          </>
        )}
      </p>
      {typeof stack === "string" && stack !== "" && (
        <section class="code" aria-label="Stack trace">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by key */}
          <pre tabIndex={0}>
            <RedactedText text={stack.trimEnd()} path={`${path}.exception.stacktrace`} redacted={redacted} />
          </pre>
          <CopyButton text={stack} label="Copy the stack trace" />
        </section>
      )}
      {Object.keys(others).length > 0 && (
        <AttributeTable attributes={others} paths={[path]} redacted={redacted} filter="" />
      )}
    </>
  );
}
