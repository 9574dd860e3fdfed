/** Everything about one span. */

import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { countRules, ownRedactions, statusPath } from "../marker";
import { useMetrics } from "../metrics/list";
import { metricOfSpan } from "../metrics/of_span";
import { CopyButton } from "../parts/copy";
import { CloseIcon, ErrorIcon, ShieldIcon } from "../parts/icons";
import { RedactedText } from "../parts/redacted";
import { ServiceTag } from "../parts/service";
import { Link } from "../router";
import { formatDuration, formatOffset } from "../time";
import type { Node } from "../tree";
import type { Log, Span } from "../types";
import { traceHref } from "../url";
import { AttributeTable } from "./attribute_table";
import { Events, isException } from "./events";
import { LogLine } from "./log_line";

type DetailProps = {
  readonly node: Node;
  readonly origin: bigint;
  readonly color: number;
  readonly logs: readonly Log[];
  readonly onClose: () => void;
};

export function Detail({ node, origin, color, logs, onClose }: DetailProps) {
  const { span } = node;
  const [filter, setFilter] = useState("");
  const metrics = useMetrics().data?.metrics;
  const usual = useMemo(() => metricOfSpan(span, metrics ?? []), [span, metrics]);
  const failed = span.events.some(isException); // then its exception is what a reader came for
  const events = span.events.length > 0 && (
    <Section title="Events" count={span.events.length} open>
      <Events events={span.events} redacted={span.redacted} start={BigInt(span.start_unix_nano)} />
    </Section>
  );
  return (
    <aside class="detail" aria-label={`Span ${span.name}`}>
      <header>
        <div class="detail-title">
          <h2>
            <RedactedText text={span.name || "unnamed"} path="name" redacted={span.redacted} />
          </h2>
          <button type="button" class="icon-button" aria-label="Close the details" onClick={onClose}>
            <CloseIcon />
          </button>
        </div>
        <p class="detail-facts">
          <ServiceTag name={span.service} color={color} />
          <span>{span.kind}</span>
          <span title="Duration">{formatDuration(span.duration_ns)}</span>
          <span class="faint" title="After the start of the trace">
            {formatOffset(node.offset)}
          </span>
          {usual && (
            <Link href={usual} class="usual">
              How long such spans take
            </Link>
          )}
        </p>
        <StatusNote span={span} />
        <RedactionNote span={span} />
        <input
          type="search"
          class="detail-filter"
          placeholder="Filter attributes"
          aria-label="Filter attributes"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
      </header>
      <div class="detail-body">
        {failed && events}
        <Section title="Attributes" count={Object.keys(span.attributes).length} open>
          <AttributeTable
            attributes={span.attributes}
            paths={["attributes"]}
            redacted={span.redacted}
            filter={filter}
          />
        </Section>
        {!failed && events}
        {logs.length > 0 && (
          <Section title="Logs" count={logs.length} open>
            <ol class="log-lines">
              {logs.map((log) => (
                <LogLine log={log} origin={origin} />
              ))}
            </ol>
          </Section>
        )}
        {span.links.length > 0 && (
          <Section title="Links" count={span.links.length} open>
            <Links span={span} />
          </Section>
        )}
        <Section title="Resource" count={Object.keys(span.resource).length} open={filter !== ""}>
          <AttributeTable
            attributes={span.resource}
            paths={["resource.attributes", "resource"]}
            redacted={span.redacted}
            filter={filter}
          />
        </Section>
        <Section title="Identity" open={false}>
          <dl class="identity">
            <Identity name="Span id" value={span.span_id} />
            {span.parent_span_id && <Identity name="Parent span id" value={span.parent_span_id} />}
            <dt>Scope</dt>
            <dd>
              <span>
                <RedactedText text={span.scope.name || "none"} path="scope.name" redacted={span.redacted} />{" "}
                <span class="faint">{span.scope.version}</span>
              </span>
            </dd>
          </dl>
        </Section>
      </div>
    </aside>
  );
}

function StatusNote({ span }: { readonly span: Span }) {
  if (span.status.code !== "error") return null;
  if (!span.status.message && span.events.some(isException)) return null;
  return (
    <p class="note error">
      <ErrorIcon />
      <span>
        {span.status.message ? (
          <RedactedText
            text={span.status.message}
            path={statusPath(span.redacted)}
            redacted={span.redacted}
          />
        ) : (
          "This span ended in error."
        )}
      </span>
    </p>
  );
}

function RedactionNote({ span }: { readonly span: Span }) {
  const own = ownRedactions(span.redacted);
  const total = own.length;
  if (total === 0) return null;
  return (
    <p class="note redaction">
      <ShieldIcon />
      <span>
        {total} {total === 1 ? "value" : "values"} redacted inside the process:{" "}
        {countRules(own).map(([rule, count], index) => (
          <>
            {index > 0 && ", "}
            <code>{rule}</code>
            {count > 1 && ` ×${count}`}
          </>
        ))}
      </span>
    </p>
  );
}

type SectionProps = {
  readonly title: string;
  readonly count?: number;
  readonly open: boolean;
  readonly children: ComponentChildren;
};

function Section({ title, count, open, children }: SectionProps) {
  return (
    <details class="section" open={open}>
      <summary>
        <h3>{title}</h3>
        {count !== undefined && <span class="count">{count}</span>}
      </summary>
      {children}
    </details>
  );
}

function Identity({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <code>{value}</code>
        <CopyButton text={value} label={`Copy the ${name.toLowerCase()}`} />
      </dd>
    </>
  );
}

function Links({ span }: { readonly span: Span }) {
  return (
    <ol class="links">
      {span.links.map((link, index) => (
        <li>
          <Link href={traceHref(link.trace_id, { span: link.span_id })}>
            <code>{link.trace_id}</code>
          </Link>
          <AttributeTable
            attributes={link.attributes}
            paths={[`links.${index}.attributes`]}
            redacted={span.redacted}
            filter=""
          />
        </li>
      ))}
    </ol>
  );
}
